package edge

import (
	"context"
	"hash/maphash"
	"slices"
	"sync"
	"time"
)

const (
	// frontGrace is how long, all in all, readers are held up by slower ones before
	// these are to go on by themselves: most only pause.
	frontGrace = 250 * time.Millisecond
	// frontPoll is how often it is looked after those while they hold up others.
	frontPoll = time.Second
	// freeSteps may lie between the readers whatever memory there is: the writer puts
	// one step there while readers have the one before it.
	freeSteps = 2 * (pourStep + stepCost)
	stepCost  = 96 // of a step beside its content
)

// step is a piece of content that passes.
type step struct {
	b       []byte
	at      int64 // where in the content it begins
	size    int64 // what it costs
	next    *step
	readers int  // who have all that is before it, and not all of it
	kept    bool // a part of what was kept before, which is one piece of memory
	// before is the digest of all content before it; nil where none is needed.
	before *maphash.Hash
}

func (s *step) end() int64 { return s.at + int64(len(s.b)) }

// passage is content that passes: a list of steps, from the one where the slowest
// reader is to an empty one, where those are who have all. The writer goes at the pace
// of the fastest: once one reader has all there is, the next step comes. What all have
// read is let go.
type passage struct {
	room         sync.Cond // of what the writer waits for
	oldest, tail *step
	cost         int64    // of all steps
	added        int64    // of these, of those that came while it passes
	keptEnd      int64    // where what was kept ends
	spare        [][]byte // memory of what was let go
	// aparts are the readers that go on by themselves, or try to. Where one could, others
	// can: proven; where it could not as the origin shows something else now, none can.
	aparts        int
	proven, other bool
}

// pass begins to let go of what all readers have. Whoever has a place keeps it. With
// digests it is known at each step what was before.
func (g *growing) pass(digests bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.passing = true
	g.tail = &step{}
	if digests && g.pending+len(g.readers) > 1 {
		g.tail.before = new(maphash.Hash)
	}
	g.oldest = g.tail
	steps := make([]*step, 0, len(g.buf)/pourStep+2)
	for b := range slices.Chunk(g.buf, pourStep) {
		g.tail.kept = true
		steps = append(steps, g.tail)
		g.put(b, int64(len(b)))
	}
	steps = append(steps, g.tail)
	g.added, g.keptEnd, g.buf = 0, g.tail.at, nil
	for r := range g.readers {
		r.step = steps[r.off/pourStep]
		if r.off == g.tail.at {
			r.step = g.tail
		}
		r.step.readers++
	}
	g.letGo()
}

// put makes b the content of the last step, and an empty one after it. The caller
// holds mu, as of all below that does not say otherwise.
func (g *growing) put(b []byte, size int64) {
	s := g.tail
	s.b, s.size = b, size
	s.next = &step{at: s.end()}
	if s.before != nil {
		s.next.before = cloned(s.before)
		_, _ = s.next.before.Write(b) // it never fails
	}
	g.tail = s.next
	g.cost += size
	g.added += size
	g.moved.Broadcast()
}

func cloned(h *maphash.Hash) *maphash.Hash {
	c, _ := h.Clone() // it never fails
	return c.(*maphash.Hash)
}

// letGo drops what nobody needs any more, and wakes the writer.
func (g *growing) letGo() {
	if g.pending == 0 {
		for g.oldest != g.tail && g.oldest.readers == 0 {
			s := g.oldest
			g.oldest = s.next
			g.cost -= s.size
			if !s.kept {
				g.added -= s.size
				if cap(s.b) == pourStep && len(g.spare) < 2 {
					g.spare = append(g.spare, s.b[:pourStep])
				}
			}
			s.b = nil
		}
	}
	g.room.Signal()
}

// take gives r more of the step where it is, which has more.
func (g *growing) take(r *growingReader, p []byte) int {
	s := r.step
	n := copy(p, s.b[r.off-s.at:])
	r.off += int64(n)
	if r.off == s.end() {
		s.readers--
		r.step = s.next
		r.step.readers++
		if r.step == g.tail || s == g.oldest {
			g.letGo()
		}
	}
	return n
}

