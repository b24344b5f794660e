package edge

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/letteros/letteredge/edge/freshness"
	"github.com/letteros/letteredge/invalidation"
)

// Slot is one stored response: what was received, when, under which rules it may
// be used, and the stamp that tells whether a purge has hit it. Immutable.
//
// Within an entry a slot is named by its vector and its variant.
type Slot struct {
	Art     *Artifact
	Vector  string   // SEMANTICS §3: the versions of the managed documents; "" if none is managed
	Vary    []string // the fields that selected it, canonical and sorted
	Variant string   // their values, as cachekey.AppendVariant writes them
	Tags    []string // all tags, implied ones first
	Rules   freshness.Verdict
	Stamp   *invalidation.Stamp
	// ReceivedAt is when the response arrived, the base of its resident time.
	ReceivedAt time.Time
	// Settled: all its documents are managed, and its upstream does not ask for
	// validation. At its target it is fresh at any age (SEMANTICS §3).
	Settled bool
	// Softened: a soft purge hit it before it came from the disk, which its stamp
	// does not know.
	Softened bool

	// refreshing is set while a refresh behind readers' backs is under way: a
	// soft purge gives each entry at most one (SEMANTICS §5).
	refreshing atomic.Bool
	// retryAt holds off the next background refresh after one that failed.
	retryAt atomic.Int64
}

// Age is the current age of RFC 9111 §4.2.3.
func (s *Slot) Age(now time.Time) time.Duration {
	resident := now.Sub(s.ReceivedAt)
	if resident < 0 {
		resident = 0
	}
	return s.Rules.Age(resident)
}

// Size is what the slot costs in bytes, an estimate that counts body, fields,
// tags and fixed overhead.
func (s *Slot) Size() int64 {
	n := int64(slotOverhead + len(s.Art.Body) + len(s.Art.lines) + len(s.Variant) + len(s.Vector))
	for _, t := range s.Tags {
		n += int64(len(t)) + 24
	}
	return n
}

const slotOverhead = 512

// Entry is everything stored under one canonical text: slots by vector and
// variant, newest first. Readers see an immutable slice; writers take mu.
type Entry struct {
	text  string
	slots atomic.Pointer[[]*Slot]

	mu   sync.Mutex // guards writes to slots and dead
	dead bool       // removed from the store: a writer must look up anew

	// missUntil is the time (Unix ns) until which requests for this key are not
	// collapsed, because an answer could not be shared: hit-for-miss.
	missUntil atomic.Int64
}

// NewEntry returns an empty entry for a canonical text, which it keeps.
func NewEntry(text string) *Entry { return &Entry{text: text} }

// Text returns the canonical text that the entry is stored under.
func (e *Entry) Text() string { return e.text }

// Slots returns the slots, newest first; the slice must not be changed.
func (e *Entry) Slots() []*Slot {
	if p := e.slots.Load(); p != nil {
		return *p
	}
	return nil
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
	old := e.Slots()
	next := make([]*Slot, 0, len(old)+1)
	next = append(next, s)
	delta = s.Size()
	for _, o := range old {
		if o.Vector == s.Vector && o.Variant == s.Variant || len(next) == maxSlots {
			delta -= o.Size()
			continue
		}
		next = append(next, o)
	}
	e.slots.Store(&next)
	return delta, true
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
	old := e.Slots()
	next := make([]*Slot, 0, len(old))
	for _, o := range old {
		if drop(o) {
			delta -= o.Size()
			continue
		}
		next = append(next, o)
	}
	if len(next) != len(old) {
		e.slots.Store(&next)
	}
	return delta, len(next)
}

// Kill empties the entry and bars writers that still hold it. It returns the
// bytes it had.
func (e *Entry) Kill() (size int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.dead = true
	for _, s := range e.Slots() {
		size += s.Size()
	}
	e.slots.Store(nil)
	return size
}

// KillIfEmpty is Kill for an entry that holds no slot and no hit-for-miss mark
// at now; it reports whether it did.
func (e *Entry) KillIfEmpty(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.Slots()) > 0 || e.missUntil.Load() > now.UnixNano() {
		return false
	}
	e.dead = true
	return true
}
