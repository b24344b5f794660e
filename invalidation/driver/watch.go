package driver

import (
	"context"
	"strings"

	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// Watch returns a channel that always holds the latest state of a rollout that
// has not been taken from it yet, beginning with the present one. end must be
// called. Errors are ErrTooMany and Find's.
func (b *Board) Watch(ctx context.Context, id string) (states <-chan rollout.Rollout, end func(), err error) {
	ch := make(chan rollout.Rollout, 1)
	b.mu.Lock()
	if len(b.watchers) >= maxWatchers {
		b.mu.Unlock()
		return nil, nil, ErrTooMany
	}
	b.watchers[ch] = id
	b.mu.Unlock()
	end = func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.watchers, ch)
	}
	r, err := b.Find(ctx, id) // after it is a watcher: no change is missed
	if err != nil {
		end()
		return nil, nil, err
	}
	b.mu.Lock() // only who has the lock sends: there is room then
	defer b.mu.Unlock()
	if len(ch) == 0 { // else a later one is there
		ch <- r
	}
	return ch, end, nil
}

// tell gives watchers what has changed, in the place of what they have not taken.
func (b *Board) tell(changed []gossip.Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.watchers) == 0 {
		return
	}
	for _, rec := range changed {
		id, ok := strings.CutPrefix(rec.Key, rollout.RolloutKey)
		if !ok || rec.Deleted {
			continue
		}
		var r *rollout.Rollout
		for ch, watched := range b.watchers {
			if watched != id {
				continue
			}
			if r == nil {
				read, err := rollout.ReadRollout(rec)
				if err != nil {
					break
				}
				r = &read
			}
			select {
			case <-ch:
			default:
			}
			ch <- *r
		}
	}
}
