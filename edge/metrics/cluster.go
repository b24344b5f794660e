package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/peer"
	"github.com/letteros/letteredge/gossip/control"
	"github.com/letteros/letteredge/gossip/spread"
	"github.com/letteros/letteredge/invalidation/driver"
	"github.com/letteros/letteredge/quota"
)

// Cluster are the figures of a node's part in its cluster; a node by itself is a
// cluster of one. All are read at a scrape.
type Cluster struct {
	// Nodes are the cluster's, as this node sees them.
	Nodes func() []adminapi.Node
	// Standing is how this node stands to the others.
	Standing func() Standing
	Gossip   func() spread.Stats
	// Lost counts messages to other nodes that did not go out, and broadcasts that
	// were dropped.
	Lost func() (messages, broadcasts uint64)
	// Refused counts handshakes with strangers that were ended.
	Refused func() (foreign, forged uint64)
	// Peers are the upstreams that ask other nodes first, and Elsewhere what asks
	// them last; empty and nil for a node by itself.
	Peers     []*peer.Upstream
	Elsewhere *peer.Elsewhere
	// Records is up to which index of the control log this node has the records.
	Records func() uint64
	// Control and Driver are a voter's; nil on other nodes.
	Control func() control.Stats
	Driver  func() driver.Stats
	// Purges counts the latest purges by their state.
	Purges   func() map[string]int
	Receipts *Receipts
	// Pins are the copies on disk, and those that were not kept.
	Pins func() (count, bytes int64, lost uint64)
	// Candidates counts the fills of candidates.
	Candidates func() (done, failed uint64)
	Quotas     *quota.Registry
}

// Standing is how a node stands to the others.
type Standing struct {
	Ready, Isolated bool
	// WatermarkAge is how long ago the node was sure to have everything.
	WatermarkAge time.Duration
}

// Receipts measures how long receipts take.
type Receipts struct{ after prometheus.Histogram }

// NewReceipts returns one that has measured nothing.
func NewReceipts() *Receipts {
	return &Receipts{prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "letteredge_purge_receipt_seconds",
		Help:    "Time from the acceptance of a purge by this node to another node's receipt.",
		Buckets: prometheus.ExponentialBuckets(0.001, 2, 15),
	})}
}

// Came notes that a receipt came that long after the purge was accepted.
func (r *Receipts) Came(after time.Duration) { r.after.Observe(after.Seconds()) }

func (c Cluster) collect(emit emit) {
	c.members(emit)
	c.gossip(emit)
	c.peers(emit)
	c.log(emit)
	c.documents(emit)
	for state, n := range c.Purges() {
		emit.gauge("letteredge_purges", "Purges that are known, the latest 2,000, by state.", float64(n), "state", state)
	}
	emit.gauge("letteredge_quota_sharing", "1 if this node spends its share of the quotas, 0 while others have not made room for it.", one(c.Quotas.Sharing()))
}

func (c Cluster) members(emit emit) {
	states := map[string]int{
		adminapi.NodeStarting: 0, adminapi.NodeReady: 0, adminapi.NodeIsolated: 0, adminapi.NodeUnreachable: 0, adminapi.NodeLeft: 0,
	}
	for _, n := range c.Nodes() {
		states[n.State]++
	}
	for state, n := range states {
		emit.gauge("letteredge_nodes", "Nodes of the cluster as this one sees them, itself included, by state.", float64(n), "state", state)
	}
	s := c.Standing()
	emit.gauge("letteredge_ready", "1 once this node has had all that a majority of the voters named.", one(s.Ready))
	emit.gauge("letteredge_isolated", "1 while no majority of the voters has confirmed of late that this node has everything.", one(s.Isolated))
	emit.gauge("letteredge_watermark_age_seconds", "How long ago this node was sure to have everything.", s.WatermarkAge.Seconds())
}

