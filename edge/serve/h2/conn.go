package h2

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"

	"github.com/letteros/letteredge/edge/serve/section"
)

// conn is one connection. One goroutine reads it, decodes, and answers what needs
// no waiting; others finish the rest, and whoever has put something into out when
// nobody writes becomes the writer.
type conn struct {
	srv    *Server
	nc     net.Conn
	wire   *Wire
	client netip.Addr
	ctx    context.Context // of all requests
	cancel context.CancelFunc
	work   sync.WaitGroup // goroutines of requests, and a writer

	// Of the reader:
	buf     []byte // what has come: buf[r:w]
	r, w    int
	grown   time.Time // when buf was last made large
	dec     decoder
	x       *exchange // for the next request
	now     time.Time // when the latest bytes came
	begun   bool      // SETTINGS have come
	section sectionInParts
	closed  closedStreams
	repeats section.Repeats
	partial time.Time // since when a frame or a section is incomplete; zero if none is
	heard   time.Time // when the client last sent anything

	mu      sync.Mutex // guards the rest
	room    sync.Cond  // out has become shorter
	out     []byte     // frames to be written; nil for none
	outBox  *buffer    // whose memory out is
	writing bool       // somebody writes
	broken  error      // nothing can be written any more
	armed   time.Time  // the read deadline that is set

	streams    map[uint32]*stream
	ready      []*stream // those that have something to send, and a window for it
	running    int       // goroutines of requests
	lastID     uint32    // the highest that the client has used
	lastServed uint32    // the highest that is, or was, served
	fuss       fuss
	early      earlyPriorities
	told       bool // the client says what comes first; where it does not, answers take turns

	sendWindow  int64 // of the connection
	peerWindow  int64 // that streams begin with
	recvWindow  int64 // what the client may still send
	recvUnsaid  int64 // what it may send beyond that and was not told yet
	resizeTable bool  // the next field block begins by making the table empty
	drainState  drainState
	drainSince  time.Time
	idleSince   time.Time // when the latest request came, or the latest stream ended
	pingSince   time.Time // a PING of ours is unanswered since; zero if none is
}

const (
	smallBuffer = 4 << 10
	largeBuffer = headerLen + maxFrame + 1<<10

	connWindow   = 1 << 20
	streamWindow = 256 << 10
	// unsaidWindow is how much of a window is given back at once.
	unsaidWindow = 32 << 10
)

func newConn(s *Server, life context.Context, nc net.Conn, wire *Wire) *conn {
	c := &conn{
		srv: s, nc: nc, wire: wire, dec: newDecoder(s.static), now: time.Now(),
		buf: make([]byte, smallBuffer), x: s.exchanges.Get().(*exchange),
		sendWindow: startWindow, peerWindow: startWindow, recvWindow: connWindow,
		streams: make(map[uint32]*stream),
	}
	c.room.L = &c.mu
	if tcp, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		c.client = tcp.AddrPort().Addr().Unmap()
	}
	c.ctx, c.cancel = context.WithCancel(life)
	c.partial, c.heard, c.idleSince, c.drainSince = c.now, c.now, c.now, c.now
	c.fuss.since = c.now
	wire.pool, wire.user = &s.buffers, c
	b := appendFrameHeader(nil, 5*6, frameSettings, 0, 0)
	b = appendSetting(b, settingStreams, uint32(s.cfg.MaxStreams))
	b = appendSetting(b, settingWindow, streamWindow)
	b = appendSetting(b, settingHeaderList, uint32(s.cfg.MaxHeaderBytes+10*32))
	b = appendSetting(b, settingFrameSize, maxFrame)
	b = appendSetting(b, settingNoOldPriority, 1)
	c.out, c.outBox = appendWindow(b, 0, connWindow-startWindow), new(buffer)
	return c
}

