package serve

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// conns knows the open TCP connections. fasthttp leaves those that are busy
// when a shutdown's time is up; whoever gave the time then closes them here.
type conns struct {
	// patience is how long whatever is written beside an answer may take, from a
	// request's first bytes on: an error's text after all that may be waited for.
	patience  time.Duration
	lingering *lingering

	mu     sync.Mutex // guards the rest
	open   map[net.Conn]struct{}
	closed bool
	empty  chan struct{} // closed once no connection is open after kill
}

func newConns(cfg Config) *conns {
	return &conns{patience: cfg.HeaderTimeout + cfg.BodyTimeout + cfg.WriteTimeout, lingering: newLingering(cfg),
		open: make(map[net.Conn]struct{}), empty: make(chan struct{})}
}

// state is fasthttp's ConnState hook. It is also called around each request.
func (c *conns) state(conn net.Conn, s fasthttp.ConnState) {
	if h1, ok := conn.(*h1Conn); ok {
		h1.between = s == fasthttp.StateNew || s == fasthttp.StateIdle
	}
	switch s {
	case fasthttp.StateNew:
		c.mu.Lock()
		c.open[conn] = struct{}{}
		killed := c.closed
		c.mu.Unlock()
		if killed {
			_ = conn.Close()
		}
	case fasthttp.StateClosed:
		c.mu.Lock()
		delete(c.open, conn)
		c.signalLocked()
		c.mu.Unlock()
	case fasthttp.StateActive:
		// fasthttp sets a deadline for answers alone. That of the one before, or of the
		// handshake, may be over.
		_ = conn.SetWriteDeadline(time.Now().Add(c.patience))
		if l := lingererOf(conn); l != nil {
			l.next.begun()
		}
		if h1, ok := conn.(*h1Conn); ok {
			h1.writeSet = time.Time{}
		}
	case fasthttp.StateIdle:
		if l := lingererOf(conn); l != nil {
			l.settled()
			l.next.awaited()
		}
	case fasthttp.StateHijacked:
	}
}

func (c *conns) signalLocked() {
	if c.closed && len(c.open) == 0 {
		select {
		case <-c.empty:
		default:
			close(c.empty)
		}
	}
}

func (c *conns) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

// retire has the connections end on which fasthttp knows of no request, and soon
// those whose request has its answer.
func (c *conns) retire() {
	c.lingering.stopped.Store(true)
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		if h1, ok := conn.(*h1Conn); ok {
			h1.retire()
		}
		if l := lingererOf(conn); l != nil {
			l.hurry()
		}
	}
}

// askAtStop is how long a client may still be at a header section once a shutdown has
// begun, and how often that is looked at.
const (
	askAtStop     = time.Second
	askAtStopStep = 100 * time.Millisecond
)

// hurry ends, some time after a shutdown has begun, the connections whose clients are not
// done with asking, until ctx ends: fasthttp would wait for them.
func (c *conns) hurry(ctx context.Context) {
	timer := time.NewTimer(askAtStop)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		c.mu.Lock()
		for conn := range c.open {
			if l := lingererOf(conn); l != nil {
				l.next.giveUp(l.tcp)
			}
		}
		c.mu.Unlock()
		timer.Reset(askAtStopStep)
	}
}

// lastWord is how long requests that were ended may take to say so.
const lastWord = 100 * time.Millisecond

// kill closes all connections, after a last word, and waits until their workers
// have let go of them, or ctx ends.
func (c *conns) kill(ctx context.Context) {
	c.mu.Lock()
	c.closed = true
	c.signalLocked()
	c.mu.Unlock()
	timer := time.NewTimer(max(lastWord, c.lingering.last()))
	defer timer.Stop()
	select {
	case <-c.empty:
		return
	case <-timer.C:
	}
	c.mu.Lock()
	for conn := range c.open {
		if l := lingererOf(conn); l != nil {
			l.settled()
		}
		_ = conn.Close() // at once: since retire none is busy with an answer that it ends after
	}
	c.mu.Unlock()
	select {
	case <-c.empty:
	case <-ctx.Done():
	}
}
