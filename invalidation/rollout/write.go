package rollout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/letteros/letteredge/gossip"
)

// ErrNotYet says that a rollout cannot begin after all: another has come before.
var ErrNotYet = errors.New("not yet")

// Write returns the changes that put after in the place of before, with all that
// follows from it; none if nothing does. now holds the records of before.Keys and,
// where after may begin, those of all other rollouts that are not final. after gets
// the term, unless before has a later one; where it is ErrNotYet, it is before.
//
// What was true when the origin was looked at may not be so any more. So a rollout
// takes hold of its documents only where no other has them, each of its versions
// is above what is released, and nothing that it touches is in another's hands: of
// two that came to be shown at one moment one waits.
func Write(before Rollout, after *Rollout, term uint64, now map[string]gossip.Record) ([]gossip.Put, error) {
	book, err := ReadBook(before, now)
	if err != nil {
		return nil, err
	}
	if before.State == Waiting && !before.Started() && after.Started() {
		if err := begins(*after, book, now); err != nil {
			*after = before
			return nil, err
		}
	}
	next, changed := Settle(book, *after)
	same, err := equal(before, *after)
	if err != nil || same && !changed {
		return nil, err
	}
	after.Term = max(term, before.Term)
	return Puts(*after, book, next)
}

func begins(r Rollout, b Book, now map[string]gossip.Record) error {
	for _, v := range r.Documents {
		d := b.Documents[v.ID]
		if d.Candidate != nil && d.Candidate.Rollout != r.ID {
			return fmt.Errorf("%w: rollout %s is under way for %s", ErrNotYet, d.Candidate.Rollout, v.ID)
		}
		if d.Released != nil && d.Released.Version >= v.Version {
			return fmt.Errorf("%w: %s=%d is released by now", ErrNotYet, v.ID, d.Released.Version)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(now)) {
		if !strings.HasPrefix(key, RolloutKey) || key == RolloutKey+r.ID {
			continue
		}
		o, err := ReadRollout(now[key])
		if err != nil {
			return err
		}
		if o.Holds(r) {
			return fmt.Errorf("%w: rollout %s is under way for the same artifacts", ErrNotYet, o.ID)
		}
	}
	return nil
}

func equal(a, b Rollout) (bool, error) {
	x, err := json.Marshal(a)
	if err != nil {
		return false, fmt.Errorf("write rollout: %w", err)
	}
	y, err := json.Marshal(b)
	if err != nil {
		return false, fmt.Errorf("write rollout: %w", err)
	}
	return bytes.Equal(x, y), nil
}
