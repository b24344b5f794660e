package edgetest

import (
	"sync"

	"github.com/letteros/letteredge/edge"
)

var _ edge.Store = (*Store)(nil)

// Store is a store without bounds: a map.
type Store struct {
	mu      sync.Mutex // guards entries
	entries map[string]*edge.Entry
}

// NewStore returns an empty store.
func NewStore() *Store { return &Store{entries: make(map[string]*edge.Entry)} }

// Get returns the entry of a text.
func (s *Store) Get(text string) *edge.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.entries[text]
}

// Put stores a slot.
func (s *Store) Put(text string, slot *edge.Slot) { s.entry(text).Put(slot) }

// Remove takes a slot out.
func (s *Store) Remove(text string, slot *edge.Slot) {
	if e := s.Get(text); e != nil {
		e.Remove(slot)
	}
}

// Grow makes a slot larger.
func (s *Store) Grow(text string, slot *edge.Slot, attach func()) bool {
	e := s.Get(text)
	if e == nil {
		return false
	}
	_, ok := e.Grow(slot, attach)
	return ok
}

// Mark notes hit-for-miss.
func (s *Store) Mark(text string, until int64) { s.entry(text).Mark(until) }

func (s *Store) entry(text string) *edge.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[text]
	if e == nil {
		e = edge.NewEntry(text)
		s.entries[e.Text()] = e
	}
	return e
}
