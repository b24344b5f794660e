package main

import (
	"maps"
	"slices"

	"github.com/letteros/letteredge/invalidation"
)

// tell logs what has become of the other nodes between two views.
func (r *roster) tell(before, after *view) {
	was := before.presence()
	for _, m := range after.members {
		if m.ID == r.self.Node {
			continue
		}
		node := r.log.With("other", m.ID, "region", m.Region)
		e := after.nodes[m.ID]
		then, known := was[m.ID]
		switch {
		case !known:
			node.Info("node joined", "address", e.Peer)
		case m.Presence == invalidation.Left && then != invalidation.Left:
			node.Info("node left")
		case then == invalidation.Alive && m.Presence != invalidation.Alive:
			node.Warn("node does not answer")
		case m.Presence == then:
			if before.nodes[m.ID].Incarnation != e.Incarnation {
				node.Info("node has started again", "incarnation", e.Incarnation)
			}
		case then != invalidation.Alive && m.Presence == invalidation.Alive:
			node.Info("node answers", "incarnation", e.Incarnation)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(before.nodes)) {
		if _, there := after.nodes[id]; !there && id != r.self.Node {
			r.log.Info("node left", "other", id, "region", before.nodes[id].Region)
		}
	}
}

// presence is that of every member.
func (v *view) presence() map[string]invalidation.Presence {
	all := make(map[string]invalidation.Presence, len(v.members))
	for _, m := range v.members {
		all[m.ID] = m.Presence
	}
	return all
}
