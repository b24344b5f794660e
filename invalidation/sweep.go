package invalidation

import (
	"sync"

	"github.com/letteros/letteredge/cachekey"
)

// sweepQueue holds the purges whose entries are still to be counted and taken
// out. What a full queue turns away is repaired by the cache itself: a copy
// below a floor is dropped when it is next asked for, or evicted.
type sweepQueue struct {
	limit int
	wake  chan struct{} // holds one token while purges wait

	mu      sync.Mutex
	waiting []Record
	dropped uint64
}

func newSweepQueue(limit int) *sweepQueue {
	return &sweepQueue{limit: limit, wake: make(chan struct{}, 1)}
}

// push adds a purge, or counts it as dropped and returns false.
func (q *sweepQueue) push(rec Record) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= q.limit {
		q.dropped++
		return false
	}
	q.waiting = append(q.waiting, rec)
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return true
}

// take empties the queue.
func (q *sweepQueue) take() []Record {
	q.mu.Lock()
	defer q.mu.Unlock()
	recs := q.waiting
	q.waiting = nil
	return recs
}

func (q *sweepQueue) drops() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

// pass is one walk for all purges that wait: those with the same selector and
// mode share a count, and hard ones share one walk if the index can.
type pass struct {
	hard, soft batch
}

type batch struct {
	places map[string]int // by the text of the selector
	recs   [][]Record     // by place
}

func newPass(recs []Record) *pass {
	p := new(pass)
	for _, rec := range recs {
		if rec.Mode == ModeSoft {
			p.soft.add(rec)
		} else {
			p.hard.add(rec)
		}
	}
	return p
}

func (b *batch) add(rec Record) {
	if b.places == nil {
		b.places = make(map[string]int)
	}
	text := rec.Selector.String()
	i, ok := b.places[text]
	if !ok {
		i = len(b.recs)
		b.places[text] = i
		b.recs = append(b.recs, nil)
	}
	b.recs[i] = append(b.recs[i], rec)
}

// run walks the index and calls counted for each purge. It stops between two
// walks once stop says so.
func (p *pass) run(index Index, stop func() bool, counted func(Record, int)) {
	if bulk, ok := index.(BulkIndex); ok && len(p.hard.recs) > 1 {
		for i, n := range bulk.SweepAll(p.hard.selectors()) {
			p.hard.tell(i, n, counted)
		}
	} else {
		p.hard.each(index.Sweep, stop, counted)
	}
	p.soft.each(index.Count, stop, counted)
}

func (b *batch) selectors() []cachekey.Selector {
	sels := make([]cachekey.Selector, len(b.recs))
	for i, recs := range b.recs {
		sels[i] = recs[0].Selector
	}
	return sels
}

func (b *batch) each(walk func(cachekey.Selector) int, stop func() bool, counted func(Record, int)) {
	for i, sel := range b.selectors() {
		if stop() {
			return
		}
		b.tell(i, walk(sel), counted)
	}
}

func (b *batch) tell(i, n int, counted func(Record, int)) {
	for _, rec := range b.recs[i] {
		counted(rec, n)
	}
}
