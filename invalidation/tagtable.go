package invalidation

import (
	"hash/maphash"
	"sync"
	"weak"
)

// tagTable interns tags: all copies that carry a tag share one floor, so that a
// purge of it is one store. The table holds its floors weakly. What keeps one
// alive is a Stamp that carries the tag, or, between a purge and its reclaiming,
// Marks.held; so tags an origin invents cost no more than the copies that carry
// them. Names whose floor is gone are swept out when a shard has doubled since
// its last sweep, and on every Reclaim.
type tagTable struct {
	seed   maphash.Seed
	shards [tagShards]tagShard
}

const (
	tagShards = 64
	minSweep  = 64 // tags in a shard below which no sweep pays
)

type tagShard struct {
	mu      sync.Mutex
	floors  map[string]weak.Pointer[tag]
	sweepAt int
}

func (t *tagTable) shard(name string) *tagShard {
	return &t.shards[maphash.String(t.seed, name)%tagShards]
}

// intern returns the tag of that name, made if need be. It copies the name.
func (t *tagTable) intern(name string) (f *tag, made bool) {
	s := t.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.floors[name].Value(); f != nil {
		return f, false
	}
	if len(s.floors) >= max(s.sweepAt, minSweep) {
		s.sweepLocked()
	}
	if s.floors == nil {
		s.floors = make(map[string]weak.Pointer[tag])
	}
	f = newTag(name)
	s.floors[f.name] = weak.Make(f)
	return f, true
}

// lookup returns the tag of that name, nil if no copy carries it and no purge is held.
func (t *tagTable) lookup(name string) *tag {
	s := t.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.floors[name].Value()
}

// sweep drops the names whose floor is gone, and returns how many stay.
func (t *tagTable) sweep() int {
	n := 0
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		s.sweepLocked()
		n += len(s.floors)
		s.mu.Unlock()
	}
	return n
}

func (s *tagShard) sweepLocked() {
	for name, f := range s.floors {
		if f.Value() == nil {
			delete(s.floors, name)
		}
	}
	s.sweepAt = 2 * len(s.floors)
}