// leave ends r's part in what is shared.
func (g *growing) leave(r *growingReader) {
	delete(g.readers, r)
	if r.step != nil {
		r.step.readers--
		r.step = nil
	}
	g.letGo()
}

// buffer returns memory for a step. The caller does not hold mu.
func (g *growing) buffer() []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	if last := len(g.spare) - 1; last >= 0 {
		b := g.spare[last]
		g.spare = g.spare[:last]
		return b
	}
	return make([]byte, pourStep)
}

// lagging reports whether somebody has not all there is. The caller does not hold mu.
func (g *growing) lagging() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.oldest != g.tail
}

// wake has the writer look again. The caller does not hold mu.
func (g *growing) wake() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.room.Signal()
}

// pacing is how far the readers of what passes may be apart, and what becomes of one
// that is too slow. It is the writer's.
type pacing struct {
	window int64  // at most this many bytes lie between the readers
	lease  *lease // of them
	kept   int64  // of these for what was kept before
	// apart has a reader go on by itself, from off on, before which the content has that
	// digest; it does not wait.
	apart func(r *growingReader, off int64, digest *maphash.Hash)
	grace time.Duration // left of frontGrace
	// patience is with a reader who takes nothing while others wait.
	patience time.Duration

	// While readers wait for slower ones: since when, for the step of which these do
	// not get out, and since when for that.
	timer        *time.Timer
	began, since time.Time
	stuck        *step
}

// next puts b there once some reader has all there was, and there is room. The error
// says that nobody reads any more, or that ctx has ended. The caller does not hold mu.
func (g *growing) next(ctx context.Context, b []byte, p *pacing) error {
	size := int64(cap(b)) + stepCost
	g.mu.Lock()
	defer g.mu.Unlock()
	defer p.goesOn()
	for {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case g.pending == 0 && len(g.readers) == 0:
			return errNobody
		case g.pending > 0 || g.tail.readers == 0:
			// Nobody needs it yet.
		case p.fits(g, size):
			g.put(b, size)
			return nil
		case g.holdsUp(p):
			continue
		}
		g.room.Wait()
	}
}

// drain waits until the readers have all, and holds the memory of it until then. The
// caller does not hold mu.
func (g *growing) drain(ctx context.Context, p *pacing) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.oldest != g.tail && len(g.readers)+g.pending > 0 && ctx.Err() == nil {
		p.fits(g, 0) // gives back what is not needed any more
		g.room.Wait()
	}
}

// fits reports whether there is room for a step of that size, and takes it.
func (p *pacing) fits(g *growing, size int64) bool {
	var kept int64
	if g.oldest.at < g.keptEnd {
		kept = p.kept
	}
	if g.added+size <= freeSteps {
		return p.lease.fit(kept)
	}
	return g.cost+size <= p.window && p.lease.fit(kept+g.added+size-freeSteps)
}

// holdsUp is called while readers who have all wait for slower ones. It reports whether
// one of these was ended: who takes nothing of a step for as long as requests wait anyway.
func (g *growing) holdsUp(p *pacing) bool {
	now := time.Now()
	if p.timer == nil {
		p.began = now
		p.timer = time.AfterFunc(frontPoll, g.wake)
	}
	if p.stuck != g.oldest {
		p.stuck, p.since = g.oldest, now
	}
	left := p.patience - now.Sub(p.since)
	if left <= 0 {
		g.cutOff()
		return true
	}
	due := min(left, frontPoll)
	if grace := p.grace - now.Sub(p.began); grace > 0 {
		due = min(due, grace)
	} else {
		g.sendApart(p, now)
	}
	p.timer.Reset(due)
	return false
}

// goesOn ends a wait.
func (p *pacing) goesOn() {
	if p.timer != nil {
		p.timer.Stop()
		p.grace -= time.Since(p.began)
		p.timer, p.stuck = nil, nil
	}
}

// cutOff ends the readers that are the furthest behind.
func (g *growing) cutOff() {
	at := g.oldest
	for r := range g.readers {
		if r.step == at {
			r.cut = true
			g.leave(r)
			if r.apart.cancel != nil {
				r.apart.cancel()
			}
		}
	}
}
