package origin

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// conn is a connection that gives a request no byte that came before it.
//
// HTTP/1.1 matches answers with requests by order alone. If an origin sends an
// answer too many, the Transport drops the connection when it looks at it in
// time; under load it may be late:
//
//  1. the answer to request A ends, the connection becomes idle
//  2. stray bytes arrive in its socket, or stand in the read buffer already
//  3. request B takes the connection and is counted as expecting an answer
//  4. the reading goroutine sees the bytes, and B expects an answer: they are B's
//
// So a connection is guarded from the moment it is taken (await) until the
// request's first byte goes out (Write). await calls the reading goroutine back
// from the socket and parks it: that it asked to read at all means that its
// buffer is empty, since with stray bytes there, and no answer expected yet, the
// Transport closes the connection. Write then looks into the socket, with nobody
// else reading, and lets the reader go. Whatever is found closes the connection,
// and the Transport, which has written nothing, takes another one.
type conn struct {
	net.Conn
	ended func() // runs once, when the connection is closed

	mu      sync.Mutex
	changed sync.Cond // parked, guarded or gone has changed
	guarded bool      // taken for a request of which no byte went out
	parked  bool      // the reader waits for guarded to end
	gone    bool
	tap     *tap // hears the answer to the current request; nil for none
	// Of the current request: whether any of it went out, whether any of its answer
	// came, and what to call where the connection ends in between.
	sent, heard bool
	broke       func(error)

	// Of the reader alone: what the tap keeps back until it is a whole line, and
	// what it has let go since and found no room.
	held, ready []byte
}

func newConn(c net.Conn, ended func()) *conn {
	w := &conn{Conn: c, ended: ended}
	w.changed.L = &w.mu
	return w
}

// await guards the connection and waits, at most for patience, until the reader
// is parked; one that does not come is given up with the connection. The answer
// of the request that it is guarded for is fed to t; broke is called where the
// connection ends before it, and before the Transport knows.
func (c *conn) await(patience time.Duration, t *tap, broke func(error)) {
	c.mu.Lock()
	c.tap, c.broke, c.sent, c.heard = t, broke, false, false
	c.mu.Unlock()
	if !canPeek {
		return
	}
	giveUp := time.AfterFunc(patience, func() { _ = c.Close() })
	defer giveUp.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.guarded = true
	_ = c.SetReadDeadline(time.Unix(1, 0)) // calls the reader back
	for !c.parked && !c.gone {
		c.changed.Wait()
	}
	_ = c.SetReadDeadline(time.Time{})
}

// Read returns what comes after the request; see conn.
func (c *conn) Read(p []byte) (int, error) {
	for {
		if !c.park() {
			return 0, net.ErrClosed
		}
		if len(c.ready) > 0 {
			n := copy(p, c.ready)
			c.ready = c.ready[n:]
			return n, nil
		}
		n, err := c.Conn.Read(p)
		c.mu.Lock()
		guarded := c.guarded
		came := n
		if !guarded && c.tap != nil {
			n = c.listen(p, n)
			c.heard = c.heard || came > 0
			if err != nil && !c.gone { // or who has closed it knows better why
				c.endLocked(err)
			}
		}
		c.mu.Unlock()
		if came > 0 && n == 0 && err == nil {
			continue // all of it is kept back
		}
		switch {
		case !guarded:
			return n, err
		case n > 0:
			_ = c.Close()
			return 0, ErrUnsolicited
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return 0, err
		}
	}
}

// listen gives the tap n bytes in p, and returns how many of them go on. What it
// keeps back ends with the connection where nothing follows: half a header section
// is none.
func (c *conn) listen(p []byte, n int) int {
	if len(c.held) == 0 {
		goes := c.tap.feed(p[:n])
		c.held = append(c.held, p[goes:n]...)
		return goes
	}
	all := append(c.held, p[:n]...)
	goes := c.tap.feed(all)
	c.held, c.ready = append([]byte(nil), all[goes:]...), all[:goes]
	n = copy(p, c.ready)
	c.ready = c.ready[n:]
	return n
}

// park waits while the connection is guarded. It is false if it is closed.
func (c *conn) park() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.guarded && !c.gone {
		c.parked = true
		c.changed.Broadcast()
		c.changed.Wait()
	}
	c.parked = false
	return !c.gone
}

func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	quiet := !c.gone && (!c.guarded || isQuiet(c.Conn))
	if quiet {
		c.guarded = false
		c.changed.Broadcast()
	}
	c.mu.Unlock()
	if !quiet {
		_ = c.Close()
		return 0, ErrUnsolicited
	}
	n, err := c.Conn.Write(p)
	if n > 0 {
		c.mu.Lock()
		c.sent = true
		if err != nil {
			c.endLocked(err)
		}
		c.mu.Unlock()
	}
	return n, err
}

// endLocked tells who waits for an answer that none will come, if the request may be
// with the origin. Where the reader sees the end first, the writer may not have said
// yet how far it came.
func (c *conn) endLocked(err error) {
	if c.broke != nil && !c.heard {
		c.broke(err)
	}
}

// progress returns whether any of the request that await was called for went out, and
// whether any of its answer came.
func (c *conn) progress() (sent, heard bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent, c.heard
}

// Close closes the connection; a second call does nothing.
func (c *conn) Close() error {
	c.mu.Lock()
	if c.gone {
		c.mu.Unlock()
		return nil
	}
	c.gone = true
	c.changed.Broadcast()
	c.mu.Unlock()
	err := c.Conn.Close()
	c.ended()
	return err
}
