package h2

import (
	"encoding/binary"

	"github.com/letteros/letteredge/edge"
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
// the next ones depend on it, unless it is known to say what an earlier one said.
func (c *conn) onSection(id uint32, flags byte, self bool, block []byte) error {
	x := c.x
	trailers := id <= c.lastID // only the reader writes lastID
	var came section.Block
	whole := !trailers && !self && flags&flagEndStream != 0
	if whole {
		came = section.NewBlock(c.srv.seed, block, c.dec.changes)
		if k := c.repeats.Find(came); k != nil {
			return c.onRepeat(id, k)
		}
	}
	table := c.dec.changes
	if !c.dec.decode(block, &x.fields) {
		return fatal(codeCompression, "a field block cannot be decoded")
	}
	if trailers {
		defer x.fields.Reset()
		return c.onTrailers(id, flags, x)
	}
	answered, err := c.onRequest(id, flags, self, x)
	if whole && answered && err == nil && c.dec.changes == table {
		c.learn(came)
	}
	return err
}

// learn keeps a request whose block has just been decoded, and changed nothing, if it
// is the second such.
func (c *conn) learn(came section.Block) {
	k := c.repeats.Due(came, c.srv.cfg.MaxHeaderBytes+10*32)
	if k != nil && c.dec.decode(came.Bytes, &k.Fields) {
		c.repeats.Keep(k, c.srv.cfg.MaxBody)
	}
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

// admit notes a new stream: over if nobody is listened to any more, refused if there
// are too many.
func (c *conn) admit(id uint32) (over, refused bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastID, c.idleSince = id, c.now
	over = c.drainState == drainLast || c.broken != nil
	if over {
		c.closed.add(id, dropped)
	} else {
		c.lastServed = id
	}
	return over, c.running >= 2*c.srv.cfg.MaxStreams || len(c.streams) >= c.srv.cfg.MaxStreams
}

// onRequest takes the section of a new stream. It reports whether the core has
// answered it here and now.
func (c *conn) onRequest(id uint32, flags byte, self bool, x *exchange) (answered bool, err error) {
	over, refused := c.admit(id)
	head, malformed := x.fields.Request()
	ended := flags&flagEndStream != 0
	switch {
	case over: // it was told that nobody would listen
		x.fields.Reset()
		return false, c.nuisance(fussFrame)
	case self, malformed != "" && !x.fields.Over(), ended && head.Length > 0:
		x.fields.Reset()
		return false, c.reset(id, codeProtocol)
	case refused:
		x.fields.Reset()
		return false, c.reset(id, codeRefused)
	}
	var bad gate.Refusal
	if bad = x.fill(c, c.now); x.fields.Over() {
		bad = gate.FieldsTooLarge()
	}
	if bad.Refused() {
		x.refuse(bad)
		return false, c.answerHere(id, ended, x, head)
	}
	if !ended {
		return false, c.beginUpload(id, x, head)
	}
	return c.ask(id, x, head)
}

// onRepeat takes a new stream whose section is known.
func (c *conn) onRepeat(id uint32, k *section.Repeat) error {
	switch over, refused := c.admit(id); {
	case over:
		return c.nuisance(fussFrame)
	case refused:
		return c.reset(id, codeRefused)
	}
	x := c.x
	x.Now, x.Req = c.now, k.Req
	x.Req.Proto, x.Req.Client = edge.H2, c.client
	answered, err := c.ask(id, x, k.Head)
	if !answered {
		c.repeats.Forget(k)
	}
	return err
}

// ask has the core answer a request without content, here if that takes no waiting.
func (c *conn) ask(id uint32, x *exchange, head *section.Head) (here bool, err error) {
	done, panicked := c.begin(x)
	switch {
	case panicked:
		return false, c.answerHere(id, true, c.x, head)
	case !done:
		c.leave(id, x, head, nil, phaseFinish)
		return false, nil
	case x.Rep.Stream != nil:
		c.leave(id, x, head, nil, phaseReply) // its content waits
		return false, nil
	}
	return true, c.answerHere(id, true, x, head)
}

// answerHere puts an answer from memory into out, and makes the exchange ready for
// the next request.
func (c *conn) answerHere(id uint32, remoteClosed bool, x *exchange, head *section.Head) error {
	full := c.answerInRoom(id, remoteClosed, x, head.Priority)
	x.reset()
	if full {
		return c.flushReader()
	}
	return nil
}

func (c *conn) answerInRoom(id uint32, remoteClosed bool, x *exchange, p section.Importance) (full bool) {
	c.mu.Lock()
	defer c.mu.Unlock() // also where it panics: see readSafely
	c.waitForRoomLocked()
	c.answerLocked(id, nil, remoteClosed, x, p, c.now)
	return len(c.out) > maxOut
}
