package cache

import (
	"errors"
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/letteros/letteredge/edge"
)

var _ edge.Store = (*Cache)(nil)

// Config bounds a cache.
type Config struct {
	// MaxBytes bounds what is kept: bodies, field lines, tags, keys and the index. Raising it takes memory, lowering
	// it takes hits.
	MaxBytes int64
	// Now is the clock that hit-for-miss marks end by; nil means time.Now.
	Now func() time.Time
}

// Cache is the store. Its methods may be called from any number of goroutines,
// but none after Close.
type Cache struct {
	cfg     Config
	seed    maphash.Seed
	index   index
	advisor *advisor
	sketch  *sketch

	bytes   atomic.Int64
	entries atomic.Int64
	evicted atomic.Uint64
	dropped atomic.Uint64
	refused atomic.Uint64
}

// New returns an empty cache.
func New(cfg Config) (*Cache, error) {
	if cfg.MaxBytes <= 0 {
		return nil, errors.New("cache: MaxBytes must be above 0")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Cache{cfg: cfg, seed: maphash.MakeSeed()}
	a, err := newAdvisor(cfg.MaxBytes, c.unwanted)
	if err != nil {
		return nil, err
	}
	c.advisor = a
	c.sketch = newSketch(cfg.MaxBytes / assumedItem)
	return c, nil
}

// Close stops the advisor.
func (c *Cache) Close() { c.advisor.close() }

// Get returns the entry of a canonical text, nil if there is none. HOT.
func (c *Cache) Get(text string) *edge.Entry {
	hash := maphash.String(c.seed, text)
	e := c.index.get(hash, text)
	if e != nil {
		c.sketch.add(hash)
		c.advisor.used(hash)
	}
	return e
}

// Put stores s under text, which it keeps.
func (c *Cache) Put(text string, s *edge.Slot) {
	hash := maphash.String(c.seed, text)
	for {
		e, added := c.entry(hash, text)
		delta, ok := e.Put(s)
		if !ok {
			// Evicted between the two lines. Whoever killed it takes it out of
			// the index; helping makes sure that this loop ends.
			c.take(hash, e)
			continue
		}
		c.bytes.Add(delta)
		if added {
			c.sketch.add(hash) // once for each fill, however often it was looked for meanwhile
		}
		if c.fit(hash, e, added) && added {
			c.offer(hash, e, delta)
		}
		return
	}
}

// Grow has attach make a slot under text larger, if it is still there.
func (c *Cache) Grow(text string, s *edge.Slot, attach func()) bool {
	hash := maphash.String(c.seed, text)
	e := c.index.get(hash, text)
	if e == nil {
		return false
	}
	delta, ok := e.Grow(s, attach)
	if ok {
		c.bytes.Add(delta)
		c.fit(hash, e, false)
	}
	return ok
}

// Mark notes hit-for-miss for text until then (Unix ns).
func (c *Cache) Mark(text string, until int64) {
	hash := maphash.String(c.seed, text)
	for {
		e, added := c.entry(hash, text)
		if !e.Mark(until) {
			c.take(hash, e)
			continue
		}
		c.fit(hash, e, false)
		if added {
			c.offer(hash, e, 0)
		}
		return
	}
}

// entryCost is what an entry costs beside its slots: its node with its place among
// the buckets, its text, and the advisor's two notes of it.
func entryCost(text string) int64 { return 76 + 108 + int64(len(text)+15)&^15 }

// entry returns the entry under text, counted if it is new.
func (c *Cache) entry(hash uint64, text string) (e *edge.Entry, added bool) {
	e, added = c.index.getOrAdd(hash, text)
	if added {
		c.entries.Add(1)
		c.bytes.Add(entryCost(text))
	}
	return e, added
}

// take removes exactly e from the index and reports whether it was there.
func (c *Cache) take(hash uint64, e *edge.Entry) bool {
	if !c.index.remove(hash, e) {
		return false
	}
	c.entries.Add(-1)
	c.bytes.Add(-entryCost(e.Text()))
	return true
}

// offer asks the advisor to admit a new entry.
func (c *Cache) offer(hash uint64, e *edge.Entry, cost int64) {
	if !c.advisor.admit(hash, e, cost+entryCost(e.Text())) {
		c.dropped.Add(1) // it stays: the index lets it go by itself
	}
}

// unwanted is the advisor's rejection or eviction of e.
func (c *Cache) unwanted(hash uint64, e *edge.Entry) {
	if c.drop(hash, e) {
		c.evicted.Add(1)
	}
}

// drop takes exactly e out.
func (c *Cache) drop(hash uint64, e *edge.Entry) bool {
	c.bytes.Add(-e.Kill())
	return c.take(hash, e)
}

// Remove takes exactly the slot s out, and its entry if nothing is left in it.
func (c *Cache) Remove(text string, s *edge.Slot) {
	hash := maphash.String(c.seed, text)
	if e := c.index.get(hash, text); e != nil {
		delta, left := e.Remove(s)
		c.bytes.Add(delta)
		if c.tidy(hash, e, left) {
			c.advisor.forget(hash)
		}
	}
}

// tidy takes out an entry that holds nothing any more, and reports whether it has.
func (c *Cache) tidy(hash uint64, e *edge.Entry, left int) bool {
	return left == 0 && e.KillIfEmpty(c.cfg.Now()) && c.take(hash, e)
}

// Stats is what a cache holds and what it has turned away.
type Stats struct {
	Entries int64
	Bytes   int64 // of bodies, field lines, tags, keys and the index
	// Evicted counts entries that were let go for others.
	Evicted uint64
	// DroppedSets counts entries that the advisor was too busy to be told of: their
	// end is the index's alone.
	DroppedSets uint64
	// AdvisorHits and AdvisorMisses are what ristretto saw of the lookups that
	// found an entry; RejectedSets what was not admitted, here or there.
	AdvisorHits, AdvisorMisses, RejectedSets uint64
}

// Stats reads the counters.
func (c *Cache) Stats() Stats {
	known, unknown := c.advisor.lookups()
	return Stats{
		Entries: c.entries.Load(), Bytes: c.bytes.Load(), Evicted: c.evicted.Load(), DroppedSets: c.dropped.Load(),
		AdvisorHits: known, AdvisorMisses: unknown, RejectedSets: c.refused.Load() + c.advisor.rejected.Load(),
	}
}
