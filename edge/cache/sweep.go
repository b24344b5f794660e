package cache

import (
	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/invalidation"
)

var (
	_ invalidation.Index     = (*Cache)(nil)
	_ invalidation.BulkIndex = (*Cache)(nil)
)

// Count returns how many slots sel selects that no hard purge has hit.
func (c *Cache) Count(sel cachekey.Selector) int {
	var tags []string
	n := 0
	c.index.each(func(_ uint64, e *edge.Entry) bool {
		key, ok := parsed(e)
		for s := range e.Slots() {
			if !ok || s.Stamp.State() == invalidation.Hard {
				continue
			}
			tags = s.AppendTags(tags[:0])
			if sel.Matches(cachekey.Subject{Key: &key, Tags: tags}) {
				n++
			}
		}
		return true
	})
	return n
}

// Sweep takes out what sel selects and a hard purge has hit.
func (c *Cache) Sweep(sel cachekey.Selector) int {
	return c.SweepAll([]cachekey.Selector{sel})[0]
}

// SweepAll is Sweep for several selectors in one walk; a slot that several of
// them select counts for each.
func (c *Cache) SweepAll(sels []cachekey.Selector) []int {
	var tags []string
	counts := make([]int, len(sels))
	c.index.each(func(hash uint64, e *edge.Entry) bool {
		key, ok := parsed(e)
		delta, left := e.RemoveFunc(func(s *edge.Slot) bool {
			if !ok || s.Stamp.State() != invalidation.Hard {
				return false
			}
			tags = s.AppendTags(tags[:0])
			hit := false
			for i := range sels {
				if sels[i].Matches(cachekey.Subject{Key: &key, Tags: tags}) {
					counts[i]++
					hit = true
				}
			}
			return hit
		})
		if delta != 0 {
			c.bytes.Add(delta)
			if c.tidy(hash, e, left) {
				c.advisor.forgetNow(hash)
			}
		}
		return true
	})
	return counts
}

// parsed is the key of an entry. Every stored text came from a Key, so it
// parses; a slot under one that did not could be matched by nothing.
func parsed(e *edge.Entry) (cachekey.Key, bool) {
	key, err := cachekey.ParseText(e.KeyText())
	return key, err == nil
}

// Oldest brings every slot's verdict up to date and returns the least epoch that
// one of them was judged at: floors below it are told to nobody any more.
func (c *Cache) Oldest(now invalidation.Epoch) invalidation.Epoch {
	c.index.each(func(_ uint64, e *edge.Entry) bool {
		for s := range e.Slots() {
			s.Stamp.State()
			now = min(now, s.Stamp.Checked())
		}
		return true
	})
	return now
}
