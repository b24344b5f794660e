package edge

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// errLagged ends the answer of a reader that held up the others for too long.
var errLagged = errors.New("the reader was too slow for those it shares the answer with")

// growing is content that readers are given while it arrives.
//
// While it is kept, all of it stays in memory: whoever comes gets it from its
// beginning, and nobody's pace matters to anybody. Once it passes, because it may
// not be stored after all, a step is let go when every reader has it, and only then
// is the next one asked for: the origin feels the slowest reader. Nobody joins then.
type growing struct {
	mu    sync.Mutex
	moved sync.Cond // of whatever a reader or the writer waits for

	buf  []byte // guarded by mu, as is all below; bytes once in it never change while it is kept
	base int64  // what has been let go before buf
	// pending are those who have a place in the flight, and have neither attached
	// nor declined: nothing is let go before they have.
	pending int
	readers map[*growingReader]struct{}
	passing bool
	behind  int // while passing: readers that have not got all of buf
	late    bool
	ended   bool
	err     error // how it ended, nil for whole
}

func newGrowing() *growing {
	g := &growing{pending: 1} // the leader
	g.moved.L = &g.mu
	return g
}

func (g *growing) end() int64 { return g.base + int64(len(g.buf)) }

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
	g.moved.Broadcast()
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
	if g.passing && g.end() > 0 {
		g.behind++
	}
	g.moved.Broadcast()
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

// pass lets go of what all readers have from now on. Whoever has a place keeps it.
func (g *growing) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.passing = true
	g.behind = 0
	for r := range g.readers {
		if r.off < g.end() {
			g.behind++
		}
	}
	g.moved.Broadcast()
}

// next waits until all readers have what there is, and puts step in its place. It
// returns false where nobody reads any more, or ctx has ended. A reader that keeps
// others waiting for longer than patience is cut off.
func (g *growing) next(ctx context.Context, step []byte, patience time.Duration) bool {
	defer context.AfterFunc(ctx, g.wake)()
	over := false
	timer := time.AfterFunc(patience, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		over = true
		g.moved.Broadcast()
	})
	defer timer.Stop()
	g.mu.Lock()
	defer g.mu.Unlock()
	for (g.pending > 0 || g.behind > 0) && ctx.Err() == nil {
		if over && g.pending == 0 && g.behind < len(g.readers) {
			g.cutOff()
			break
		}
		g.moved.Wait()
	}
	if ctx.Err() != nil || len(g.readers) == 0 {
		return false
	}
	g.base, g.buf = g.end(), step
	g.behind = len(g.readers)
	g.moved.Broadcast()
	return true
}

// cutOff ends the readers that are behind. The caller holds mu.
func (g *growing) cutOff() {
	for r := range g.readers {
		if r.off < g.end() {
			r.cut = true
			delete(g.readers, r)
		}
	}
	g.behind = 0
}

func (g *growing) wake() {
	g.mu.Lock()
	defer g.mu.Unlock()
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
	// off is how far it has read, cut that it may not go on; guarded by g.mu.
	off    int64
	cut    bool
	closed bool
}

// Read waits for more content and returns what there is.
func (r *growingReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	g := r.g
	g.mu.Lock()
	for r.off == g.end() && !g.ended && !r.cut && !r.closed {
		g.moved.Wait()
	}
	switch {
	case r.closed:
		g.mu.Unlock()
		return 0, io.ErrClosedPipe
	case r.cut:
		g.mu.Unlock()
		return 0, errLagged
	case r.off == g.end():
		defer g.mu.Unlock()
		if g.err != nil {
			return 0, g.err
		}
		return 0, io.EOF
	}
	have := g.buf[r.off-g.base:]
	n := min(len(p), len(have))
	r.off += int64(n)
	if !g.passing {
		g.mu.Unlock()
		return copy(p, have), nil // these bytes stay as they are
	}
	defer g.mu.Unlock()
	if r.off == g.end() {
		g.behind--
		g.moved.Broadcast()
	}
	return copy(p, have), nil
}

// Close gives up the rest.
func (r *growingReader) Close() error {
	g := r.g
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	if r.cut {
		return nil
	}
	delete(g.readers, r)
	if g.passing && r.off < g.end() {
		g.behind--
	}
	g.moved.Broadcast()
	return nil
}
