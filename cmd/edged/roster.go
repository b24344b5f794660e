package main

import (
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/gossip/spread"
	"github.com/letteros/letteredge/gossip/swim"
	"github.com/letteros/letteredge/invalidation"
	"github.com/letteros/letteredge/quota"
)

// roster is who belongs to the cluster, by the control log, and who is there, by
// the pools. What it says is put together on every change, as it is asked for
// often.
type roster struct {
	log     *slog.Logger
	self    gossip.Member
	records *gossip.Records
	pools   func() []swim.Member
	voters  map[string]string // address by id

	now atomic.Pointer[view]

	mu    sync.Mutex
	heard map[string]heard // guarded by mu
}

// heard is what a node has said: when it, or a former process of it, was heard last,
// and the latest report.
type heard struct {
	at     time.Time
	report spread.Report
}

// view is the roster of one moment. Immutable.
type view struct {
	nodes    map[string]enrolment
	peers    map[string]string    // where the pools say that a living node is
	running  map[process]bool     // what the pools say is there
	since    map[string]time.Time // when its present process was found enrolled, by node
	members  []invalidation.Member
	known    []spread.Peer
	enrolled uint64   // the index of this process's own enrolment
	ring     []string // the region's living nodes, this one among them
	far      []string // the other regions'
	others   []spread.Neighbour
}

// process is one start of a node.
type process struct{ node, incarnation string }

func newRoster(self gossip.Member, records *gossip.Records, pools func() []swim.Member, voters map[string]string, log *slog.Logger) *roster {
	r := &roster{log: log, self: self, records: records, pools: pools, voters: voters, heard: map[string]heard{}}
	r.update()
	return r
}

// update puts the view together anew.
func (r *roster) update() {
	v := &view{nodes: map[string]enrolment{}, peers: map[string]string{}, running: map[process]bool{}, since: map[string]time.Time{}}
	region, former := map[string]string{}, r.now.Load()
	for _, m := range r.pools() {
		v.peers[m.ID], region[m.ID] = m.Peer, m.Region
		v.running[process{m.ID, incarnationText(m.Incarnation)}] = true
	}
	for _, rec := range r.records.List(quota.NodeKey) {
		id := strings.TrimPrefix(rec.Key, quota.NodeKey)
		var e enrolment
		if json.Unmarshal(rec.Value, &e) != nil {
			continue // of a later release: not a node that we could speak to
		}
		v.nodes[id], region[id] = e, e.Region
		if v.since[id] = time.Now(); former != nil && former.nodes[id].Incarnation == e.Incarnation {
			v.since[id] = former.since[id]
		}
		presence := invalidation.Dead
		if _, there := v.peers[id]; there || id == r.self.Node {
			presence = invalidation.Alive
		}
		if e.Left {
			presence = invalidation.Left
		} else {
			v.known = append(v.known, spread.Peer{ID: id, Region: e.Region})
		}
		v.members = append(v.members, invalidation.Member{Peer: invalidation.Peer{ID: id, Region: e.Region}, Presence: presence})
		if id == r.self.Node && e.Incarnation == incarnationText(r.self.Incarnation) {
			v.enrolled = rec.Index
		}
	}
	for id, reg := range region {
		_, alive := v.peers[id]
		if id != r.self.Node {
			v.others = append(v.others, spread.Neighbour{Peer: spread.Peer{ID: id, Region: reg}, Alive: alive})
		}
		if reg == r.self.Region && (alive || id == r.self.Node) {
			v.ring = append(v.ring, id)
		}
		if reg != r.self.Region && alive {
			v.far = append(v.far, id)
		}
	}
	if before := r.now.Swap(v); before != nil {
		r.tell(before, v)
	}
}

// address is where a node may be; who answers there proves who it is.
func (r *roster) address(node string) string {
	v := r.now.Load()
	if a := v.peers[node]; a != "" {
		return a
	}
	if e, ok := v.nodes[node]; ok && e.Peer != "" {
		return e.Peer
	}
	return r.voters[node]
}

// latest is the last report of the process of a node that is enrolled.
func (r *roster) latest(node string) (heard, bool) {
	e := r.now.Load().nodes[node]
	r.mu.Lock()
	defer r.mu.Unlock()
	h, ok := r.heard[node]
	return h, ok && incarnationText(h.report.From.Incarnation) == e.Incarnation
}

// observe notes a node's report. One of a former process may come late, from
// others: it is no news of the present one.
func (r *roster) observe(rep spread.Report) {
	present := r.now.Load().nodes[rep.From.Node].Incarnation
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.heard[rep.From.Node]
	if h.at = time.Now(); incarnationText(rep.From.Incarnation) == present || incarnationText(h.report.From.Incarnation) != present {
		h.report = rep
	}
	r.heard[rep.From.Node] = h
}

// silence is how long nothing has been heard of a node, by whichever process: a process that was enrolled since has said so much at that time.
func (r *roster) silence(node string) time.Duration {
	last := r.now.Load().since[node]
	r.mu.Lock()
	defer r.mu.Unlock()
	if at := r.heard[node].at; at.After(last) {
		last = at
	}
	return time.Since(last)
}

// list is the nodes as the admin API shows them; self is this one.
func (r *roster) list(self adminapi.Node) []adminapi.Node {
	v := r.now.Load()
	r.mu.Lock()
	defer r.mu.Unlock()
	all := []adminapi.Node{}
	found := false
	for _, m := range v.members {
		if m.ID == self.ID {
			all, found = append(all, self), true
			continue
		}
		e, h := v.nodes[m.ID], r.heard[m.ID]
		n := adminapi.Node{ID: m.ID, Region: m.Region, Address: e.Peer, Incarnation: e.Incarnation, State: adminapi.NodeStarting}
		if !h.at.IsZero() {
			n.SeenMS = time.Since(h.at).Milliseconds()
		}
		switch {
		case m.Presence == invalidation.Left:
			n.State = adminapi.NodeLeft
		case m.Presence != invalidation.Alive:
			n.State = adminapi.NodeUnreachable
		case incarnationText(h.report.From.Incarnation) != e.Incarnation: // not heard of yet
		case !v.running[process{m.ID, e.Incarnation}]: // another is in its place, itself perhaps
		case h.report.Isolated:
			n.State = adminapi.NodeIsolated
		case h.report.Ready:
			n.State = adminapi.NodeReady
		}
		all = append(all, n)
	}
	if !found {
		all = append(all, self)
	}
	return all
}
