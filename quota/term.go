package quota

import (
	"math"
	"time"
)

// Term says whether this node may spend its shares at a reading of its clock, and
// for how long it has been so without a break; where it may not, for how long it
// has not been (Never: not since this process began). A share is a grant that ends: a
// node that has heard nothing cannot know that its definition was lowered, and whoever
// lowers one must be able to tell from when on nobody decides by the former. It is
// asked by every decision: it must neither lock nor allocate, and what has begun or
// ended at one moment must not move. HOT.
type Term func(now time.Time) (since time.Duration, within bool)

// Never is how long ago the last term ended of a process that has had none.
const Never time.Duration = math.MaxInt64

// A base share is what a node may spend when its term is over, so that one that is
// cut off is not silent at once: baseParts-th of its share, for BaseTerm (SEMANTICS §7).
const (
	baseParts = 50
	BaseTerm  = 10 * time.Minute
)

// base is the quota of which the base shares are the parts: whole tokens, so that
// of a small burst there is none, and then no rate either.
func (q Quota) base() Quota {
	q.RPS, q.Burst = q.RPS/baseParts, q.Burst/baseParts
	if q.Burst == 0 {
		q.RPS = 0
	}
	return q
}

// Outlasts reports whether base shares of what was in force exceed the shares of what
// is to be: then whoever may hold one has to lose it first.
func (q Quota) Outlasts(next Quota) bool {
	b := q.base()
	return b.Burst > 0 && (q.Scope != next.Scope || b.RPS > next.RPS || b.Burst > next.Burst)
}
