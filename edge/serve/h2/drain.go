package h2

import (
	"errors"
	"io"
	"net"
	"time"
)

// drainState is how far a connection is on its way out (RFC 9113 §6.8).
type drainState uint8

const (
	drainNone  drainState = iota
	drainFirst            // the client was told, and may have sent requests before it knew
	drainLast             // it was told which requests are the last
)

// drainWait is how long a client may take to answer the PING that goes with the
// first GOAWAY: what it sent before that answer is served.
const drainWait = time.Second

// drain finishes the requests in flight, and those on their way. Any goroutine.
func (c *conn) drain() {
	c.mu.Lock()
	if c.drainState == drainNone {
		c.drainState, c.drainSince = drainFirst, time.Now()
		c.putLocked(appendGoAway(c.outLocked(), maxID, codeNo, ""))
		c.putLocked(append(appendFrameHeader(c.outLocked(), 8, framePing, 0, 0), "draining"...))
		c.armLocked(c.drainSince.Add(c.srv.cfg.step()))
	}
	if !c.writing && c.broken == nil { // whoever tells many may not wait for one
		c.writing = true
		c.work.Add(1)
		go c.writeOn()
	}
	c.mu.Unlock()
}

// pingedLocked: the client has answered a PING.
func (c *conn) pingedLocked() {
	c.pingSince = time.Time{}
	if c.drainState == drainFirst {
		c.lastWordLocked()
	}
}

// lastWordLocked tells the client which requests are the last.
func (c *conn) lastWordLocked() {
	if c.drainState == drainLast {
		return
	}
	c.drainState = drainLast
	c.putLocked(appendGoAway(c.outLocked(), c.lastServed, codeNo, ""))
	if len(c.streams) == 0 {
		c.armLocked(time.Unix(1, 0)) // the reader has to know
	}
}

// linger is how long the client may take to read why the connection ends: closed at
// once, with something of it unread, TCP would take the reason back.
const (
	linger      = 250 * time.Millisecond
	lingerBytes = 1 << 20
)

// end says why, ends all requests and closes the connection.
func (c *conn) end(err error) {
	why := new(connError)
	c.mu.Lock()
	failed := errors.As(err, &why)
	switch {
	case failed:
		c.putLocked(appendGoAway(c.outLocked(), c.lastServed, why.code, why.reason))
		c.drainState = drainLast
	case errors.Is(err, errOver):
		c.lastWordLocked()
	}
	for _, st := range c.streams {
		st.endLocked(errGone, dropped)
	}
	c.mu.Unlock()
	c.cancel()
	said := (failed || errors.Is(err, errOver)) && c.flushReader() == nil
	if said && failed {
		_ = c.wire.Conn.SetWriteDeadline(time.Now().Add(linger)) // whoever writes has no more time
	}
	c.mu.Lock()
	for said && c.writing && c.broken == nil {
		c.room.Wait() // the last answers are with another writer
	}
	said = said && c.broken == nil
	if c.broken == nil {
		c.broken = errGone
	}
	c.room.Broadcast()
	c.mu.Unlock()
	if said {
		c.sayGoodbye()
	}
	_ = c.wire.Conn.Close()
}

// sayGoodbye closes one direction, and waits for the other for a little.
func (c *conn) sayGoodbye() {
	if up, ok := c.nc.(interface{ CloseWrite() error }); ok {
		_ = up.CloseWrite()
		_, _ = c.wire.send(time.Now(), linger)
	}
	if tcp, ok := c.wire.Conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
	_ = c.wire.Conn.SetReadDeadline(time.Now().Add(linger))
	_, _ = io.CopyN(io.Discard, c.wire.Conn, lingerBytes)
}
