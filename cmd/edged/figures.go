package main

import (
	"time"

	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/metrics"
)

// figures are what the metrics show of the cluster.
func (n *node) figures() metrics.Cluster {
	m, pins := n.mesh, n.db.Pins()
	c := metrics.Cluster{
		Nodes: func() []adminapi.Node { return m.roster.list(n.self()) },
		Standing: func() metrics.Standing {
			now := time.Now()
			return metrics.Standing{Ready: m.replica.Ready(), Isolated: m.Isolated(now), WatermarkAge: m.WatermarkAge(now)}
		},
		Gossip: m.replica.Stats,
		Lost: func() (messages, broadcasts uint64) {
			if m.sender != nil {
				messages = m.sender.Lost()
			}
			for _, p := range m.pools {
				broadcasts += p.Dropped()
			}
			return messages, broadcasts
		},
		Refused: m.identity.Refused,
		Peers:   m.upstreams, Elsewhere: m.elsewhere,
		Records: m.records.Index,
		Purges:  n.purges.States, Receipts: metrics.NewReceipts(),
		Pins: func() (count, bytes int64, lost uint64) {
			count, bytes = pins.Usage()
			return count, bytes, n.core.LostPins()
		},
		Candidates: n.docs.worker.Filled,
		Quotas:     n.quotas,
	}
	n.purges.SubscribeAnswered(c.Receipts.Came)
	if m.control != nil {
		c.Control = m.control.Stats
	}
	if n.docs.driver != nil {
		c.Driver = n.docs.driver.Stats
	}
	return c
}
