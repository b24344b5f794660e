package h2

import (
	"time"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/serve/gate"
	"github.com/letteros/letteredge/edge/serve/section"
)

// answerLocked puts the header section of an answer into out, and its content if
// that is in memory: at once where windows and room allow, else as a stream. st is
// nil for a request that is none so far.
func (c *conn) answerLocked(id uint32, st *stream, remoteClosed bool, x *exchange, p section.Importance, now time.Time) {
	rep := &x.Rep
	length, content := gate.Shape(&x.Exchange)
	c.headersLocked(id, &x.Exchange, length, !content, now)
	if st != nil {
		st.answered = true
	}
	if rep.Stream != nil && content {
		return
	}
	n := int64(len(rep.Body))
	window := c.peerWindow
	if st != nil {
		window = st.sendWindow
	}
	switch {
	case !content:
	case len(c.ready) == 0 && n <= window && n <= c.sendWindow && len(c.out)+len(rep.Body) <= maxOut:
		for rest := rep.Body; len(rest) > 0; {
			part := rest[:min(len(rest), maxData)]
			rest = rest[len(part):]
			c.putLocked(appendData(c.outLocked(), id, part, len(rest) == 0))
		}
		c.sendWindow -= n
	default:
		if st == nil {
			st = c.beginAnsweredLocked(id, remoteClosed, p)
		}
		st.pending, st.last = keep(rep), true
		st.due = now.Add(c.srv.cfg.WriteTimeout)
		st.queueLocked()
		return
	}
	c.fuss.served(int(n))
	switch {
	case st != nil:
		st.sentLocked()
	case remoteClosed:
		c.closed.add(id, ended)
	default:
		c.beginAnsweredLocked(id, false, p).sentLocked()
	}
}

// beginAnsweredLocked makes a stream of a request that the reader has answered.
func (c *conn) beginAnsweredLocked(id uint32, remoteClosed bool, p section.Importance) *stream {
	st := c.beginLocked(id, remoteClosed, p)
	st.answered = true
	if !remoteClosed {
		st.upload = c.unwanted(st)
	}
	return st
}

// keep is the content of an answer as something that outlives it.
func keep(rep *edge.Reply) []byte {
	if rep.Art != nil && gate.Within(rep.Body, rep.Art.Body) {
		return rep.Body
	}
	return append([]byte(nil), rep.Body...)
}

// headersLocked writes the header section of an answer.
func (c *conn) headersLocked(id uint32, x *edge.Exchange, length int64, last bool, now time.Time) {
	if c.broken != nil {
		return
	}
	out := c.outLocked()
	at := len(out)
	out = c.beginBlockLocked(append(out, make([]byte, headerLen)...))
	out = c.srv.appendFields(out, x, length, now)
	flags := byte(flagEndHeaders)
	if last {
		flags |= flagEndStream
	}
	n := len(out) - at - headerLen
	if n <= maxFrame {
		appendFrameHeader(out[:at], n, frameHeaders, flags, id)
		c.out = out
		return
	}
	c.out = out[:at]
	c.blockLocked(id, append([]byte(nil), out[at+headerLen:]...), last)
}

// beginBlockLocked begins a field block. The first after a client has made its table
// smaller says that the table is empty, as it always is (RFC 7541 §4.2, §6.3).
func (c *conn) beginBlockLocked(b []byte) []byte {
	if c.resizeTable {
		c.resizeTable = false
		b = append(b, 0x20)
	}
	return b
}

// blockLocked writes a field block, in as many frames as it needs.
func (c *conn) blockLocked(id uint32, block []byte, last bool) {
	out, t, flags := c.outLocked(), frameHeaders, byte(0)
	if last {
		flags = flagEndStream
	}
	for {
		part := block[:min(len(block), maxFrame)]
		block = block[len(part):]
		if len(block) == 0 {
			flags |= flagEndHeaders
		}
		out = append(appendFrameHeader(out, len(part), t, flags, id), part...)
		if len(block) == 0 {
			break
		}
		t, flags = frameContinuation, 0
	}
	c.putLocked(out)
}

// refuse makes the answer a problem.
func (x *exchange) refuse(bad gate.Refusal) {
	x.closeStream()
	x.Exchange.Rep = edge.Reply{Status: bad.Status, Body: bad.Body()}
	x.Rep.Length = int64(len(x.Rep.Body))
	x.Rep.Passed = []edge.Field{{Name: "Content-Type", Value: "application/problem+json"}, {Name: "Cache-Control", Value: "no-store"}}
}
