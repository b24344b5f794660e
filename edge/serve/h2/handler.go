package h2

import (
	"context"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/serve/gate"
	"github.com/letteros/letteredge/edge/serve/section"
)

// phase is what is left of a request that leaves the reader.
type phase uint8

const (
	phaseAll phase = iota
	phaseFinish
	phaseReply
)

// begin is the core's first phase, on the reader. Where it panics, nobody knows who
// still holds the exchange: the answer is made with another, and is the last of its
// connection beside what is in flight.
func (c *conn) begin(x *exchange) (done, panicked bool) {
	defer func() {
		if p := recover(); p != nil {
			c.panicked(p)
			c.x = c.srv.exchanges.Get().(*exchange)
			c.x.refuse(gate.Refuse(500, "", "the request could not be served"))
			c.x.Now, c.x.Req.Method = c.now, x.Req.Method
			done, panicked = true, true
		}
	}()
	return c.srv.core.Begin(&x.Exchange), false
}

func (c *conn) panicked(p any) {
	c.srv.logger.Error("panic while serving", "proto", "h2", "err", p, "stack", string(debug.Stack()))
	c.mu.Lock()
	c.lastWordLocked()
	c.mu.Unlock()
}

// leave hands a request to a goroutine of its own, with its exchange.
func (c *conn) leave(id uint32, x *exchange, head *section.Head, u *upload, from phase) {
	c.x = c.srv.exchanges.Get().(*exchange)
	ctx, cancel := context.WithCancel(c.ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.beginLocked(id, u == nil, head.Priority)
	st.cancel, st.wake = cancel, make(chan struct{}, 1)
	if u != nil {
		u.st, st.upload = st, u
	}
	c.running++
	c.work.Add(1)
	go c.handle(ctx, st, x, from)
}

// handle does what is left of a request.
func (c *conn) handle(ctx context.Context, st *stream, x *exchange, from phase) {
	defer c.work.Done()
	defer c.flush()
	defer func() {
		c.mu.Lock()
		c.running--
		st.cancel()
		c.mu.Unlock()
	}()
	defer c.recover(st, x.Req.Method)
	x.Informer = st
	if from == phaseFinish || from == phaseAll && !c.srv.core.Begin(&x.Exchange) {
		c.srv.core.Finish(ctx, &x.Exchange)
	}
	if bad := x.body.Blame(&x.Rep, c.srv.cfg.MaxBody); bad.Refused() {
		x.refuse(bad)
	}
	c.reply(st, x)
	st.doneReading(x.body)
	x.reset()
	c.srv.exchanges.Put(x)
}

// recover answers 500 where the core has panicked and nothing is out yet, and
// breaks the stream off where something is. The exchange is lost to the pool.
func (c *conn) recover(st *stream, method edge.Method) {
	p := recover()
	if p == nil {
		return
	}
	c.panicked(p)
	x := c.srv.exchanges.Get().(*exchange)
	x.Req.Method = method
	x.refuse(gate.Refuse(500, "", "the request could not be served"))
	c.mu.Lock()
	if st.answered {
		st.resetLocked(codeInternal)
	} else if st.ended == nil {
		c.answerLocked(st.id, st, st.remoteClosed, x, st.importance, time.Now())
	}
	c.mu.Unlock()
	x.reset()
	c.srv.exchanges.Put(x)
}

// reply writes the answer. What is in memory is left to whoever writes; content
// that comes bit by bit is copied here.
func (c *conn) reply(st *stream, x *exchange) {
	defer x.closeStream()
	_, content := gate.Shape(&x.Exchange)
	c.mu.Lock()
	if st.ended == nil {
		c.answerLocked(st.id, st, st.remoteClosed, x, st.importance, time.Now())
	}
	ended := st.ended != nil
	c.mu.Unlock()
	if ended || !content || x.Rep.Stream == nil {
		return
	}
	if x.Rep.Length < 0 {
		c.flush() // it may be events: the header section goes before the first
	}
	c.copy(st, &x.Rep)
}

// copyBuffer is how much of a stream is held between origin and client.
const copyBuffer = 2 * maxData

func (c *conn) copy(st *stream, rep *edge.Reply) {
	buf := make([]byte, copyBuffer)
	for left := rep.Length; ; {
		n, err := rep.Stream.Read(buf)
		over := rep.Length >= 0 && int64(n) > left
		left -= int64(n)
		if n > 0 && !over && !st.send(buf[:n], false) {
			return
		}
		switch {
		case over, err == io.EOF && left > 0, err != nil && err != io.EOF:
			c.mu.Lock()
			st.resetLocked(codeInternal) // what is not what was announced must not look whole
			c.mu.Unlock()
			return
		case err == io.EOF:
			st.endContent(rep)
			return
		}
	}
}

// endContent ends content that came bit by bit, with the trailer fields that it
// brought (RFC 9113 §8.1). No window holds these back.
func (st *stream) endContent(rep *edge.Reply) {
	var block []byte
	if rep.Trailer != nil {
		for _, f := range rep.Trailer() {
			block, _ = appendOthers(block, f.Name, f.Value, false)
		}
	}
	if len(block) == 0 {
		st.send(nil, true)
		return
	}
	st.c.mu.Lock()
	if st.ended == nil {
		st.c.blockLocked(st.id, append(st.c.beginBlockLocked(nil), block...), true)
		st.sentLocked()
	}
	st.c.mu.Unlock()
}

// send sends content and waits until it is out; false where the stream has ended.
func (st *stream) send(content []byte, last bool) bool {
	c := st.c
	c.mu.Lock()
	if st.ended == nil {
		st.pending, st.last = content, last
		st.due = time.Now().Add(c.srv.cfg.WriteTimeout)
		st.queueLocked()
	}
	for {
		c.mu.Unlock()
		c.flush()
		c.mu.Lock()
		if st.ended != nil || len(st.pending) == 0 && !st.last {
			break
		}
		c.mu.Unlock()
		<-st.wake
		c.mu.Lock()
	}
	ok := st.ended == nil
	c.mu.Unlock()
	return ok
}

// doneReading ends the content of a request for whoever still reads it.
func (st *stream) doneReading(body *gate.Body) {
	c := st.c
	if body != nil {
		body.End(func() {
			c.mu.Lock()
			st.upload.breakLocked(os.ErrDeadlineExceeded)
			c.mu.Unlock()
		})
	}
	if st.upload != nil {
		c.mu.Lock()
		st.upload.breakLocked(errReset)
		c.mu.Unlock()
	}
}
