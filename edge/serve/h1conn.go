package serve

import (
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/letteros/letteredge/edge/serve/gate"
)

// h1Listener accepts connections whose hits are answered ahead of fasthttp.
type h1Listener struct {
	net.Listener // of TCP
	h            *h1
	admission    *admission
	refused      *refusals
	lingering    *lingering
}

// Accept waits for a connection.
func (l h1Listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp := conn.(*net.TCPConn)
		client := clientAddr(tcp.RemoteAddr())
		if over := l.admission.enter(client); over != nil {
			l.refused.tell(tcp, over, l.h)
			continue
		}
		return &h1Conn{TCPConn: tcp, h: l.h, lingerer: lingerer{tcp: tcp, client: client, bounds: l.lingering, from: l.admission}}, nil
	}
}

// h1Conn is a connection in clear text. Where fasthttp asks it for the first bytes
// of a request, it answers those requests itself that are ordinary and need nothing
// but memory, and gives fasthttp the first other one, bytes and all: whatever
// is rare or wrong is fasthttp's, and what is answered here has never been there.
//
// All fields but state belong to the goroutine that serves the connection.
type h1Conn struct {
	*net.TCPConn
	lingerer
	h *h1
	// between requests: fasthttp has read all that came and written all that it had.
	between bool
	// begun is the request that fasthttp was given last, where the core has begun
	// with it; its views are into fasthttp's buffer, which stays as it is until the
	// answer has been written.
	begun *h1Exchange
	// broken: the core has panicked over that request.
	broken   bool
	readSet  time.Time // when the read deadline was set last, here
	writeSet time.Time // and that for writing
	content  [2][]byte // header section and content on their way
	buffers  net.Buffers
	state    atomic.Int32 // see below
}

// States of an h1Conn. A shutdown closes those that wait for a request, and lets the
// others answer theirs.
const (
	connTheirs  = iota // it is fasthttp's to say
	connWaiting        // for a request, after an answer that fasthttp does not know of
	connBusy           // with a request, of which fasthttp does not know
	connLeaving        // after that one's answer
)

// Read gives fasthttp bytes of a request that is its own to answer.
func (c *h1Conn) Read(p []byte) (int, error) {
	c.begun, c.broken = nil, false // fasthttp has refused what it reads past
	if !c.between {
		return c.fin.read(c.TCPConn.Read(p))
	}
	c.between, c.readSet = false, time.Time{}
	for answered := false; ; answered = true {
		n, err := c.fin.read(c.TCPConn.Read(p))
		if err != nil {
			if answered { // fasthttp would tell a client that it has waited for its first request
				err = io.EOF
			}
			return n, err
		}
		if c.state.Swap(connBusy) == connLeaving {
			return c.end()
		}
		switch c.answer(p[:n]) {
		case notAnswered:
			c.state.Store(connTheirs)
			if answered { // as long as for the first one
				err = c.TCPConn.SetReadDeadline(time.Now().Add(c.h.headerTimeout))
			}
			return n, err
		case cutOff:
			return c.end()
		case wasAnswered:
		}
		if !c.state.CompareAndSwap(connBusy, connWaiting) {
			return c.end()
		}
	}
}

// end has fasthttp close the connection.
func (c *h1Conn) end() (int, error) {
	c.state.Store(connTheirs)
	return 0, io.EOF
}

type h1Outcome int

const (
	notAnswered h1Outcome = iota
	wasAnswered
	cutOff // the answer could not be written
)

// answer answers the request that is all of b. HOT.
func (c *h1Conn) answer(b []byte) h1Outcome {
	h := c.h
	if h.stopping.Load() { // fasthttp says Connection: close
		return notAnswered
	}
	x := h.pool.Get().(*h1Exchange)
	if !x.ordinary(b) {
		h.put(x)
		return notAnswered
	}
	now := time.Now()
	x.Req.Client, x.Now = c.client, now
	done, panicked := h.begin(x)
	if panicked {
		c.broken = true
		return notAnswered
	}
	if !done || !h.wire(x) {
		x.done, c.begun = done, x
		return notAnswered
	}
	out := c.write(x, now)
	h.put(x)
	return out
}

// begin is the core's first phase. Where it panics, the exchange is lost: nobody
// knows who still holds it.
func (h *h1) begin(x *h1Exchange) (done, panicked bool) {
	defer func() {
		if p := recover(); p != nil {
			h.panicked(p)
			panicked = true
		}
	}()
	return h.core.Begin(&x.Exchange), false
}

// maxCopied is how much content is copied behind its header section: up to there it
// costs less than what the kernel does for two pieces.
const maxCopied = 4 << 10

// write writes the answer in one call, and sees to the deadlines: they are moved when
// an eighth of them is over, since each move costs as much as a lookup in the cache.
func (c *h1Conn) write(x *h1Exchange, now time.Time) h1Outcome {
	var err error
	if every := c.h.writeTimeout / 8; now.Sub(c.writeSet) > every {
		c.writeSet = now
		err = c.SetWriteDeadline(now.Add(c.h.writeTimeout))
	}
	if err == nil {
		switch _, content := gate.Shape(&x.Exchange); {
		case !content:
			_, err = c.Write(x.lines)
		case len(x.Rep.Body) <= maxCopied:
			x.lines = append(x.lines, x.Rep.Body...)
			_, err = c.Write(x.lines)
		default:
			c.content[0], c.content[1] = x.lines, x.Rep.Body
			c.buffers = c.content[:]
			_, err = c.buffers.WriteTo(c.TCPConn)
			c.content[0], c.content[1] = nil, nil
			now = time.Now() // it may have taken its time
		}
	}
	if every := c.h.idleTimeout / 8; err == nil && now.Sub(c.readSet) > every {
		c.readSet = now
		err = c.TCPConn.SetReadDeadline(now.Add(c.h.idleTimeout))
	}
	if err != nil {
		return cutOff
	}
	return wasAnswered
}

// SetReadDeadline is fasthttp's.
func (c *h1Conn) SetReadDeadline(t time.Time) error { return c.next.readUntil(c.TCPConn, t) }

// Close closes the connection, after the answer to a request that fasthttp does not
// know of: it closes idle connections when it shuts down.
func (c *h1Conn) Close() error {
	if c.state.CompareAndSwap(connBusy, connLeaving) {
		return nil
	}
	c.quit(func() error { return nil })
	c.leave()
	return c.TCPConn.Close()
}

// retire ends a connection that fasthttp holds for a new one or idle.
func (c *h1Conn) retire() {
	if c.state.CompareAndSwap(connWaiting, connLeaving) {
		_ = c.TCPConn.Close()
		return
	}
	c.state.CompareAndSwap(connBusy, connLeaving)
}

// begunOn returns the exchange of the request that fasthttp has been given, where the
// core has begun with it; broken says that it has panicked over it.
func begunOn(ctx *fasthttp.RequestCtx) (x *h1Exchange, broken bool) {
	c, ok := ctx.Conn().(*h1Conn)
	if !ok {
		return nil, false
	}
	x, broken = c.begun, c.broken
	c.begun, c.broken = nil, false
	return x, broken
}
