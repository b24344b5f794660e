package quota

import (
	"iter"
	"sync/atomic"
)

// counters belong to one segment for as long as it has a quota. They count
// requests: a batch counts its items.
type counters struct {
	allowed, refused, shadowRefused atomic.Uint64
}

// Usage is what a quota has done since it was set on this node.
type Usage struct {
	Quota         Quota
	Allowed       uint64 // requests admitted, those of ShadowRefused not among them
	Refused       uint64 // requests refused
	ShadowRefused uint64 // requests admitted only because the quota is in shadow mode
}

// Usage yields the counters of every quota, in no order, without a lock: each
// number is exact, but they are not read at one instant. They start at 0 again
// when a quota is deleted and made anew.
func (g *Gate) Usage() iter.Seq[Usage] {
	return func(yield func(Usage) bool) {
		for _, e := range g.table.Load().entries {
			c := e.counters
			if !yield(Usage{e.quota, c.allowed.Load(), c.refused.Load(), c.shadowRefused.Load()}) {
				return
			}
		}
	}
}
