package load

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"time"
)

// h1Conn speaks HTTP/1.1 on raw sockets: a request is one write, an answer is
// read where it lies in the buffer. A general client would cost more processor
// time than the server that is measured beside it.
type h1Conn struct {
	d     *dialer
	socks map[string]*h1Sock // by target.addr
	out   []byte
	tail  []byte // field lines after Host, and the empty line
}

// h1Sock is one socket.
type h1Sock struct {
	nc      net.Conn
	r       *bufio.Reader
	unwatch func() bool
	used    bool // has given a whole answer: a silent end now is an idle close
}

// aLongTimeAgo is a deadline that has passed: it wakes whoever waits on a socket.
func aLongTimeAgo() time.Time { return time.Unix(1, 0) }

func newH1Conn(d *dialer) *h1Conn {
	c := &h1Conn{d: d, socks: map[string]*h1Sock{}}
	agent := true
	for _, f := range d.plan.Header {
		if f.is("Host") {
			continue
		}
		agent = agent && !f.is("User-Agent")
		c.tail = append(append(append(append(c.tail, f.Name...), ": "...), f.Value...), "\r\n"...)
	}
	if agent {
		c.tail = append(c.tail, "User-Agent: "+userAgent+"\r\n"...)
	}
	if d.plan.Fresh {
		c.tail = append(c.tail, "Connection: close\r\n"...)
	}
	c.tail = append(c.tail, "\r\n"...)
	return c
}

func (c *h1Conn) connect(ctx context.Context, t *target) error {
	if c.socks[t.addr] != nil {
		return nil
	}
	nc, err := c.d.stream(ctx, t, "http/1.1")
	if err != nil {
		return err
	}
	s := &h1Sock{nc: nc, r: bufio.NewReaderSize(nc, 16<<10)}
	// The end of the run wakes a read that waits. A deadline set after that is
	// caught in ask, which looks at the context once it has set its own.
	s.unwatch = context.AfterFunc(ctx, func() { _ = nc.SetDeadline(aLongTimeAgo()) })
	c.socks[t.addr] = s
	return nil
}

func (c *h1Conn) do(ctx context.Context, t *target, keep *Answer) (answer, error) {
	for {
		if err := c.connect(ctx, t); err != nil {
			return answer{}, err
		}
		s := c.socks[t.addr]
		used := s.used
		a, again, err := c.ask(ctx, s, t, keep)
		if err != nil || !again || c.d.plan.Fresh {
			c.drop(t.addr)
		}
		var idle *idleCloseError
		if used && errors.As(err, &idle) && ctx.Err() == nil {
			continue // RFC 9112 §9.5: the server closed an idle connection; a new one has used == false
		}
		return a, err
	}
}

// idleCloseError is an end of the connection before any byte of an answer.
type idleCloseError struct{ err error }

func (e *idleCloseError) Error() string {
	return "connection closed before an answer: " + e.err.Error()
}
func (e *idleCloseError) Unwrap() error { return e.err }

// ask sends one request and reads its answer; again tells whether the socket
// can be used once more.
func (c *h1Conn) ask(ctx context.Context, s *h1Sock, t *target, keep *Answer) (a answer, again bool, err error) {
	if err := s.nc.SetDeadline(time.Now().Add(c.d.plan.Timeout)); err != nil {
		return a, false, &idleCloseError{err}
	}
	if err := ctx.Err(); err != nil {
		return a, false, err
	}
	c.out = append(append(append(c.out[:0], c.d.plan.Method...), ' '), t.path...)
	c.out = append(append(append(c.out, " HTTP/1.1\r\nHost: "...), t.host...), "\r\n"...)
	c.out = append(c.out, c.tail...)
	if _, err := s.nc.Write(c.out); err != nil {
		return a, false, early(err)
	}
	if _, err := s.r.Peek(1); err != nil {
		return a, false, early(err)
	}
	a, again, err = readH1(s.r, c.d.plan.Method == "HEAD", keep)
	s.used = true
	return a, again, err
}

// early wraps an error that came before any byte of the answer, unless it is a
// time-out: then the server was slow, not gone.
func early(err error) error {
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		return err
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return &idleCloseError{err}
}

func (c *h1Conn) drop(addr string) {
	if s := c.socks[addr]; s != nil {
		s.unwatch()
		_ = s.nc.Close() // only read from; nothing is lost
		delete(c.socks, addr)
	}
}

func (c *h1Conn) close() {
	for addr := range c.socks {
		c.drop(addr)
	}
}
