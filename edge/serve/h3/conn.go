package h3

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/letteros/letteredge/edge/serve/section"
)

// conn is one connection. Its own goroutine accepts request streams, and answers on
// them what it can; idle, it holds that one, two of quic-go's, and one for each of the
// client's streams that it must not close: control and two of QPACK.
type conn struct {
	srv  *Server
	q    *quic.Conn // nil in tests of single streams
	peer peer
	ctl  *quic.SendStream

	order   priorities
	repeats section.Repeats // of the accepting goroutine
	next    int64           // the id that GOAWAY names; the accepting goroutine's own

	work      sync.WaitGroup // goroutines of this connection
	active    atomic.Int64   // requests in goroutines of their own
	lingering atomic.Int64   // requests that have their answers, and are still being read
	last      atomic.Int64   // when anything of a request last happened, since the server began
	idle      *time.Timer

	mu     sync.Mutex // guards the rest
	wasted allowance  // requests that the client has taken back, or that were none
	odd    allowance  // its streams in one direction of unknown types
	unis   [3]bool    // which of the streams of uniKind have come
}

// What a client may do for nothing (RFC 9114 §10.5).
const (
	// Requests taken back: a page that is left in the middle of its loading does so with
	// what it has asked for, and of a busy client some always are.
	wastedBurst      = 1000
	wastedPerSecond  = 100
	wastedPerRequest = 0.25
	// Streams of unknown types, of which a client may open some (RFC 9114 §6.2.3).
	oddBurst     = 100
	oddPerSecond = 10
)

func newConn(s *Server, p peer) *conn {
	c := &conn{srv: s, peer: p,
		wasted: newAllowance(wastedBurst, wastedPerSecond, wastedPerRequest), odd: newAllowance(oddBurst, oddPerSecond, 0)}
	c.touch(time.Now())
	return c
}

// run serves the connection until it ends.
func (c *conn) run() {
	defer c.work.Wait()
	if f := c.greet(); f.is() {
		c.abort(f)
		return
	}
	begun := make(chan struct{}) // checkIdle uses the timer that calls it
	c.idle = time.AfterFunc(c.srv.cfg.IdleTimeout, func() { <-begun; c.checkIdle() })
	close(begun)
	defer c.idle.Stop()
	c.work.Go(c.acceptUnis)
	if c.accept(c.srv.grace) {
		c.leaveOff()
	}
}

// greet opens the control stream (RFC 9114 §6.2.1). Nothing is said on streams of
// QPACK, so none are opened (RFC 9204 §4.2).
func (c *conn) greet() fault {
	ctl, err := c.q.OpenUniStream()
	if err != nil {
		return connFault(codeStreamCreation, "no stream for our control stream")
	}
	c.ctl = ctl
	context.AfterFunc(ctl.Context(), func() {
		// The client wants none of it, or the connection has ended.
		c.abort(connFault(codeClosedCritical, "our control stream was stopped"))
	})
	if _, err := ctl.Write(appendSettings([]byte{streamControl}, c.srv.cfg.MaxHeaderBytes)); err != nil {
		return connFault(codeClosedCritical, "our control stream was stopped")
	}
	return fault{}
}

// accept takes streams until the connection ends, or ctx does, of which it reports
// the latter.
func (c *conn) accept(ctx context.Context) bool {
	for {
		str, err := c.q.AcceptStream(ctx)
		if err != nil {
			return ctx.Err() != nil && c.q.Context().Err() == nil
		}
		c.take(str)
	}
}

// take answers a stream's request, or leaves it to a goroutine.
func (c *conn) take(str stream) {
	r := c.srv.get()
	now := time.Now()
	c.touch(now)
	r.open(c, str, now)
	c.next = r.id + 4
	c.order.accepted(r.id)
	r.take()
}

// leaveOff says GOAWAY, and turns away what comes after it, until the connection ends
// (RFC 9114 §5.2). checkIdle ends it, if the client does not.
func (c *conn) leaveOff() {
	c.work.Go(func() { // may have to wait for the client
		frame := appendVarint([]byte{frameGoAway, byte(varintLen(uint64(c.next)))}, uint64(c.next))
		_, _ = c.ctl.Write(frame)
	})
	c.touch(time.Now())
	c.idle.Reset(linger)
	for {
		str, err := c.q.AcceptStream(context.Background())
		if err != nil {
			return
		}
		str.CancelRead(codeRequestRejected.onStream())
		str.CancelWrite(codeRequestRejected.onStream())
	}
}

// enter counts a request that goes on in a goroutine of its own.
func (c *conn) enter(id int64, str stream, i section.Importance) {
	c.work.Add(1)
	c.active.Add(1)
	c.order.wait(id, str, i)
}

// leave counts its end.
func (c *conn) leave(id int64) {
	c.order.done(id)
	c.touch(time.Now())
	c.active.Add(-1)
	c.work.Done()
}

// linger counts a request that has its answer and whose end has not come; lingered
// counts the end.
func (c *conn) linger() {
	c.work.Add(1)
	c.lingering.Add(1)
}

func (c *conn) lingered() {
	c.touch(time.Now())
	c.lingering.Add(-1)
	c.work.Done()
}

func (c *conn) touch(now time.Time) { c.last.Store(int64(now.Sub(c.srv.born))) }

// checkIdle closes the connection where no request has been in flight for a while.
// It is a timer's function, so that requests need not reset one.
func (c *conn) checkIdle() {
	allowed, busy := c.srv.cfg.IdleTimeout, c.active.Load() > 0
	if c.srv.grace.Err() != nil {
		allowed = min(allowed, linger) // uploads that have their answers are not waited for
	} else {
		busy = busy || c.lingering.Load() > 0
	}
	left := allowed - (time.Since(c.srv.born) - time.Duration(c.last.Load()))
	if busy {
		left = allowed
	}
	if left > 0 {
		c.idle.Reset(left)
		return
	}
	c.abort(fault{codeNoError, true, "no request"})
}

// abort closes the connection with an error; of several the first counts.
func (c *conn) abort(f fault) { _ = c.peer.CloseWithError(f.code.onConn(), f.why) }

// waste counts a request that the client has cancelled, or that was none.
func (c *conn) waste() {
	if !c.let(&c.wasted) {
		c.abort(connFault(codeExcessiveLoad, "too many requests were taken back, or were none"))
	}
}

// let takes from one of the connection's allowances.
func (c *conn) let(a *allowance) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return a.take(time.Now(), c.order.requests())
}

// early reports whether what has just been read may be a replay: once the handshake is
// complete the client has shown that it is there, and what came as early data on this
// connection is none (RFC 8470 §3).
func (c *conn) early() bool {
	select {
	case <-c.peer.HandshakeComplete():
		return false
	default:
		return true
	}
}
