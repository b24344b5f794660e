package driver

import "sync"

// busy is the rollouts that have a carrier. A carrier that ends may have missed
// what came just then, as a rollback right after the end of a rollout does: who
// looked meanwhile, and left the rollout to it, has to look again.
type busy struct {
	mu   sync.Mutex
	by   map[string]bool // true if somebody has looked meanwhile; guarded by mu
	look chan struct{}   // has a value where it must be looked again
}

func newBusy() *busy { return &busy{by: map[string]bool{}, look: make(chan struct{}, 1)} }

// claim reports whether a rollout had no carrier, and gives it one.
func (b *busy) claim(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, has := b.by[id]; has {
		b.by[id] = true
		return false
	}
	b.by[id] = false
	return true
}

// release says that the carrier has ended.
func (b *busy) release(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.by[id] {
		select {
		case b.look <- struct{}{}:
		default:
		}
	}
	delete(b.by, id)
}
