package invalidation

import (
	"cmp"
	"slices"
	"time"
)

// FenceAfter is how long after a majority of the voters applied a purge a node
// without a receipt counts as fenced: by then it has had no watermark that does
// not name the purge for 5 s of its own clock, whose error is 1 %, and so it is
// isolated (SEMANTICS §6).
const FenceAfter = 5050 * time.Millisecond

// Inquiry is everything that the standing of a purge depends on.
type Inquiry struct {
	Acceptor []Peer            // the nodes that the acceptor knew; they travel with the purge
	Voters   []string          // ids
	Receipts map[string][]Peer // by node that applied it: the nodes that its receipt names
	Presence func(id string) Presence
	// SinceMajority is how long ago this node learned that a majority of the
	// voters had applied; of no meaning before that.
	SinceMajority time.Duration
	Overdue       bool // the purge's time-out has passed
}

// Standing is how far a purge has come.
type Standing struct {
	State    string         // pending, partial, complete
	Majority bool           // a majority of the voters applied it
	Nodes    []NodeStanding // the expected set, by region and id
	Regions  []RegionView   // by region
}

// NodeStanding is one expected node's part.
type NodeStanding struct {
	Peer
	State string // applied, pending, unreachable, fenced, left
}

// Standing judges by SEMANTICS §6: a purge is complete once a majority of the
// voters have applied it and every expected node has applied it, is fenced, or
// has left; a region likewise, by its own nodes. It is a pure function, and once
// it says complete, no further receipt, no time that passes and nobody's leaving
// makes it say anything else.
func (q Inquiry) Standing() Standing {
	s := Standing{Majority: q.majority()}
	open := map[string]bool{} // by region: a node is awaited
	for _, p := range q.expected() {
		state := q.stateOf(p.ID, s.Majority)
		s.Nodes = append(s.Nodes, NodeStanding{p, state})
		open[p.Region] = open[p.Region] || !settled(state)
	}
	all := true
	for region, awaited := range open {
		done := s.Majority && !awaited
		all = all && done
		s.Regions = append(s.Regions, RegionView{Region: region, State: q.overall(done)})
	}
	slices.SortFunc(s.Regions, func(a, b RegionView) int { return cmp.Compare(a.Region, b.Region) })
	s.State = q.overall(all && s.Majority)
	return s
}

func (q Inquiry) overall(done bool) string {
	switch {
	case done:
		return stateComplete
	case q.Overdue:
		return statePartial
	}
	return statePending
}

func (q Inquiry) stateOf(id string, majority bool) string {
	if _, applied := q.Receipts[id]; applied {
		return stateApplied
	}
	switch presence := q.Presence(id); {
	case presence == Left:
		return stateLeft
	case majority && q.SinceMajority >= FenceAfter:
		return stateFenced
	case presence == Dead:
		return stateUnreachable
	}
	return statePending
}

func settled(state string) bool {
	return state == stateApplied || state == stateFenced || state == stateLeft
}

// majority reports whether more than half of the voters have applied.
func (q Inquiry) majority() bool { return 2*q.votersApplied() > len(q.Voters) }

func (q Inquiry) votersApplied() int {
	n := 0
	for _, v := range q.Voters {
		if _, applied := q.Receipts[v]; applied {
			n++
		}
	}
	return n
}

// expected returns the nodes to be awaited, by region and id: those that the
// acceptor knew, and those that the receipts of a majority of the voters name.
//
// A node that too few receipts name so far is awaited as long as those to come
// could make up the majority. Were it only counted once they have, a receipt
// that comes late could undo what was complete; this way it only ever shortens
// the list, once the majority is there.
func (q Inquiry) expected() []Peer {
	known := make(map[string]Peer, len(q.Acceptor))
	for _, p := range q.Acceptor {
		known[p.ID] = p
	}
	named := map[string]int{}
	regions := map[string]string{}
	for _, v := range q.Voters {
		for _, p := range q.Receipts[v] {
			if named[p.ID]++; named[p.ID] == 1 || p.Region < regions[p.ID] {
				regions[p.ID] = p.Region
			}
		}
	}
	missing := len(q.Voters) - q.votersApplied()
	for id, n := range named {
		if _, already := known[id]; !already && 2*(n+missing) > len(q.Voters) {
			known[id] = Peer{ID: id, Region: regions[id]}
		}
	}
	list := make([]Peer, 0, len(known))
	for _, p := range known {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b Peer) int { return cmp.Or(cmp.Compare(a.Region, b.Region), cmp.Compare(a.ID, b.ID)) })
	return list
}
