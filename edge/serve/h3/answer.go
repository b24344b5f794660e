package h3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/serve/gate"
	"github.com/letteros/letteredge/edge/serve/h3/qpack"
	"github.com/letteros/letteredge/edge/serve/section"
)

// maxInline bounds the answers that a connection's goroutine hands to its stream whole.
// quic-go keeps a copy of them until the client has them, so it bounds as well what a
// client that does not read costs: that much for each of its streams.
const maxInline = 20 << 10

// serve answers a request whose header section is there. On the connection's own
// goroutine (inline) whatever would have to wait goes on in another.
func (r *request) serve(inline bool) {
	if r.over {
		if h, _ := r.fields.Request(); h.Method == "HEAD" {
			r.Req.Method = edge.MethodHead
		}
		r.refuse(inline, gate.FieldsTooLarge())
		return
	}
	malformed, bad := r.request()
	r.importance = r.c.order.opened(r.id, r.str, r.head.Prioritized, r.head.Priority)
	switch {
	case malformed.is():
		r.fail(malformed)
		return
	case bad.Refused():
		r.refuse(inline, bad)
		return
	}
	switch has, known := r.hasContent(); {
	case !known && inline:
		r.apart((*request).awaitContent)
		return
	case !known:
		r.awaitContent()
		return
	case has:
		r.addContent()
	}
	r.begin(inline)
}

// hasContent reports whether the request has content, if that is known. That of a GET
// or HEAD which does not tell its length has no meaning and is left unread (RFC 9110
// §9.3.1); CONNECT has none before it is answered (RFC 9114 §4.4).
func (r *request) hasContent() (has, known bool) {
	switch {
	case r.head.Length >= 0:
		return r.head.Length > 0, true
	case r.Req.Method == edge.MethodGet, r.Req.Method == edge.MethodHead, r.Req.Method == edge.MethodConnect:
		return false, true
	case r.Req.Early && !r.Req.Method.Safe(): // it is answered 425 whatever it has
		return true, true
	case r.eof && r.r == r.w:
		return false, true
	}
	return false, false
}

func (r *request) addContent() {
	r.content = content{r: r, length: r.head.Length}
	r.body = gate.NewBody(&r.content, r.head.Length, r.c.srv.cfg.MaxBody)
	r.Req.Body, r.Req.Length = r.body, r.head.Length
}

// awaitContent waits for the first byte of content, or for its end.
func (r *request) awaitContent() {
	_ = r.str.SetReadDeadline(time.Now().Add(r.c.srv.cfg.BodyTimeout))
	if r.head.Expect != "" && !r.sayContinue() {
		return
	}
	r.addContent()
	switch err := r.content.next(); {
	case err == io.EOF:
		r.body, r.Req.Body, r.Req.Length = nil, nil, 0
	case r.content.failed:
		r.end() // the client has been told
		return
	case takenBack(err):
		r.gone(err)
		return
	}
	r.begin(false)
}

// sayContinue sends 100 (RFC 9110 §10.1.1), once, and reports whether the client is
// still there.
func (r *request) sayContinue() bool {
	r.head.Expect = ""
	r.out = appendInterim(r.out[:0], 100, nil)
	_ = r.str.SetWriteDeadline(time.Now().Add(r.c.srv.cfg.WriteTimeout))
	if _, err := r.str.Write(r.out); err != nil {
		r.gone(err)
		return false
	}
	return true
}

// begin asks the core.
func (r *request) begin(inline bool) {
	switch done := r.ask(); {
	case r.spoilt:
		r.refuse(inline, sorry())
	case done:
		r.write(inline)
	case inline:
		r.apart((*request).finish)
	default:
		r.finish()
	}
}

func sorry() gate.Refusal { return gate.Refuse(500, "", "the request could not be served") }

// ask is Core.Begin; a panic spoils the request.
func (r *request) ask() bool {
	defer r.recovered(nil)
	return r.c.srv.core.Begin(&r.Exchange)
}

