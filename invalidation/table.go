package invalidation

import (
	"hash/maphash"
	"sync/atomic"
)

// table maps names to values of V for any number of readers, who take no lock
// and allocate nothing, beside one writer at a time (the holder of Marks.mu).
// Open addressing with linear probes; the zero table is empty and ready. A
// value never moves: a pointer to it stays good after growth and after keep.
//
// A reader that still probes slots which the writer has replaced sees the same
// values, and misses only names put in later. Those belong to an epoch that was
// not published when the reader began, so its verdict is right for its epoch.
type table[V any] struct {
	slots atomic.Pointer[[]atomic.Pointer[entry[V]]] // length: a power of two; never full
	used  int                                        // the writer's
}

type entry[V any] struct {
	hash  uint64
	name  string
	value V
}

const minSlots = 4

// get returns the value of name, nil if there is none.
func (t *table[V]) get(seed maphash.Seed, name string) *V {
	slots := t.slots.Load()
	if slots == nil {
		return nil
	}
	hash := maphash.String(seed, name)
	mask := uint64(len(*slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		e := (*slots)[i].Load()
		if e == nil {
			return nil
		}
		if e.hash == hash && e.name == name {
			return &e.value
		}
	}
}

// put returns the value of name, a new zero one if there was none.
func (t *table[V]) put(seed maphash.Seed, name string) *V {
	if v := t.get(seed, name); v != nil {
		return v
	}
	slots := t.slots.Load()
	if slots == nil {
		slots = t.grow(nil)
	} else if slotsFor(t.used+1) > len(*slots) {
		slots = t.grow(*slots)
	}
	e := &entry[V]{hash: maphash.String(seed, name), name: name}
	insert(*slots, e)
	t.used++
	return &e.value
}

// keep drops every value that alive refuses, and returns how many stay.
func (t *table[V]) keep(alive func(*V) bool) int {
	slots := t.slots.Load()
	if slots == nil {
		return 0
	}
	kept := make([]*entry[V], 0, t.used)
	for i := range *slots {
		if e := (*slots)[i].Load(); e != nil && alive(&e.value) {
			kept = append(kept, e)
		}
	}
	switch {
	case len(kept) == 0:
		t.used = 0
		t.slots.Store(nil)
	case len(kept) < t.used:
		t.replace(kept, slotsFor(len(kept)))
	}
	return len(kept)
}

// grow doubles the slots.
func (t *table[V]) grow(old []atomic.Pointer[entry[V]]) *[]atomic.Pointer[entry[V]] {
	all := make([]*entry[V], 0, t.used)
	for i := range old {
		if e := old[i].Load(); e != nil {
			all = append(all, e)
		}
	}
	return t.replace(all, max(2*len(old), minSlots))
}

// replace publishes new slots that hold just these entries.
func (t *table[V]) replace(entries []*entry[V], size int) *[]atomic.Pointer[entry[V]] {
	slots := make([]atomic.Pointer[entry[V]], size)
	for _, e := range entries {
		insert(slots, e)
	}
	t.used = len(entries)
	t.slots.Store(&slots)
	return &slots
}

// slotsFor is the least number of slots that n entries fill to no more than ¾.
func slotsFor(n int) int {
	size := minSlots
	for n*4 > size*3 {
		size *= 2
	}
	return size
}

func insert[V any](slots []atomic.Pointer[entry[V]], e *entry[V]) {
	mask := uint64(len(slots) - 1)
	i := e.hash & mask
	for slots[i].Load() != nil {
		i = (i + 1) & mask
	}
	slots[i].Store(e)
}
