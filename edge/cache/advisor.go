package cache

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/ristretto/v2"

	"github.com/letteros/letteredge/edge"
)

// advisor is ristretto, asked for nothing but its opinion: TinyLFU admission and
// sampled eviction by frequency. It holds hashes and lags behind, so it never
// decides what is true: its verdicts name an entry, and the index acts on that
// very entry only.
type advisor struct {
	c    *ristretto.Cache[uint64, *edge.Entry]
	uses [useShards]uses
	// rejected counts what was offered and not admitted.
	rejected atomic.Uint64

	mu   sync.Mutex
	gone map[uint64]struct{} // hashes that ristretto is yet to forget; guarded by mu
	wake chan struct{}
	work sync.WaitGroup
}

// uses counts what the advisor made of the lookups of some hashes. ristretto would
// count too, but only along with a note of when each item came: 50 B for each of
// 100,000.
type uses struct {
	known, unknown atomic.Uint64
	_              [6]uint64 // a line of its own: each hit writes here
}

const useShards = 64

// countersPerItem is half of ristretto's advice: the index has a sketch of its own
// (policy.go), and ristretto, with room for an eighth more, has the second word.
// assumedItem is the size that the number of items is guessed from.
const (
	countersPerItem = 5
	assumedItem     = 2 << 10
	minCounters     = 1 << 14
)

// usesTold is how many lookups ristretto is told of at a time. Each time wakes a goroutine
// of its, which costs a hit a twentieth of its CPU at ristretto's 64; that it hears of them
// later matters little for a second word.
const usesTold = 512

// newAdvisor returns an advisor for so many bytes that calls drop with each
// entry it would rather not have.
func newAdvisor(maxBytes int64, drop func(hash uint64, e *edge.Entry)) (*advisor, error) {
	a := &advisor{gone: map[uint64]struct{}{}, wake: make(chan struct{}, 1)}
	out := func(item *ristretto.Item[*edge.Entry]) {
		if item.Value != nil { // nil where the key was not there any more
			drop(item.Key, item.Value)
		}
	}
	c, err := ristretto.NewCache(&ristretto.Config[uint64, *edge.Entry]{
		NumCounters:        max(minCounters, maxBytes/assumedItem*countersPerItem),
		MaxCost:            maxBytes + maxBytes/8,
		BufferItems:        usesTold,
		IgnoreInternalCost: true,
		OnEvict:            out,
		OnReject: func(item *ristretto.Item[*edge.Entry]) {
			a.rejected.Add(1)
			out(item)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("cache advisor: %w", err)
	}
	a.c = c
	a.work.Go(a.tell)
	return a, nil
}

// used tells that the entry under hash was asked for.
func (a *advisor) used(hash uint64) {
	u := &a.uses[hash%useShards]
	if _, ok := a.c.Get(hash); ok {
		u.known.Add(1)
	} else {
		u.unknown.Add(1)
	}
}

// lookups returns how many lookups of entries the advisor knew of, and did not.
func (a *advisor) lookups() (known, unknown uint64) {
	for i := range a.uses {
		known += a.uses[i].known.Load()
		unknown += a.uses[i].unknown.Load()
	}
	return known, unknown
}

// admit offers an entry, once in its life. False means that the advisor is too
// busy to hear of it, or is yet to forget one of this hash: it would take this one
// for that.
func (a *advisor) admit(hash uint64, e *edge.Entry, cost int64) bool {
	a.mu.Lock()
	_, leaving := a.gone[hash]
	a.mu.Unlock()
	return !leaving && a.c.Set(hash, e, cost)
}

// forget tells that the entry under hash is gone, and waits for nothing: ristretto's
// Del waits where its buffer of Sets is full, and a reader may wait for the caller.
func (a *advisor) forget(hash uint64) {
	a.mu.Lock()
	a.gone[hash] = struct{}{}
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// forgetNow is forget for work that nobody waits for, at ristretto's pace.
func (a *advisor) forgetNow(hash uint64) { a.c.Del(hash) }

// tell has ristretto forget what is gone, until wake is closed.
func (a *advisor) tell() {
	var hashes []uint64
	for range a.wake {
		a.mu.Lock()
		hashes = hashes[:0]
		for h := range a.gone {
			hashes = append(hashes, h)
		}
		a.mu.Unlock()
		for _, h := range hashes {
			a.c.Del(h)
			a.mu.Lock()
			delete(a.gone, h)
			a.mu.Unlock()
		}
	}
}

// close ends the advisor. Nothing is told to it after that.
func (a *advisor) close() {
	close(a.wake)
	a.work.Wait()
	a.c.Close()
}
