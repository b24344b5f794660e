package quota

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Registry joins a Gate with a Store: every change is durable before it binds.
// Its methods may be called from any number of goroutines; reads do not wait for
// the store.
type Registry struct {
	store Store
	gate  *Gate

	change   sync.Mutex // held over a whole change, the store's fsync included
	revision uint64     // the newest given out; guarded by change

	mu    sync.RWMutex // for moments only; writers of the two below hold change as well
	bound map[string]Bound
	order []string // the keys of bound, sorted
}

// OpenRegistry loads the store's definitions and sets them on the gate, which
// must be new. A definition that cannot be read as a valid quota is an error that
// names it: to go on without would be to serve without its limit.
func OpenRegistry(store Store, gate *Gate) (*Registry, error) {
	loaded, err := store.Load()
	if err != nil {
		return nil, fmt.Errorf("load quotas: %w", err)
	}
	if len(loaded) > MaxQuotas {
		return nil, fmt.Errorf("load quotas: the store holds %d, at most %d are allowed", len(loaded), MaxQuotas)
	}
	r := &Registry{store: store, gate: gate, bound: make(map[string]Bound, len(loaded))}
	quotas := make([]Quota, 0, len(loaded))
	for _, v := range loaded {
		if _, twice := r.bound[v.Quota.Segment]; twice {
			return nil, fmt.Errorf("load quotas: the store holds %q twice", v.Quota.Segment)
		}
		r.bound[v.Quota.Segment] = Bound{Versioned: v}
		r.order = append(r.order, v.Quota.Segment)
		r.revision = max(r.revision, v.Revision)
		quotas = append(quotas, v.Quota)
	}
	slices.Sort(r.order)
	at, err := gate.load(quotas)
	if err != nil {
		return nil, fmt.Errorf("load quotas: %w", err)
	}
	for segment, b := range r.bound {
		b.EffectiveAt = at
		r.bound[segment] = b
	}
	return r, nil
}

// Get returns the definition of a segment's quota, or ErrNotFound. It does not
// fall back to Default.
func (r *Registry) Get(segment string) (Bound, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	b, ok := r.bound[segment]
	if !ok {
		return Bound{}, ErrNotFound
	}
	return b, nil
}

// Put creates (true) or replaces a quota, if the precondition holds; a Burst of
// 0 takes its default. A definition equal to the one in force changes nothing:
// its revision, entity tag and effective_at remain. It returns ErrInvalid,
// ErrPreconditionFailed, ErrTooMany or the store's error, and then the former
// definition is still in force.
func (r *Registry) Put(q Quota, pre Precondition) (Bound, bool, error) {
	if q.Burst == 0 {
		q.Burst = DefaultBurst(q.RPS)
	}
	if err := q.Validate(); err != nil {
		return Bound{}, false, err
	}
	r.change.Lock()
	defer r.change.Unlock()
	before, exists := r.bound[q.Segment]
	tag := ""
	if exists {
		tag = before.ETag()
	}
	if err := pre.check(tag); err != nil {
		return Bound{}, false, err
	}
	if exists && before.Quota == q {
		return before, false, nil
	}
	if !exists && len(r.bound) >= MaxQuotas {
		return Bound{}, false, ErrTooMany
	}
	// The number is used up even if the store fails: it may have kept the change.
	r.revision++
	v := Versioned{Quota: q, Revision: r.revision}
	if err := r.store.Put(v); err != nil {
		return Bound{}, false, fmt.Errorf("put quota %s: %w", q.Segment, err)
	}
	at, err := r.gate.Set(q)
	if err != nil {
		return Bound{}, false, fmt.Errorf("put quota %s: %w", q.Segment, err)
	}
	b := Bound{Versioned: v, EffectiveAt: at}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bound[q.Segment] = b
	if i, found := slices.BinarySearch(r.order, q.Segment); !found {
		r.order = slices.Insert(r.order, i, q.Segment)
	}
	return b, !exists, nil
}

// Delete removes a quota if the precondition holds, and returns the clock
// reading from which it no longer binds. It returns ErrNotFound,
// ErrPreconditionFailed, ErrInvalid or the store's error, and then the quota is
// still in force.
func (r *Registry) Delete(segment string, pre Precondition) (time.Time, error) {
	r.change.Lock()
	defer r.change.Unlock()
	before, exists := r.bound[segment]
	if !exists { // conditions are not evaluated: RFC 9110 §13.2.1
		return time.Time{}, ErrNotFound
	}
	if err := pre.check(before.ETag()); err != nil {
		return time.Time{}, err
	}
	if err := r.store.Delete(segment); err != nil {
		return time.Time{}, fmt.Errorf("delete quota %s: %w", segment, err)
	}
	at, _ := r.gate.Remove(segment)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.bound, segment)
	if i, found := slices.BinarySearch(r.order, segment); found {
		r.order = slices.Delete(r.order, i, i+1)
	}
	return at, nil
}

// Limits of one page of List.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// List returns up to limit quotas (0: DefaultPage; at most MaxPage) in the order
// of their segments, those after the cursor "after" ("" for the first page), and
// the cursor of the next page, "" if this is the last. A quota that is there from
// the first page to the last is listed exactly once, whatever else changes.
func (r *Registry) List(after string, limit int) ([]Bound, string, error) {
	if after != "" && !ValidSegment(after) {
		return nil, "", ErrInvalid{"after", "must be the cursor that a page gave as its next"}
	}
	if limit < 0 || limit > MaxPage {
		return nil, "", ErrInvalid{"limit", "must be a whole number from 1 to " + strconv.Itoa(MaxPage)}
	}
	if limit == 0 {
		limit = DefaultPage
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	from, _ := slices.BinarySearchFunc(r.order, after, func(s, after string) int {
		if strings.Compare(s, after) <= 0 {
			return -1
		}
		return 1
	})
	page := r.order[from:]
	next := ""
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1]
	}
	items := make([]Bound, 0, len(page))
	for _, segment := range page {
		items = append(items, r.bound[segment])
	}
	return items, next, nil
}
