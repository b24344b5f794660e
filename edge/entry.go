package edge

import (
	"iter"
	"sync"
	"sync/atomic"
	"time"
)

// Entry is everything stored under one canonical text: slots by vector and
// variant, newest first. Readers follow the list without a lock, and may still see
// a slot that is being taken out; writers take mu.
type Entry struct {
	text string
	head atomic.Pointer[Slot]

	mu   sync.Mutex // guards writes to the list and dead
	dead bool       // removed from the store: a writer must look up anew

	// missUntil is the time (Unix ns) until which requests for this key are not
	// collapsed, because an answer could not be shared: hit-for-miss.
	missUntil atomic.Int64
}

// NewEntry returns an empty entry for a canonical text, which it keeps.
func NewEntry(text string) *Entry { return new(Entry).Init(text) }

// Init is NewEntry for one that lies inside something else.
func (e *Entry) Init(text string) *Entry {
	e.text = text
	return e
}

// Text returns the canonical text that the entry is stored under.
func (e *Entry) Text() string { return e.text }

// Slots yields the slots, newest first.
func (e *Entry) Slots() iter.Seq[*Slot] { return e.each }

func (e *Entry) each(yield func(*Slot) bool) {
	for s := e.head.Load(); s != nil; s = s.next.Load() {
		if !yield(s) {
			return
		}
	}
}

// maxSlots bounds the variants of one key: an origin whose Vary names a field
// that is different for every reader must not fill the cache with one page.
const maxSlots = 64

// Put adds s in place of the slot of the same vector and variant. It returns
// the change in bytes, and false if the entry has been removed from its store
// meanwhile.
func (e *Entry) Put(s *Slot) (delta int64, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.dead {
		return 0, false
	}
	delta, _ = e.drop(func(o *Slot) bool { return o == s }) // it has one place in one list
	s.next.Store(e.head.Load())
	e.head.Store(s)
	n := 0
	less, _ := e.drop(func(o *Slot) bool {
		n++
		return o != s && (n > maxSlots || o.Vector == s.Vector && o.Variant() == s.Variant())
	})
	return delta + s.Size() + less, true
}

// Grow has attach make the slot s larger, if it is still there, and reports the
// change in bytes.
func (e *Entry) Grow(s *Slot, attach func()) (delta int64, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for o := range e.each {
		if o == s {
			before := s.Size()
			attach()
			return s.Size() - before, true
		}
	}
	return 0, false
}

// drop takes out of the list what gone returns true for, under mu. A reader who
// stands at such a slot goes on to those behind it.
func (e *Entry) drop(gone func(*Slot) bool) (delta int64, left int) {
	at := &e.head
	for s := at.Load(); s != nil; s = s.next.Load() {
		if gone(s) {
			delta -= s.Size()
			at.Store(s.next.Load())
			continue
		}
		left++
		at = &s.next
	}
	return delta, left
}

// Mark notes hit-for-miss until then (Unix ns); false if the entry has been
// removed from its store meanwhile.
func (e *Entry) Mark(until int64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.dead {
		e.missUntil.Store(until)
	}
	return !e.dead
}

// Remove takes exactly the slot s out, if it is still there, and reports the
// change in bytes and how many slots are left.
func (e *Entry) Remove(s *Slot) (delta int64, left int) {
	return e.RemoveFunc(func(o *Slot) bool { return o == s })
}

// RemoveFunc takes out every slot for which drop returns true.
func (e *Entry) RemoveFunc(drop func(*Slot) bool) (delta int64, left int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.drop(drop)
}

// Kill empties the entry and bars writers that still hold it. It returns the
// bytes it had.
func (e *Entry) Kill() (size int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.dead = true
	for s := range e.each {
		size += s.Size()
	}
	e.head.Store(nil)
	return size
}

// KillIfEmpty is Kill for an entry that holds no slot and no hit-for-miss mark
// at now; it reports whether it did.
func (e *Entry) KillIfEmpty(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.head.Load() != nil || e.missUntil.Load() > now.UnixNano() {
		return false
	}
	e.dead = true
	return true
}