// finish waits for what Begin has left, which may be an origin's: what may be a replay
// waits for the handshake before that.
func (r *request) finish() {
	if r.Req.Early && !r.proven() {
		r.gone(context.Cause(r.str.Context()))
		return
	}
	if r.body != nil {
		_ = r.str.SetReadDeadline(time.Now().Add(r.c.srv.cfg.BodyTimeout))
		if r.head.Expect != "" && !r.sayContinue() {
			return
		}
	}
	r.Informer = r
	r.wait()
	if r.spoilt {
		r.refuse(false, sorry())
		return
	}
	if bad := r.body.Blame(&r.Rep, r.c.srv.cfg.MaxBody); bad.Refused() {
		r.closeStream()
		r.refuse(false, bad)
		return
	}
	r.write(false)
}

// proven waits until the client has completed the handshake, and is no replay (RFC 8470
// §3), and reports whether that was before it has gone.
func (r *request) proven() bool {
	select {
	case <-r.c.peer.HandshakeComplete():
		return true
	case <-r.str.Context().Done():
		return false
	}
}

// wait is Core.Finish; a panic spoils the request.
func (r *request) wait() {
	defer r.recovered(nil)
	r.c.srv.core.Finish(r.str.Context(), &r.Exchange)
}

// Inform writes an interim response (RFC 9114 §4.1). One that cannot be written is
// none; the final answer then finds out why.
func (r *request) Inform(status int, fields []edge.Field) {
	_ = r.str.SetWriteDeadline(time.Now().Add(r.c.srv.cfg.WriteTimeout))
	_, _ = r.str.Write(appendInterim(nil, status, fields))
}

// spoil gives up the request's memory, the connection's of it included: nobody knows who
// still holds it.
func (r *request) spoil() {
	r.spoilt = true
	r.takeRepeat()
}

// recovered is deferred around what is not ours. It spoils the request; done is
// called then, if there is one.
func (r *request) recovered(done func()) {
	p := recover()
	if p == nil {
		return
	}
	r.spoil()
	r.c.srv.logger.Error("panic while serving", "proto", "h3", "err", p, "stack", string(debug.Stack()))
	if done != nil {
		done()
	}
}

// guarded is deferred where a request is all that a goroutine does: what goes wrong
// there costs that request.
func (r *request) guarded() {
	p := recover()
	if p == nil {
		return
	}
	r.spoil()
	r.c.srv.logger.Error("panic while serving", "proto", "h3", "err", p, "stack", string(debug.Stack()))
	r.cancel(codeInternal)
	r.end()
}

// write puts the reply on the wire.
func (r *request) write(inline bool) {
	rep := &r.Rep
	length, content := gate.Shape(&r.Exchange)
	r.appendHead(length)
	switch {
	case !content:
		r.closeStream()
		rep.Body = nil
	case rep.Stream != nil:
		if inline {
			r.apart((*request).copy)
		} else {
			r.copy()
		}
		return
	default:
		r.out = appendVarint(append(r.out, frameData), uint64(len(rep.Body)))
	}
	r.send(inline, rep.Body)
}

// refuse answers with a problem.
func (r *request) refuse(inline bool, bad gate.Refusal) {
	r.block = section.Block{} // nothing to be learnt
	content := bad.Body()
	r.appendRefusal(bad.Status, len(content))
	if r.Req.Method == edge.MethodHead {
		content = nil
	} else {
		r.out = appendVarint(append(r.out, frameData), uint64(len(content)))
	}
	r.Rep.Body = content
	r.send(inline, content)
}

// send writes r.out and the content behind it, and ends the request.
func (r *request) send(inline bool, content []byte) {
	n := len(r.out) + len(content)
	if !inline {
		r.sendSlowly()
		return
	}
	var err error
	switch {
	case n <= packet:
		r.out = append(r.out, content...)
		_, err = r.str.Write(r.out) // no longer than that is taken at once
	case n <= maxInline:
		r.out = append(r.out, content...)
		if err = r.str.TryWriteAll(r.out); errors.Is(err, quic.ErrWouldBlock) {
			r.Rep.Body = nil // it is in r.out
			r.apart((*request).sendSlowly)
			return
		}
	default:
		r.apart((*request).sendSlowly)
		return
	}
	r.sent(err)
}

