package h2

import (
	"encoding/binary"

	"github.com/letteros/letteredge/edge/serve/gate"
	"github.com/letteros/letteredge/edge/serve/section"
)

// sectionInParts is a field block that has begun: nothing else may come on the
// connection until it ends (RFC 9113 §4.3).
type sectionInParts struct {
	open  bool
	id    uint32
	flags byte // of its HEADERS
	self  bool // its HEADERS say that the stream depends on itself
	block []byte
}

// onHeaders takes the beginning of a field block, which is mostly all of it.
func (c *conn) onHeaders(f frame) error {
	if f.id%2 == 0 {
		return fatal(codeProtocol, "a client's stream has an odd number")
	}
	if !f.unpad() {
		return fatal(codeProtocol, "more padding than frame")
	}
	self := false
	if f.flags&flagPriority != 0 {
		if len(f.payload) < 5 {
			return fatal(codeFrameSize, "HEADERS are too short for their priority")
		}
		self = binary.BigEndian.Uint32(f.payload)&maxID == f.id
		f.payload = f.payload[5:]
	}
	if f.flags&flagEndHeaders != 0 {
		return c.onSection(f.id, f.flags, self, f.payload)
	}
	c.section = sectionInParts{true, f.id, f.flags, self, append(c.section.block[:0], f.payload...)}
	if c.partial.IsZero() {
		c.partial = c.now
		c.soon()
	}
	return c.nuisance(fussFrame)
}

// onContinuation takes a further part. A whole block may be twice as long as what
// it may come to; beyond that nothing of it is decoded.
func (c *conn) onContinuation(f frame) error {
	if !c.section.open {
		return fatal(codeProtocol, "CONTINUATION without HEADERS")
	}
	s := &c.section
	if len(s.block)+len(f.payload) > 2*c.srv.cfg.MaxHeaderBytes {
		return fatal(codeCalm, "a field block is far too large")
	}
	s.block = append(s.block, f.payload...)
	if f.flags&flagEndHeaders == 0 {
		return c.nuisance(fussFrame + fussError*btoi(len(f.payload) < 64))
	}
	s.open = false
	err := c.onSection(s.id, s.flags, s.self, s.block)
	s.block = nil
	return err
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// onSection acts on a whole field block. It is decoded whatever becomes of it, as
// the next ones depend on it.
func (c *conn) onSection(id uint32, flags byte, self bool, block []byte) error {
	x := c.x
	if !c.dec.decode(block, &x.fields) {
		return fatal(codeCompression, "a field block cannot be decoded")
	}
	if id <= c.lastID { // only the reader writes lastID
		defer x.fields.Reset()
		return c.onTrailers(id, flags, x)
	}
	return c.onRequest(id, flags, self, x)
}

// onTrailers takes a section on a stream that has begun.
func (c *conn) onTrailers(id uint32, flags byte, x *exchange) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.streams[id]
	if st == nil || st.remoteClosed {
		switch {
		case st == nil && c.closed.fate(id) == dropped:
			return c.nuisanceLocked(fussFrame) // we had reset it
		case st == nil && c.closed.fate(id) == never:
			return fatal(codeProtocol, "a stream begins below one that began before")
		}
		return fatal(codeClosed, "HEADERS on a stream that has ended")
	}
	if flags&flagEndStream == 0 || x.fields.Over() || x.fields.Trailers() != "" {
		return c.resetLocked(id, codeProtocol)
	}
	return c.endOfContentLocked(st)
}

// onRequest takes the section of a new stream.
func (c *conn) onRequest(id uint32, flags byte, self bool, x *exchange) error {
	c.mu.Lock()
	c.lastID, c.idleSince = id, c.now
	over := c.drainState == drainLast || c.broken != nil
	if over {
		c.closed.add(id, dropped)
	} else {
		c.lastServed = id
	}
	refused := c.running >= 2*c.srv.cfg.MaxStreams || len(c.streams) >= c.srv.cfg.MaxStreams
	c.mu.Unlock()
	head, malformed := x.fields.Request()
	ended := flags&flagEndStream != 0
	switch {
	case over: // it was told that nobody would listen
		x.fields.Reset()
		return c.nuisance(fussFrame)
	case self, malformed != "" && !x.fields.Over(), ended && head.Length > 0:
		x.fields.Reset()
		return c.reset(id, codeProtocol)
	case refused:
		x.fields.Reset()
		return c.reset(id, codeRefused)
	}
	var bad gate.Refusal
	if bad = x.fill(c, c.now); x.fields.Over() {
		bad = gate.FieldsTooLarge()
	}
	if bad.Refused() {
		x.refuse(bad)
		return c.answerHere(id, ended, x, head)
	}
	if !ended {
		return c.beginUpload(id, x, head)
	}
	done, panicked := c.begin(x)
	switch {
	case panicked:
		return c.answerHere(id, true, c.x, head)
	case !done:
		c.leave(id, x, head, nil, phaseFinish)
		return nil
	case x.Rep.Stream != nil:
		c.leave(id, x, head, nil, phaseReply) // its content waits
		return nil
	}
	return c.answerHere(id, true, x, head)
}

// answerHere puts an answer from memory into out, and makes the exchange ready for
// the next request.
func (c *conn) answerHere(id uint32, remoteClosed bool, x *exchange, head *section.Head) error {
	c.mu.Lock()
	c.waitForRoomLocked()
	c.answerLocked(id, nil, remoteClosed, x, head.Priority, c.now)
	full := len(c.out) > maxOut
	c.mu.Unlock()
	x.reset()
	if full {
		return c.flushReader()
	}
	return nil
}
