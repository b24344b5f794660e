package h2

import (
	"io"
	"time"

	"github.com/letteros/letteredge/edge/serve/gate"
	"github.com/letteros/letteredge/edge/serve/section"
)

// upload is the content of a request, on its way from the reader to a core. All is
// guarded by the connection's mutex.
type upload struct {
	st       *stream
	buf      []byte // come and not read: buf[at:]
	at       int
	err      error // after buf; nil while more may come
	declared int64 // -1 for none
	got      int64
	expects  bool // the client waits to be told that it is wanted
	window   int64
	unsaid   int64
	due      time.Time
	more     chan struct{}
}

// keptUpload is the largest buffer that a request whose content is all read keeps
// for more of it.
const keptUpload = 64 << 10

// beginUpload begins a request whose content is still to come.
func (c *conn) beginUpload(id uint32, x *exchange, head *section.Head) error {
	u := &upload{declared: head.Length, window: streamWindow, more: make(chan struct{}, 1)}
	u.expects = head.Expect != ""
	u.due = c.now.Add(c.srv.cfg.BodyTimeout)
	if head.Length != 0 {
		x.body = gate.NewBody(u, head.Length, c.srv.cfg.MaxBody)
		x.Req.Body, x.Req.Length = x.body, head.Length
	}
	c.leave(id, x, head, u, phaseAll)
	return nil
}

// unwanted is the content of a request that is refused before it has come.
func (c *conn) unwanted(st *stream) *upload {
	return &upload{st: st, declared: -1, window: streamWindow, err: errReset, due: c.now.Add(c.srv.cfg.BodyTimeout)}
}

// goesOn reports whether more content may come: it is wanted, or its stream lingers, for
// as much as twice what a request may have.
func (u *upload) goesOn() bool {
	return u.err == nil || u.st.sent && u.st.ended == nil && u.got <= 2*u.st.c.srv.cfg.MaxBody
}

// Read gives a core what has come, and waits where nothing has.
func (u *upload) Read(p []byte) (int, error) {
	c := u.st.c
	c.mu.Lock()
	defer c.mu.Unlock()
	for u.at == len(u.buf) && u.err == nil {
		ask := u.expects
		u.expects = false
		if ask {
			u.st.informLocked(100, nil)
		}
		c.mu.Unlock()
		if ask {
			c.flush()
		}
		<-u.more
		c.mu.Lock()
	}
	if u.at == len(u.buf) {
		return 0, u.err
	}
	n := copy(p, u.buf[u.at:])
	u.at += n
	if u.at == len(u.buf) {
		u.buf, u.at = u.buf[:0], 0
		if cap(u.buf) > keptUpload {
			u.buf = nil
		}
	}
	if u.giveBackLocked(n) {
		c.mu.Unlock()
		c.flush()
		c.mu.Lock()
	}
	return n, nil
}

// giveBackLocked gives the client its windows back; true if there is something to
// be written.
func (u *upload) giveBackLocked(n int) bool {
	c := u.st.c
	said := c.giveBackLocked(n)
	if u.unsaid += int64(n); u.unsaid >= unsaidWindow && u.goesOn() {
		c.putLocked(appendWindow(c.outLocked(), u.st.id, u.unsaid))
		u.window += u.unsaid
		u.unsaid = 0
		said = true
	}
	return said
}

func (c *conn) giveBackLocked(n int) bool {
	if c.recvUnsaid += int64(n); c.recvUnsaid < unsaidWindow {
		return false
	}
	c.putLocked(appendWindow(c.outLocked(), 0, c.recvUnsaid))
	c.recvWindow += c.recvUnsaid
	c.recvUnsaid = 0
	return true
}

// breakLocked ends the content: what has come is not read any more, and gives its
// window back.
func (u *upload) breakLocked(why error) {
	if u.err == nil || u.at < len(u.buf) {
		u.err = why
	}
	n := len(u.buf) - u.at
	u.buf, u.at = nil, 0
	u.giveBackLocked(n)
	u.wakeLocked()
}

func (u *upload) wakeLocked() {
	select {
	case u.more <- struct{}{}:
	default:
	}
}

// onData takes content of a request.
func (c *conn) onData(f frame) error {
	if f.id%2 == 0 {
		return fatal(codeProtocol, "DATA on no stream of a client")
	}
	size := len(f.payload)
	if !f.unpad() {
		return fatal(codeProtocol, "more padding than frame")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.id > c.lastID {
		return fatal(codeProtocol, "DATA on an idle stream")
	}
	if int64(size) > c.recvWindow {
		return fatal(codeFlow, "more content than the connection's window")
	}
	c.recvWindow -= int64(size)
	st := c.streams[f.id]
	if st == nil || st.remoteClosed {
		c.giveBackLocked(size)
		if st == nil && c.closed.fate(f.id) == dropped {
			return c.nuisanceLocked(fussFrame) // on its way when we reset the stream
		}
		return c.resetLocked(f.id, codeClosed)
	}
	u := st.upload
	if int64(size) > u.window {
		c.giveBackLocked(size)
		return c.resetLocked(f.id, codeFlow)
	}
	u.window -= int64(size)
	u.got += int64(len(f.payload))
	if u.declared >= 0 && u.got > u.declared {
		c.giveBackLocked(size)
		return c.resetLocked(f.id, codeProtocol)
	}
	u.giveBackLocked(size - len(f.payload))
	if u.err != nil {
		u.giveBackLocked(len(f.payload)) // nobody wants it
	} else {
		if u.at > len(u.buf)/2 { // most of it is read: a slow core must not make it grow
			u.buf, u.at = u.buf[:copy(u.buf, u.buf[u.at:])], 0
		}
		u.buf = append(u.buf, f.payload...)
		u.wakeLocked()
	}
	if f.flags&flagEndStream != 0 {
		return c.endOfContentLocked(st)
	}
	if st.sent && !u.goesOn() {
		st.resetLocked(codeNo)
		return nil
	}
	if len(f.payload) == 0 {
		return c.nuisanceLocked(fussError)
	}
	return nil
}

// endOfContentLocked: the client has sent all, which is as much as it said.
func (c *conn) endOfContentLocked(st *stream) error {
	st.remoteClosed = true
	u := st.upload
	if u.declared >= 0 && u.got != u.declared {
		return c.resetLocked(st.id, codeProtocol)
	}
	if u.err == nil {
		u.err = io.EOF
		u.wakeLocked()
	}
	if st.sent {
		st.endLocked(errSent, ended)
	}
	return nil
}