// sendSlowly writes r.out and Rep.Body at the client's pace, within WriteTimeout.
func (r *request) sendSlowly() {
	until := time.Now().Add(r.c.srv.cfg.WriteTimeout)
	content := r.Rep.Body
	// The header section goes out with the beginning of the content: what a stream takes
	// without waiting, so that the goroutine waits once for the whole answer.
	n := min(len(content), max(0, packet-len(r.out)))
	r.out = append(r.out, content[:n]...)
	err := r.push(r.out, until)
	if content = content[n:]; err == nil && len(content) > 0 {
		err = r.push(content, until)
	}
	r.sent(err)
}

// patience is how long an answer may have its turn without any of it going out: longer
// than a round trip mostly is.
const patience = 250 * time.Millisecond

// push writes at the client's pace, until a time at the latest.
func (r *request) push(p []byte, until time.Time) error {
	order := &r.c.order
	order.writing(r.id)
	for now := time.Now(); ; {
		step := now.Add(patience)
		if until.Before(step) {
			step = until
		}
		_ = r.str.SetWriteDeadline(step)
		n, err := r.str.Write(p)
		p = p[n:]
		if n > 0 {
			order.moved(r.id)
		}
		if now = time.Now(); !isDeadline(err) || !now.Before(until) {
			return err
		}
		if n == 0 {
			order.stalled(r.id)
		}
	}
}

// copyBuffer is how much of a stream is held between origin and client, beside the
// protocol's own windows.
const copyBuffer = 32 << 10

// copy writes Rep.Stream, a step at a time, each a DATA frame, as it comes: it may be
// events that somebody waits for.
func (r *request) copy() {
	err := r.copyAll()
	r.closeStream()
	r.sent(err)
}

var errLength = errors.New("the content has another length than announced")

func (r *request) copyAll() error {
	left := r.Rep.Length
	if err := r.push(r.out, time.Now().Add(r.c.srv.cfg.WriteTimeout)); err != nil {
		return err
	}
	buf := make([]byte, maxFrameHeader+copyBuffer)
	for {
		n, err := r.read(buf[maxFrameHeader:])
		if n > 0 {
			if left >= 0 {
				if left -= int64(n); left < 0 {
					return errLength
				}
			}
			var h [maxFrameHeader]byte
			head := appendVarint(append(h[:0], frameData), uint64(n))
			from := maxFrameHeader - len(head)
			copy(buf[from:], head)
			if werr := r.push(buf[from:maxFrameHeader+n], time.Now().Add(r.c.srv.cfg.WriteTimeout)); werr != nil {
				return werr
			}
		}
		switch {
		case err == io.EOF && left > 0:
			return errLength // a short answer must not look whole
		case err == io.EOF:
			return r.writeTrailer()
		case err != nil:
			return err
		}
	}
}

// writeTrailer writes what came behind the content (RFC 9114 §4.1).
func (r *request) writeTrailer() error {
	fields := r.trailer()
	if len(fields) == 0 {
		return nil
	}
	block := qpack.AppendPrefix(nil)
	for _, f := range fields {
		block = qpack.AppendShort(block, f.Name, f.Value)
	}
	frame := appendVarint([]byte{frameHeaders}, uint64(len(block)))
	return r.push(append(frame, block...), time.Now().Add(r.c.srv.cfg.WriteTimeout))
}

// trailer asks for those fields; a panic is none of them.
func (r *request) trailer() (fields []edge.Field) {
	if !gate.Trailing(&r.Exchange) {
		return nil
	}
	defer r.recovered(func() { fields = nil })
	return r.Rep.Trailer()
}

// read reads the reply's stream; a panic is an error there.
func (r *request) read(p []byte) (n int, err error) {
	defer r.recovered(func() { n, err = 0, fmt.Errorf("serve: panic in a stream") })
	return r.Rep.Stream.Read(p)
}

// closeStream closes the reply's stream, once.
func (r *request) closeStream() {
	if s := r.Rep.Stream; s != nil {
		r.Rep.Stream = nil
		defer r.recovered(nil)
		_ = s.Close()
	}
}

// sent ends a request whose answer has been written, or could not be.
func (r *request) sent(err error) {
	switch {
	case err == nil:
	case takenBack(err):
		r.gone(err)
		return
	default:
		r.cancel(codeInternal)
		r.end()
		return
	}
	_ = r.str.Close()
	r.learn()
	if r.drop() {
		r.end()
		return
	}
	r.linger()
}
