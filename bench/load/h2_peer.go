package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"time"
)

// h2Peer is one HTTP/2 connection (RFC 9113) of a client that only asks and
// counts: field blocks are put together of prebuilt parts, of an answer's
// fields only the status is decoded, and what its streams have to send at one
// time leaves in one write. A general client's processor time would be the
// noise of the server that is measured beside it.
type h2Peer struct {
	plan    *plan
	nc      net.Conn
	form    *h2Form
	unwatch func() bool
	ended   chan struct{} // closed with the connection: ends reap
	loops   sync.WaitGroup
	free    chan *h2Slot // streams that are not in use

	in *h2Input // the reader's own

	mu       sync.Mutex // guards all below
	open     map[uint32]*h2Slot
	next     uint32 // id of the next stream
	out      []byte // frames to send
	spare    []byte
	flushing bool  // somebody writes, and takes what others add
	leaving  bool  // GOAWAY: open streams may end, none begins
	err      error // why the connection has ended
}

// h2Slot is a stream with its answer.
type h2Slot struct {
	id       uint32
	deadline time.Time
	keep     *Answer
	got      answer
	begun    bool  // the final answer's fields have come
	unacked  int64 // bytes of content not yet given back to the stream's window
	err      error
	done     chan struct{} // has room for one: the end of the answer
}

// unprocessedError is of a request that the server has not begun: it may be
// sent again (RFC 9113 §8.7).
type unprocessedError struct{ err error }

func (e *unprocessedError) Error() string { return e.err.Error() }
func (e *unprocessedError) Unwrap() error { return e.err }

const (
	h2Window    = 1 << 30 // of each stream and of the connection: flow control is not what is measured
	h2LastID    = 1<<31 - 1
	reapsPerTTL = 20 // how often in a time-out overdue streams are looked for
)

var errServerGone = errors.New("server ended the connection")

func (d *dialer) dialH2(ctx context.Context, t *target) (peer, error) {
	nc, err := d.stream(ctx, t, "h2")
	if err != nil {
		return nil, err
	}
	p := &h2Peer{plan: d.plan, nc: nc, ended: make(chan struct{}), open: map[uint32]*h2Slot{}, next: 1}
	p.in = newH2Input(nc)
	settings, err := p.greet()
	if err != nil {
		_ = nc.Close() // the handshake's error is the one to tell
		return nil, &dialError{fmt.Errorf("HTTP/2 with %s: %w", t.addr, err)}
	}
	p.form = newH2Form(d.plan, t.host, settings.tableSize)
	slots := min(d.plan.Streams, settings.streams)
	p.free = make(chan *h2Slot, slots)
	for range slots {
		p.free <- &h2Slot{done: make(chan struct{}, 1)}
	}
	p.unwatch = context.AfterFunc(ctx, func() { p.fail(ctx.Err()) })
	p.loops.Go(p.read)
	p.loops.Go(p.reap)
	return p, nil
}

// ask sends a request and waits for its answer.
func (p *h2Peer) ask(ctx context.Context, t *target, keep *Answer) (answer, error) {
	s, err := p.slot(ctx)
	if err != nil {
		return answer{}, err
	}
	defer func() { p.free <- s }()
	*s = h2Slot{done: s.done, keep: keep, deadline: time.Now().Add(p.plan.Timeout)}
	if err := p.begin(s, t); err != nil {
		return answer{}, err
	}
	p.flush()
	<-s.done
	return s.got, s.err
}

// slot takes a free stream. There are as many as workers, unless the server
// admits fewer; then it is waited for, as a browser would.
func (p *h2Peer) slot(ctx context.Context) (*h2Slot, error) {
	select {
	case s := <-p.free:
		return s, nil
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, p.plan.Timeout)
	defer cancel()
	select {
	case s := <-p.free:
		return s, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *h2Peer) begin(s *h2Slot, t *target) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.err != nil:
		return &unprocessedError{p.err}
	case p.leaving:
		return &unprocessedError{errServerGone}
	}
	s.id = p.next
	p.next += 2
	p.open[s.id] = s
	p.out = p.form.appendRequest(p.out, s.id, t)
	return nil
}

// flush writes what is to be sent. The first who comes lets the others that can
// run add theirs, and writes for them: the answers of one read wake many.
func (p *h2Peer) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.flushing {
		return
	}
	p.flushing = true
	p.mu.Unlock()
	runtime.Gosched()
	p.mu.Lock()
	for len(p.out) > 0 && p.err == nil {
		frames := p.out
		p.out = p.spare[:0]
		p.mu.Unlock()
		err := p.nc.SetWriteDeadline(time.Now().Add(p.plan.Timeout))
		if err == nil {
			_, err = p.nc.Write(frames)
		}
		p.mu.Lock()
		p.spare = frames
		if err != nil {
			p.failLocked(err)
		}
	}
	p.flushing = false
}

// finishLocked hands an answer over, or the reason why there is none.
func (p *h2Peer) finishLocked(s *h2Slot, err error) {
	delete(p.open, s.id)
	s.err = err
	s.done <- struct{}{}
}

func (p *h2Peer) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failLocked(err)
}

func (p *h2Peer) failLocked(err error) {
	if p.err != nil {
		return
	}
	p.err = err
	close(p.ended)
	_ = p.nc.SetDeadline(aLongTimeAgo()) // wakes reader and writer
	for _, s := range p.open {
		p.finishLocked(s, err)
	}
}

// reap ends streams whose answer is overdue.
func (p *h2Peer) reap() {
	tick := time.NewTicker(max(p.plan.Timeout/reapsPerTTL, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-p.ended:
			return
		case now := <-tick.C:
			if p.overdue(now) {
				p.flush()
			}
		}
	}
}

func (p *h2Peer) overdue(now time.Time) (found bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, s := range p.open {
		if now.After(s.deadline) {
			found = true
			p.out = appendReset(p.out, id)
			p.finishLocked(s, context.DeadlineExceeded)
		}
	}
	return found
}

// usable: a connection whose streams are all taken is usable, by waiting.
func (p *h2Peer) usable() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err == nil && !p.leaving && p.next <= h2LastID
}

// close ends the connection and joins its goroutines.
func (p *h2Peer) close() {
	p.unwatch()
	p.fail(net.ErrClosed)
	_ = p.nc.Close() // the run is over; there is no one to tell
	p.loops.Wait()
}
