package cache

import (
	"fmt"

	"github.com/dgraph-io/ristretto/v2"

	"github.com/letteros/letteredge/edge"
)

// advisor is ristretto, asked for nothing but its opinion: TinyLFU admission and
// sampled eviction by frequency. It holds hashes and lags behind, so it never
// decides what is true: its verdicts name an entry, and the index acts on that
// very entry only.
type advisor struct {
	c *ristretto.Cache[uint64, *edge.Entry]
}

// countersPerItem follows ristretto's advice of ten counters for each item that
// a full cache holds; assumedItem is the size that the number of items is
// guessed from.
const (
	countersPerItem = 10
	assumedItem     = 2 << 10
	minCounters     = 1 << 14
)

// newAdvisor returns an advisor for so many bytes that calls drop with each
// entry it would rather not have.
func newAdvisor(maxBytes int64, drop func(hash uint64, e *edge.Entry)) (*advisor, error) {
	out := func(item *ristretto.Item[*edge.Entry]) {
		if item.Value != nil { // nil where the key was not there any more
			drop(item.Key, item.Value)
		}
	}
	c, err := ristretto.NewCache(&ristretto.Config[uint64, *edge.Entry]{
		NumCounters:        max(minCounters, maxBytes/assumedItem*countersPerItem),
		MaxCost:            maxBytes,
		BufferItems:        64,
		Metrics:            true,
		IgnoreInternalCost: true,
		OnEvict:            out,
		OnReject:           out,
	})
	if err != nil {
		return nil, fmt.Errorf("cache advisor: %w", err)
	}
	return &advisor{c}, nil
}

// used tells that the entry under hash was asked for.
func (a *advisor) used(hash uint64) { a.c.Get(hash) }

// admit offers an entry, once in its life. False means that the advisor is too
// busy to hear of it.
func (a *advisor) admit(hash uint64, e *edge.Entry, cost int64) bool {
	return a.c.Set(hash, e, cost)
}

// forget tells that the entry under hash is gone.
func (a *advisor) forget(hash uint64) { a.c.Del(hash) }

func (a *advisor) close() { a.c.Close() }