// serve reads until the connection ends, and waits for everything that it began.
func (c *conn) serve() error {
	c.arm(c.now.Add(c.srv.cfg.step()))
	err := c.readSafely()
	c.end(err)
	c.work.Wait()
	if c.x != nil {
		c.x.reset()
		c.srv.exchanges.Put(c.x)
	}
	if errors.Is(err, errOver) || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// errOver ends a connection that has nothing more to do.
var errOver = errors.New("h2: over")

// readSafely is read, of which a panic ends the connection and not the process. What
// it calls gives the mutex back in any case.
func (c *conn) readSafely() (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.srv.logger.Error("panic while reading", "proto", "h2", "err", p, "stack", string(debug.Stack()))
			err = fatal(codeInternal, "the connection could not be served")
		}
	}()
	return c.read()
}

func (c *conn) read() error {
	if err := c.readPreface(); err != nil {
		return err
	}
	for {
		if err := c.frames(); err != nil {
			return err
		}
		n, err := c.nc.Read(c.buf[c.w:])
		c.w += n
		if n == 0 && err != nil {
			return err
		}
	}
}

func (c *conn) readPreface() error {
	for c.w < len(preface) {
		n, err := c.nc.Read(c.buf[c.w:])
		c.w += n
		if string(c.buf[:min(c.w, len(preface))]) != preface[:min(c.w, len(preface))] {
			return fatal(codeProtocol, "no preface")
		}
		if n == 0 && err != nil {
			return err
		}
	}
	c.r = len(preface)
	return nil
}

// frames acts on all whole frames of the buffer.
func (c *conn) frames() error {
	for c.w-c.r >= headerLen {
		b := c.buf[c.r:c.w]
		n := int(b[0])<<16 | int(b[1])<<8 | int(b[2])
		if n > maxFrame {
			return fatal(codeFrameSize, "a frame is larger than allowed")
		}
		if len(b) < headerLen+n {
			break
		}
		f := frame{frameType(b[3]), b[4], binary.BigEndian.Uint32(b[5:]) & maxID, b[headerLen : headerLen+n]}
		c.r += headerLen + n
		if err := c.frame(f); err != nil {
			return err
		}
	}
	c.makeRoom()
	return nil
}

// makeRoom keeps the buffer as large as the next frame needs it, and small where
// nothing is under way.
func (c *conn) makeRoom() {
	left := c.w - c.r
	switch {
	case left == 0:
		c.r, c.w = 0, 0
		if len(c.buf) > smallBuffer && c.now.Sub(c.grown) > keepBuffer {
			c.buf = make([]byte, smallBuffer)
		}
		if !c.section.open {
			c.partial = time.Time{}
		}
		return
	case left >= headerLen && headerLen+int(c.buf[c.r+1])<<8+int(c.buf[c.r+2])+int(c.buf[c.r])<<16 > len(c.buf):
		large := make([]byte, largeBuffer)
		copy(large, c.buf[c.r:c.w])
		c.buf, c.grown = large, c.now
	case c.r > 0:
		copy(c.buf, c.buf[c.r:c.w])
	}
	first := c.partial.IsZero()
	if first || c.r > 0 && !c.section.open { // a frame has ended: what is left has begun now
		c.partial = c.now
	}
	c.r, c.w = 0, left
	if first {
		c.soon()
	}
}

// keepBuffer is how long a connection keeps a large buffer for further uploads.
const keepBuffer = time.Second

// beforeRead is called when all input was acted on.
func (c *conn) beforeRead() error {
	return c.flushReader()
}

func (c *conn) afterRead(now time.Time) { c.now, c.heard = now, now }

// arm sets the read deadline unless an earlier one is set. Any goroutine.
func (c *conn) arm(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armLocked(at)
}

func (c *conn) armLocked(at time.Time) {
	if c.armed.IsZero() || at.Before(c.armed) {
		c.armed = at
		_ = c.wire.Conn.SetReadDeadline(at) // fails where the connection is closed
	}
}

// soon has the clocks looked at within a step.
func (c *conn) soon() { c.arm(c.now.Add(c.srv.cfg.step())) }
