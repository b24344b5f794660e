package cache

import (
	"math/rand/v2"

	"github.com/letteros/letteredge/edge"
)

// sampled is how many entries are looked at for the one that is let go.
const sampled = 8

// fit keeps the bytes at the bound after e has come or grown: for as long as there
// are too many, the least asked for of a few entries goes. A newcomer has to be
// asked for more often than that one, else it goes itself; then it returns false.
// Without that a scan would empty the cache, and of the many keys that are asked
// for hardly ever each would push out another.
func (c *Cache) fit(hash uint64, e *edge.Entry, newcomer bool) bool {
	for c.bytes.Load() > c.cfg.MaxBytes {
		victim := c.sample(hash)
		if victim == nil {
			return c.empty(hash)
		}
		if newcomer && c.sketch.estimate(hash) <= c.sketch.estimate(victim.hash) {
			c.drop(hash, e)
			c.refused.Add(1)
			return false
		}
		c.evict(victim)
	}
	return true
}

// sample returns the least asked for of some entries other than that of hash, nil if
// it has found none.
func (c *Cache) sample(hash uint64) (least *node) {
	estimate, seen := uint64(0), 0
	for range 4 { // shards, where those looked at are nearly empty
		r := rand.Uint64()
		table := c.index.shards[r>>(64-shardBits)].buckets.Load()
		if table == nil {
			continue
		}
		for i := range min(len(*table), 4*sampled) {
			for n := (*table)[(r+uint64(i))&uint64(len(*table)-1)].Load(); n != nil; n = n.next.Load() {
				if n.hash == hash {
					continue
				}
				if f := c.sketch.estimate(n.hash); least == nil || f < estimate {
					least, estimate = n, f
				}
				if seen++; seen == sampled {
					return least
				}
			}
		}
	}
	return least
}

func (c *Cache) evict(n *node) {
	if c.drop(n.hash, &n.entry) {
		c.evicted.Add(1)
		c.advisor.forget(n.hash)
	}
}

// empty is fit for a cache that holds so little that samples find nothing: all but
// the entry of hash may go. That one is let go last.
func (c *Cache) empty(hash uint64) bool {
	kept := true
	for _, last := range []bool{false, true} {
		for i := range c.index.shards {
			c.index.shards[i].some(func(n *node) bool {
				if (n.hash == hash) == last && c.bytes.Load() > c.cfg.MaxBytes {
					c.evict(n)
					kept = kept && !last
				}
				return c.bytes.Load() > c.cfg.MaxBytes
			})
		}
	}
	return kept
}
