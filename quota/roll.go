package quota

import (
	"slices"
)

// holder is a node as the control log enrols it.
type holder struct {
	region      string // "" if unreadable: then it counts in every region
	incarnation uint64 // of the process that enrolled
	index       uint64 // of the record that says so
	left        bool   // that process has given its last answer; the next one keeps its place
}

// roll decides which part of the quotas this process may spend. It holds what
// the control log and the reports of nodes have said so far, in any order.
//
// # The rule
//
// A process spends a share if its own enrolment is part of the log that it has
// applied without a gap, and every enrolled node has acknowledged to have applied
// the log that far. Its share is then one of as many as are enrolled by what it
// knows now.
//
// # Why the shares never exceed the whole
//
// Take any two processes that spend, enrolled at r < s. The second waited for the
// first to acknowledge s, so the first counts it; the first is enrolled below s,
// which the second has applied, so it counts the first. So each who spends counts
// all who spend: if they are z, each spends at most the z-th part. That a node is
// no longer enrolled means that it has stopped, so nobody has to wait for those
// who go.
//
// # Starting again
//
// A node that was let in once is noted in the log (share/<id>), and need not wait
// for the others again, who may be down: they leave room for it since. It waits
// for its own new enrolment alone, which lies above everything that its former
// process had acknowledged.
type roll struct {
	node        string
	incarnation uint64
	stopped     bool // it has given its share back

	enrolled map[string]holder
	admitted map[string]bool   // share/<id> is in the log
	acked    map[string]uint64 // by node: the log index up to which it has applied, whichever process
}

// enrol notes what the log says of a node.
func (r *roll) enrol(node string, h holder) { r.enrolled[node] = h }

// leave notes that a node has stopped.
func (r *roll) leave(node string) { delete(r.enrolled, node) }

// acknowledge notes up to which index a node has applied the log; true if that
// is new.
func (r *roll) acknowledge(node string, index uint64) bool {
	if index <= r.acked[node] {
		return false
	}
	r.acked[node] = index
	return true
}

// open reports whether this process may spend a share.
func (r *roll) open() bool {
	me, ok := r.enrolled[r.node]
	switch {
	case r.stopped:
		return false
	case !ok || me.incarnation != r.incarnation || r.acked[r.node] < me.index:
		return false
	}
	return r.admitted[r.node] || r.covered(me.index)
}

// covered reports whether all enrolled nodes have applied the log up to index, but
// for those that run no more: what they start as waits for the log themselves.
func (r *roll) covered(index uint64) bool {
	for node, h := range r.enrolled {
		if r.acked[node] < index && !h.left {
			return false
		}
	}
	return true
}

// least returns up to where those have applied the log who have not applied it up to
// index, and run.
func (r *roll) least(index uint64) uint64 {
	least := index
	for node, h := range r.enrolled {
		if !h.left {
			least = min(least, r.acked[node])
		}
	}
	return least
}

// reached reports whether most of some nodes have applied the log up to index.
func (r *roll) reached(nodes []string, index uint64) bool {
	n := 0
	for _, node := range nodes {
		if r.acked[node] >= index {
			n++
		}
	}
	return 2*n > len(nodes)
}

// place returns this node's rank among those who share a quota of that scope,
// and how many these are; 0 if it may spend nothing.
func (r *roll) place(s Scope) (rank, n int) {
	switch {
	case r.stopped:
		return 0, 0
	case s == ScopeNode:
		return 0, 1
	case !r.open():
		return 0, 0
	}
	mine := r.enrolled[r.node].region
	var ids []string
	for id, h := range r.enrolled {
		if s == ScopeGlobal || h.region == mine || h.region == "" || mine == "" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Index(ids, r.node), len(ids)
}

// share is what this node may spend of a quota.
func (r *roll) share(q Quota) Share { return q.part(r.place(q.Scope)) }

// shares are what this node may spend of a quota within a term, and after it.
func (r *roll) shares(q Quota) (share, base Share) {
	rank, n := r.place(q.Scope)
	return q.part(rank, n), q.base().part(rank, n)
}
