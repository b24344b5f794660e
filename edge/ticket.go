package edge

import (
	"context"
	"time"

	"github.com/letteros/letteredge/invalidation"
)

// ticket is a request's place in a flight. Its holder waits, and then takes or
// leaves, once.
type ticket struct {
	flight *flight
	leader bool
	// joined is the epoch at which the request joined: later floors do not keep
	// the result from it.
	joined invalidation.Epoch
}

// mayTake reports whether the holder of t may be given slot: no floor that was
// known when it joined hits it.
func (t ticket) mayTake(s *Slot, marks *invalidation.Marks) bool {
	if t.joined == t.flight.born {
		return true
	}
	return !marks.RaisedBetween(t.flight.key, s.Tags(), t.flight.born, t.joined)
}

// wait returns what the flight came to, or unless the whole is wanted what is known
// of it as soon as its content can be read. The error is of waiting.
func (t ticket) wait(ctx context.Context, timer *time.Timer, whole bool) (outcome, error) {
	begun := t.flight.begun
	if whole {
		begun = nil
	}
	for {
		select {
		case <-t.flight.done:
			return t.flight.outcome, nil
		case <-begun:
			select {
			case <-t.flight.done:
				return t.flight.outcome, nil // the whole, if it came meanwhile
			default:
			}
			if !t.flight.content.broken() {
				return t.flight.early, nil
			}
			begun = nil // a copy may yet be found elsewhere
		case <-ctx.Done():
			return outcome{}, ended(ctx)
		case <-timer.C:
			return outcome{}, errWait
		}
	}
}

// take hands the outcome to the holder, with a reader where its content is not all
// here. The reader is closed by whoever shows it.
func (t ticket) take(o outcome) outcome {
	if !t.leader {
		t.flight.waiters.Add(-1)
		o.answer = nil // the leader reads and closes it
	} else {
		o.own = t.flight.own
	}
	if o.content == nil {
		t.flight.content.decline()
		return o
	}
	o.reader = o.content.attach()
	return o
}

// leave gives the place up.
func (t ticket) leave() {
	t.flight.content.decline()
	if t.leader {
		t.flight.abandon()
		return
	}
	t.flight.waiters.Add(-1)
}
