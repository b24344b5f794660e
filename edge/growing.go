package edge

import (
	"errors"
	"io"
	"sync"
)

// errLagged ends the answer of a reader that held up the others for too long.
var errLagged = errors.New("the reader was too slow for those it shares the answer with")

// growing is content that readers are given while it arrives.
//
// While it is kept, all of it stays in memory: whoever comes gets it from its
// beginning, and nobody's pace matters to anybody. Once it passes (passing.go),
// because it may not be stored after all, nobody joins, and what all have is let go.
type growing struct {
	mu    sync.Mutex
	moved sync.Cond // of whatever a reader waits for

	buf []byte // guarded by mu, as is all below; bytes once in it never change
	// pending are those who have a place in the flight, and have neither attached
	// nor declined: nothing is let go before they have.
	pending int
	readers map[*growingReader]struct{}
	passing bool
	passage // while passing
	late    bool
	ended   bool
	err     error // how it ended, nil for whole
}

func newGrowing() *growing {
	g := &growing{pending: 1} // the leader
	g.moved.L, g.room.L = &g.mu, &g.mu
	return g
}

// enter takes a place for one more who may attach; false if it is too late.
func (g *growing) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.passing || g.err != nil {
		return false
	}
	g.pending++
	return true
}

// decline gives a place up.
func (g *growing) decline() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pending--
	g.letGo()
}

// broken reports whether the content has broken off.
func (g *growing) broken() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err != nil
}

// attach turns a place into a reader from the beginning, which must be closed.
func (g *growing) attach() *growingReader {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pending--
	r := &growingReader{g: g}
	if g.readers == nil {
		g.readers = make(map[*growingReader]struct{})
	}
	g.readers[r] = struct{}{}
	if g.passing {
		r.step = g.oldest // nothing has been let go before this
		r.step.readers++
		g.letGo()
	}
	return r
}

// wanted reports whether anybody reads, or may yet. Who is told so at the end of
// the fill's time keeps it from being cancelled.
func (g *growing) wanted(late bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.late = g.late || late
	return g.pending > 0 || len(g.readers) > 0
}

func (g *growing) isLate() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.late
}

// swap puts buf in place of what there is: the same content with more of it, or in
// other memory.
func (g *growing) swap(buf []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.buf = buf
	g.moved.Broadcast()
}

// finish ends the content: whole, or with what broke it off. Only the first call
// counts.
func (g *growing) finish(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.ended {
		g.ended, g.err = true, err
	}
	g.moved.Broadcast()
}

// growingReader reads growing content from its beginning. Read and Close are one
// goroutine's.
type growingReader struct {
	g *growing
	// off is how far it has read, and step, while the content passes, where that is;
	// cut: it may not go on. Guarded by g.mu, as is all below.
	off    int64
	step   *step
	cut    bool
	closed bool
	apart  apart
}

// Read waits for more content and returns what there is.
func (r *growingReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	g := r.g
	g.mu.Lock()
	for r.hasAll() && !g.ended && !r.cut && !r.closed {
		g.moved.Wait()
	}
	switch {
	case r.closed:
		g.mu.Unlock()
		return 0, io.ErrClosedPipe
	case r.apart.body != nil:
		g.mu.Unlock()
		return r.apart.read(p)
	case r.cut:
		g.mu.Unlock()
		return 0, errLagged
	case r.hasAll():
		defer g.mu.Unlock()
		if g.err != nil {
			return 0, g.err
		}
		return 0, io.EOF
	case g.passing:
		defer g.mu.Unlock()
		return g.take(r, p), nil
	}
	have := g.buf[r.off:]
	n := min(len(p), len(have))
	r.off += int64(n)
	g.mu.Unlock()
	return copy(p, have), nil // these bytes stay as they are
}

// hasAll reports whether it has read all there is; that is not asked of one that goes
// on by itself. The caller holds g.mu.
func (r *growingReader) hasAll() bool {
	switch {
	case r.apart.body != nil:
		return false
	case r.g.passing:
		return r.step == r.g.tail
	}
	return r.off == int64(len(r.g.buf))
}

// Close gives up the rest.
func (r *growingReader) Close() error {
	g := r.g
	g.mu.Lock()
	if r.closed {
		g.mu.Unlock()
		return nil
	}
	r.closed = true
	if !r.cut && r.apart.body == nil {
		g.leave(r)
	}
	own, cancel := r.apart.body, r.apart.cancel
	if own != nil {
		g.aparts--
	}
	g.mu.Unlock()
	if own != nil {
		_ = own.Close() // nobody reads it
	}
	if cancel != nil {
		cancel()
	}
	return nil
}
