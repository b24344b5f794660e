package invalidation

import (
	"errors"

	"github.com/letteros/letteredge/gossip"
)

// Spreader makes a purge known to all nodes: gossip/spread's replica. Publish
// gives it the next dot of this node, journals it, hands it to the Engine of this
// very node (Engine.Deliver), sends it on its way, and returns; if it fails,
// nothing has been purged by it.
type Spreader interface {
	Publish(payload []byte) (gossip.Dot, error)
}

// Cluster is what an Engine has to know of the other nodes. The functions are
// called often and from any goroutine, and must not call the Engine.
type Cluster struct {
	Spread Spreader
	// Members returns every node this one knows, itself among them.
	Members func() []Member
	// Voters returns the ids of the control log's voters.
	Voters func() []string
}

// Join makes the Engine one of a cluster's. Until then, and without, its node is
// alone: its own voter, and all there is. It must be called before the first
// Purge, and once.
func (e *Engine) Join(c Cluster) error {
	if c.Spread == nil || c.Members == nil || c.Voters == nil {
		return errors.New("join purges: Spread, Members and Voters are required")
	}
	e.cluster.Store(&c)
	return nil
}

// alone is the cluster of a node without others.
func (e *Engine) alone() *Cluster {
	self := Peer{ID: e.cfg.Node, Region: e.cfg.Region}
	return &Cluster{
		Spread:  lone{e},
		Members: func() []Member { return []Member{{Peer: self}} },
		Voters:  func() []string { return []string{self.ID} },
	}
}

// lone numbers the purges of a node without others, and applies them.
type lone struct{ e *Engine }

func (l lone) Publish(payload []byte) (gossip.Dot, error) {
	dot := gossip.Dot{Node: l.e.cfg.Node, Incarnation: l.e.cfg.Incarnation, Seq: l.e.seq.Add(1)}
	_, err := l.e.Deliver(dot, payload)
	return dot, err
}

func (e *Engine) voters() []string { return e.cluster.Load().Voters() }

// expected is the set of nodes that a purge accepted now has to reach.
func (e *Engine) expected() []Peer {
	self := Peer{ID: e.cfg.Node, Region: e.cfg.Region}
	list := []Peer{self}
	for _, m := range e.cluster.Load().Members() {
		if m.Presence != Left && m.ID != self.ID {
			list = append(list, m.Peer)
		}
	}
	return list
}

// presence returns what the membership says of each node now.
func (e *Engine) presence() func(id string) Presence {
	members := e.cluster.Load().Members()
	by := make(map[string]Presence, len(members))
	for _, m := range members {
		by[m.ID] = m.Presence
	}
	return func(id string) Presence {
		if p, known := by[id]; known {
			return p
		}
		return Dead
	}
}
