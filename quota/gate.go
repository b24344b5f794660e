package quota

import (
	"maps"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Gate decides on requests by the quotas set on it. Its methods may be called
// from any number of goroutines; Take never waits for Set or Remove, but for the
// moment in which the very quota it asks is swapped.
type Gate struct {
	now  func() time.Time
	term Term
	// table is copied on every change, so that Take needs no lock to find its
	// limiter.
	table atomic.Pointer[table]

	mu       sync.Mutex // one change at a time; guards all below
	revision uint64     // of the newest entry
	removed  time.Time  // reading at the last Remove: a quota made anew does not go behind it
	seeds    *jitter
}

// table is immutable once it is published.
type table struct {
	entries  map[string]*entry
	fallback *entry // that of Default; nil if there is none
}

// entry is one revision of a segment's quota. Limiter, counters and jitter pass
// from one revision to the next.
type entry struct {
	quota    Quota
	policy   policy
	revision uint64
	limiter  *Limiter
	counters *counters
	jitter   *jitter
}

// retired is the revision of a limiter whose quota is no longer set.
const retired = math.MaxUint64

// NewGate returns a gate without quotas: it governs nothing. now is the clock
// of all limiters; on a real node, time.Now.
func NewGate(now func() time.Time) *Gate { return NewSeededGate(now, rand.Uint64()) }

// NewSeededGate is NewGate with the seed of the jitter in Retry-After.
func NewSeededGate(now func() time.Time, seed uint64) *Gate {
	g := &Gate{now: now, seeds: newJitter(seed)}
	g.table.Store(&table{entries: map[string]*entry{}})
	return g
}

// Within has the gate admit only within a term. Call it before the first quota is
// set.
func (g *Gate) Within(t Term) *Gate {
	g.term = t
	return g
}

// Take counts n requests against the quota of a segment; against that of
// Default if it is "". Where there is none, the decision is not governed and
// allowed. n below 1 counts as 1, n above the burst is always
// refused. The segment may be a view of a buffer: it is not kept. HOT.
func (g *Gate) Take(segment string, n int) Decision {
	n = max(n, 1)
	for {
		e := g.table.Load().find(segment)
		if e == nil {
			return Decision{Allowed: true}
		}
		// Not current: a change came between the two lines. Its table is
		// already there, see Limiter.change.
		if v, current := e.limiter.takeAs(e.revision, n); current {
			return e.decide(v, n)
		}
	}
}

// TakeEach counts a batch of n requests that may be admitted in part. It is
// decided as one if the node can ever hold as many tokens, and item by item
// otherwise, as a batch may be larger than what one node may spend. It returns
// how many are admitted, the first ones, and the decision on the last that was
// asked for.
func (g *Gate) TakeEach(segment string, n int) (admitted int, d Decision) {
	n = max(n, 1)
	e := g.table.Load().find(segment)
	if e == nil || n <= e.limiter.Burst() {
		if d = g.Take(segment, n); d.Allowed {
			admitted = n
		}
		return admitted, d
	}
	for admitted < n {
		if d = g.Take(segment, 1); !d.Allowed {
			e.counters.refused.Add(uint64(n - admitted - 1))
			break
		}
		admitted++
	}
	return admitted, d
}

func (t *table) find(segment string) *entry {
	if segment == "" {
		return t.fallback
	}
	return t.entries[segment]
}

func (e *entry) decide(v Verdict, n int) Decision {
	d := Decision{At: v.At,
		Governed: true, Allowed: v.Allowed,
		Overflow: e.quota.Overflow, Segment: e.quota.Segment, Policy: e.policy.field,
		Remaining: v.whole(), Reset: e.policy.w,
		policy: &e.policy, Lapsed: v.Lapsed,
	}
	switch {
	case v.Allowed:
		e.counters.allowed.Add(uint64(n))
		if d.Remaining == 0 {
			d.Reset = v.wait(1)
		}
		return d
	case e.quota.Mode == ModeShadow:
		e.counters.shadowRefused.Add(uint64(n))
		d.Allowed, d.Shadow = true, true
		d.Reset = v.wait(n)
		return d
	}
	e.counters.refused.Add(uint64(n))
	d.Reset = v.wait(n)
	d.RetryAfter = retryAfter(d.Reset, e.jitter.next())
	return d
}

// Set adds or replaces a segment's quota; a Burst of 0 takes its default. A new
// quota's bucket is empty; a changed one keeps its tokens, but those above the
// new burst. It returns the clock reading from which the quota binds. Errors are
// ErrInvalid, and then nothing has changed.
func (g *Gate) Set(q Quota) (time.Time, error) {
	if q.Burst == 0 {
		q.Burst = DefaultBurst(q.RPS)
	}
	return g.set(q, q.whole(), Share{})
}

// SetShare is Set on a node that may spend no more than a share of the quota.
// What is told to clients is the quota's.
func (g *Gate) SetShare(q Quota, s Share) (time.Time, error) { return g.set(q, s, Share{}) }

// set is SetShare with a base share.
func (g *Gate) set(q Quota, s, base Share) (time.Time, error) {
	if q.Burst == 0 {
		q.Burst = DefaultBurst(q.RPS)
	}
	if err := q.Validate(); err != nil {
		return time.Time{}, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	next := g.table.Load().clone()
	return g.put(next, q, s, base, func() { g.table.Store(next) }), nil
}

// add sets quotas of segments that have none, valid ones, with one table for all
// of them; those of others it leaves alone.
func (g *Gate) add(quotas []Quota, shares func(Quota) (share, base Share)) time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	next := g.table.Load().clone()
	for _, q := range quotas {
		if _, exists := next.entries[q.Segment]; !exists {
			s, base := shares(q)
			g.put(next, q, s, base, func() {}) // nobody finds the limiter before the table is published
		}
	}
	g.table.Store(next)
	return g.now()
}

// Reshare changes what this node may spend of every quota. A share that falls
// binds every decision that is read after Reshare has returned; tokens above its
// burst are destroyed, and one that rises adds none.
func (g *Gate) Reshare(shares func(Quota) (share, base Share)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range g.table.Load().entries {
		e.limiter.reshare(shares(e.quota))
	}
}

// put enters a valid quota into a table that nobody else sees yet, and publishes
// it together with the limiter's settings.
func (g *Gate) put(t *table, q Quota, s, base Share, publish func()) time.Time {
	g.revision++
	e := &entry{quota: q, policy: newPolicy(q), revision: g.revision}
	if before, ok := t.entries[q.Segment]; ok {
		e.limiter, e.counters, e.jitter = before.limiter, before.counters, before.jitter
	} else {
		e.limiter, e.counters, e.jitter = newLimiterAfter(g.removed, g.now, g.term), &counters{}, newJitter(g.seeds.next())
	}
	t.set(q.Segment, e)
	return e.limiter.change(s, base, e.revision, publish)
}

// Remove deletes a segment's quota. It returns the clock reading from which it
// no longer binds, and false if there was none.
func (g *Gate) Remove(segment string) (time.Time, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	before, ok := g.table.Load().entries[segment]
	if !ok {
		return time.Time{}, false
	}
	next := g.table.Load().clone()
	next.set(segment, nil)
	at := before.limiter.change(Share{}, Share{}, retired, func() { g.table.Store(next) })
	if at.After(g.removed) {
		g.removed = at
	}
	return at, true
}

func (t *table) clone() *table {
	return &table{entries: maps.Clone(t.entries), fallback: t.fallback}
}

// set enters, or with nil removes, a segment's entry.
func (t *table) set(segment string, e *entry) {
	if e == nil {
		delete(t.entries, segment)
	} else {
		t.entries[segment] = e
	}
	if segment == Default {
		t.fallback = e
	}
}
