package invalidation

import (
	"context"
	"fmt"
	"time"
)

// Scope is how much of the cluster a waiter waits for.
type Scope uint8

// The scopes.
const (
	ScopeNone   Scope = iota // nothing: it is applied where it was accepted
	ScopeRegion              // the acceptor's region
	ScopeAll                 // every region
)

// String returns "none", "region" or "all".
func (s Scope) String() string {
	switch s {
	case ScopeNone:
		return "none"
	case ScopeRegion:
		return "region"
	case ScopeAll:
		return "all"
	}
	return fmt.Sprintf("scope(%d)", uint8(s))
}

// Wait waits until a purge is complete in a scope, and returns it as it is then;
// done is false if the timeout or ctx ended before, and a purge that is not
// complete is partial then. It returns ErrUnknownPurge for a purge that is not,
// or no longer, known.
func (e *Engine) Wait(ctx context.Context, id string, scope Scope, timeout time.Duration) (v View, done bool, err error) {
	end := time.NewTimer(timeout)
	defer end.Stop()
	for {
		next := e.news.next() // before the look: what comes between the two wakes
		p, ok := e.known.snapshot(id)
		if !ok {
			return View{}, false, fmt.Errorf("purge %.80q: %w", id, ErrUnknownPurge)
		}
		v := e.view(p, e.presence())
		if v.completeIn(scope, e.acceptorRegion(p.rec)) {
			return v, true, nil
		}
		fence, stop := e.fence(p)
		select {
		case <-next:
		case <-fence:
		case <-end.C:
			stop()
			return v.overdue(), false, nil
		case <-ctx.Done():
			stop()
			return v.overdue(), false, nil
		}
		stop()
	}
}

// fence fires when those without a receipt will be fenced; never before a
// majority of the voters have applied, nor again.
func (e *Engine) fence(p purge) (<-chan time.Time, func()) {
	left := FenceAfter - e.cfg.Now().Sub(p.majorityAt)
	if !p.majority || left <= 0 {
		return nil, func() {}
	}
	t := time.NewTimer(left)
	return t.C, func() { t.Stop() }
}

func (e *Engine) acceptorRegion(rec Record) string {
	for _, p := range rec.Expected {
		if p.ID == rec.Dot.Node {
			return p.Region
		}
	}
	return e.cfg.Region
}

func (v View) completeIn(scope Scope, region string) bool {
	if scope == ScopeNone || v.State == stateComplete {
		return true
	}
	for _, r := range v.Regions {
		if scope == ScopeRegion && r.Region == region {
			return r.State == stateComplete
		}
	}
	return false
}

// overdue returns the view of a purge that was waited for long enough.
func (v View) overdue() View {
	if v.State == statePending {
		v.State = statePartial
	}
	for i := range v.Regions {
		if v.Regions[i].State == statePending {
			v.Regions[i].State = statePartial
		}
	}
	return v
}
