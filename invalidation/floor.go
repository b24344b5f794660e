package invalidation

import (
	"strings"
	"sync/atomic"
)

// floor holds the highest epochs at which something was purged. A copy whose
// fetch began at an epoch below a floor may hold what was purged; one that
// began at the floor or above cannot.
//
// It is written under Marks.mu alone and read without a lock.
type floor struct{ soft, hard atomic.Uint64 }

// tag is a tag that copies carry: its floor, and its name, which they share. The
// pointer in it keeps it out of the runtime's tiny allocator, which would tie the
// life of one to the lives of its neighbours (see tagTable).
type tag struct {
	floor
	name string
}

func newTag(name string) *tag { return &tag{name: strings.Clone(name)} }

// tagCost is what a tag takes beside its name: itself, its place in the table and
// the handle of the weak pointer there.
const tagCost = 92

func (t *tag) size() uint32 { return tagCost + uint32(len(t.name)) }

// raise lifts the floor of mode to e, which is above every epoch raised before.
func (f *floor) raise(mode Mode, e Epoch) {
	if mode == ModeSoft {
		f.soft.Store(uint64(e))
		return
	}
	f.hard.Store(uint64(e))
}

// over judges a copy whose fetch began at born.
func (f *floor) over(born Epoch) State {
	switch {
	case Epoch(f.hard.Load()) > born:
		return Hard
	case Epoch(f.soft.Load()) > born:
		return Soft
	}
	return Valid
}

// top is the higher of the two floors.
func (f *floor) top() Epoch {
	return Epoch(max(f.soft.Load(), f.hard.Load()))
}
