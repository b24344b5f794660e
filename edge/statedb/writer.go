package statedb

import (
	"slices"
	"sync"

	bolt "go.etcd.io/bbolt"
)

// maxBatch bounds the changes in one transaction, and so how long the first of
// them waits for the last.
const maxBatch = 512

// writer is the one goroutine that writes to the file. bbolt's own DB.Batch
// would do but for its delay: it makes a lone change wait for others that may
// never come, where here the fsync under way is the delay.
type writer struct {
	bolt *bolt.DB
	done chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	more    sync.Cond // waiting grew, or closed
	waiting []*change // guarded by mu
	closed  bool      // guarded by mu
	count   Stats     // guarded by mu
}

type change struct {
	apply func(*bolt.Tx) error
	err   chan error // holds one
}

func startWriter(file *bolt.DB) *writer {
	w := &writer{bolt: file, done: make(chan struct{})}
	w.more.L = &w.mu
	go w.run()
	return w
}

// do carries out apply in a transaction, perhaps with the changes of others, and
// returns once it is durable or has failed. apply may be called again after the
// transaction of a batch was given up, and must then do the same.
func (w *writer) do(apply func(*bolt.Tx) error) error {
	c := &change{apply: apply, err: make(chan error, 1)}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return ErrClosed
	}
	w.waiting = append(w.waiting, c)
	w.more.Signal()
	w.mu.Unlock()
	return <-c.err
}

func (w *writer) run() {
	defer close(w.done)
	for batch := w.next(); batch != nil; batch = w.next() {
		w.commit(batch)
	}
}

// next waits for changes; nil once closed and none is left.
func (w *writer) next() []*change {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.waiting) == 0 {
		if w.closed {
			return nil
		}
		w.more.Wait()
	}
	n := min(len(w.waiting), maxBatch)
	batch := slices.Clone(w.waiting[:n])
	w.waiting = slices.Delete(w.waiting, 0, n)
	return batch
}

// commit carries out a batch. A change that fails is told so and left out, and
// the others are tried again without it.
func (w *writer) commit(batch []*change) {
	for len(batch) > 0 {
		failed := -1
		err := guard(func() error {
			return w.bolt.Update(func(tx *bolt.Tx) error {
				for i, c := range batch {
					failed = i
					if err := c.apply(tx); err != nil {
						return err
					}
				}
				failed = -1
				return nil
			})
		})
		if failed >= 0 {
			batch[failed].err <- err
			batch = slices.Delete(batch, failed, failed+1)
			continue
		}
		w.mu.Lock()
		w.count.Commits++
		if err == nil {
			w.count.Changes += uint64(len(batch))
		}
		w.mu.Unlock()
		for _, c := range batch {
			c.err <- err
		}
		return
	}
}

func (w *writer) stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count
}

// close ends the goroutine once nothing waits, and waits for it.
func (w *writer) close() {
	w.mu.Lock()
	w.closed = true
	w.more.Signal()
	w.mu.Unlock()
	<-w.done
}
