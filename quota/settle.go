package quota

import (
	"context"
	"fmt"
	"time"
)

// settled is since when a change binds, as it was told once.
type settled struct {
	index uint64
	at    time.Time
}

// Settling follows one change to all nodes.
type Settling struct {
	registry *Registry
	segment  string
	index    uint64
	former   Former
	most     time.Time // when most voters were seen to have it; zero before
}

// Former is what a change has replaced.
type Former struct {
	// Index is up to where a node has to have applied the log to hold that, and
	// nothing older.
	Index uint64
	// Outlasts: base shares of it exceed the shares of what is now.
	Outlasts bool
}

// Settling returns what follows the record of a segment with that index.
func (r *Registry) Settling(segment string, index uint64, former Former) *Settling {
	return &Settling{registry: r, segment: segment, index: index, former: former}
}

// Look returns from when on no node decides by what was before, as far as that can
// be said now: not known before this node and most voters have applied the change.
// It is final once all enrolled nodes have; before, it is when those who have not
// will know that they may have missed something.
//
// A node that is within its Term at t has been told by a majority of the voters,
// asked after t − Term, and has applied what they named. Any two majorities share a
// voter; so who has not applied what most voters had applied at m is within no term
// after m + Term. From then on it spends its base share of what it knows, of which the
// others spend nothing; where that exceeds its share of what is now, it ends first.
func (s *Settling) Look() (at time.Time, known, final bool) {
	r := s.registry
	r.mu.RLock()
	here, all := r.applied[QuotaKey+s.segment] >= s.index, r.roll.covered(s.index)
	most := r.roll.reached(r.cfg.Voters, s.index)
	base := s.former.Outlasts || r.roll.least(s.index) < s.former.Index
	r.mu.RUnlock()
	now := r.gate.now()
	if most && s.most.IsZero() {
		s.most = now
	}
	switch {
	case here && all:
		return now, true, true
	case here && most:
		at = s.most.Add(r.cfg.Expiry)
		if base {
			at = at.Add(BaseTerm + BaseTerm/100)
		}
		return at, true, false
	}
	return time.Time{}, false, false
}

// settle waits until this node and most voters have applied a change, and then a
// moment for all others. It returns from when on nobody decides by what was before:
// asked again, the same.
func (r *Registry) settle(ctx context.Context, segment string, index uint64, former Former) (time.Time, error) {
	r.mu.RLock()
	before := r.settled[segment]
	r.mu.RUnlock()
	if before.index == index {
		return before.at, nil
	}
	moment := time.NewTimer(r.cfg.Settle)
	defer moment.Stop()
	patience := moment.C
	s := r.Settling(segment, index, former)
	for {
		next := r.news.next() // before the look: what comes between the two wakes
		if at, known, final := s.Look(); final || known && patience == nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			if _, exists := r.bound[segment]; exists && r.settled[segment].index < index {
				r.settled[segment] = settled{index, at}
			}
			return at, nil
		}
		select {
		case <-next:
		case <-patience:
			patience = nil
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("%w: the change is in the control log, and most voters have not said that they have applied it: %w", ErrNoQuorum, ctx.Err())
		}
	}
}