func (c Cluster) gossip(emit emit) {
	s := c.Gossip()
	for _, d := range []struct {
		reason string
		n      uint64
	}{
		{"forged", s.Forged}, {"foreign", s.Foreign}, {"replayed", s.Replayed},
		{"malformed", s.Malformed}, {"unknown", s.Unknown}, {"failed", s.Failed},
	} {
		emit.counter("letteredge_gossip_dropped_total", "What came from other nodes and was not taken in.", float64(d.n), "reason", d.reason)
	}
	emit.counter("letteredge_gossip_purges_total", "Purges of other nodes that were taken in.", float64(s.Purges))
	emit.counter("letteredge_gossip_repairs_total", "Comparisons that other nodes asked for to find what they lack.", float64(s.Repaired))
	emit.counter("letteredge_cache_emptied_total", "Times that the cache was emptied as purges may have been missed.", float64(s.Clamped))
	foreign, forged := c.Refused()
	emit.counter("letteredge_peer_handshakes_refused_total", "Handshakes with whoever is no node of this cluster, or another than was to be there.", float64(foreign), "reason", "foreign")
	emit.counter("letteredge_peer_handshakes_refused_total", "Handshakes with whoever is no node of this cluster, or another than was to be there.", float64(forged), "reason", "forged")
	messages, broadcasts := c.Lost()
	emit.counter("letteredge_gossip_lost_total", "Messages that did not reach their node, or were too many.", float64(messages), "way", "stream")
	emit.counter("letteredge_gossip_lost_total", "Messages that did not reach their node, or were too many.", float64(broadcasts), "way", "broadcast")
}

func (c Cluster) peers(emit emit) {
	var own, answered, behind, refused, passed uint64
	for _, u := range c.Peers {
		own += u.Stats.Own.Load()
		answered += u.Stats.Answered.Load()
		behind += u.Stats.Behind.Load()
		refused += u.Stats.Refused.Load()
		passed += u.Stats.PassedBy.Load()
	}
	for _, r := range []struct {
		result string
		n      uint64
	}{{"own", own}, {"answered", answered}, {"behind", behind}, {"refused", refused}, {"passed_by", passed}} {
		emit.counter("letteredge_peer_fills_total", "Fills by what the region's owner of the key did: own if this node is it.", float64(r.n), "result", r.result)
	}
	var found, missed, skipped uint64
	if e := c.Elsewhere; e != nil {
		found, missed, skipped = e.Stats.Found.Load(), e.Stats.Missed.Load(), e.Stats.Skipped.Load()
	}
	for _, r := range []struct {
		result string
		n      uint64
	}{{"found", found}, {"missed", missed}, {"skipped", skipped}} {
		emit.counter("letteredge_peer_searches_total", "Searches on other nodes for what neither owner nor origin gave.", float64(r.n), "result", r.result)
	}
}

func (c Cluster) log(emit emit) {
	emit.gauge("letteredge_records_index", "Index of the control log up to which this node has the records.", float64(c.Records()))
	if c.Control == nil {
		return
	}
	s := c.Control()
	emit.gauge("letteredge_control_leader", "1 if this voter leads the control log.", one(s.Leads))
	emit.gauge("letteredge_control_term", "Term of the control log on this voter.", float64(s.Term))
	emit.gauge("letteredge_control_last_index", "Index of the last entry of the control log on this voter.", float64(s.Last))
	emit.gauge("letteredge_control_applied_index", "Index up to which this voter has applied the control log.", float64(s.Applied))
}

func (c Cluster) documents(emit emit) {
	count, bytes, lost := c.Pins()
	emit.gauge("letteredge_pins", "Copies of managed artifacts that are kept on disk.", float64(count))
	emit.gauge("letteredge_pins_bytes", "Bytes of the copies that are kept on disk.", float64(bytes))
	emit.counter("letteredge_pins_lost_total", "Copies that were not kept on disk: it was slow, or full.", float64(lost))
	done, failed := c.Candidates()
	emit.counter("letteredge_candidate_fills_total", "Candidates that rollouts had this node fetch.", float64(done), "result", "done")
	emit.counter("letteredge_candidate_fills_total", "Candidates that rollouts had this node fetch.", float64(failed), "result", "failed")
	if c.Driver == nil {
		return
	}
	s := c.Driver()
	for state, n := range s.Transitions {
		emit.counter("letteredge_rollout_transitions_total", "Rollouts that came into a state by this node, as the leader.", float64(n), "state", string(state))
	}
	emit.counter("letteredge_rollout_failed_jobs_total", "Jobs of rollouts whose check failed, as the leader saw it.", float64(s.Failed))
	emit.counter("letteredge_rollout_retries_total", "Jobs and writes of rollouts that the leader had to try again.", float64(s.Retried))
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
