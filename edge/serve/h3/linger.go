package h3

import (
	"io"
	"math"
	"time"
)

// drop has done with what the client sends, as far as that needs no waiting, and reports
// whether nothing more of it can come.
func (r *request) drop() (all bool) {
	if r.body != nil {
		// Whoever forwards the content may be waiting for more of it.
		r.body.End(func() { _ = r.str.SetReadDeadline(r.Now) })
	}
	r.answered = true
	if r.over { // nobody knows where its frames begin
		r.r, r.w = 0, 0
	}
	if !r.eof {
		_ = r.str.SetReadDeadline(r.Now) // what is known is told nevertheless
		if err := r.fill(); err != nil && !isDeadline(err) {
			_ = r.rest(math.MaxInt64) // what came before
			r.str.CancelRead(codeNoError.onStream())
			return true
		}
	}
	if r.eof && (r.r < r.w || r.skip > 0 || r.content.left > 0) {
		_ = r.rest(math.MaxInt64)
	}
	return r.eof
}

// linger reads what still comes of a request that has its answer, and throws it away:
// a browser that is told to stop sending may never show that answer. It ends with the
// stream or the connection, or at BodyTimeout after the request's beginning, or behind
// twice MaxBody; then the client is told to stop.
func (r *request) linger() {
	until, left := r.Now.Add(r.c.srv.cfg.BodyTimeout), 2*r.c.srv.cfg.MaxBody
	if r.head != nil && r.head.Length-r.content.total > left {
		until = r.Now // it would not come to its end
	}
	r.c.linger()
	r.lingering = true
	apart := r.waiting
	if apart {
		r.waiting = false
		r.c.leave(r.id)
	} else {
		r.c.order.forget(r.id)
	}
	if !r.spoilt {
		r.forget()
	}
	if apart {
		r.passOver(until, left)
		return
	}
	go func() {
		defer r.guarded()
		r.passOver(until, left)
	}()
}

// forget gives up what the answer needed.
func (r *request) forget() {
	r.Reset()
	r.fields.Reset()
	r.head, r.repeat = nil, nil
	if cap(r.out) > firstRead {
		r.out = nil
	}
	if len(r.in) > firstRead && r.w-r.r <= firstRead {
		in := make([]byte, firstRead)
		r.r, r.w = 0, copy(in, r.in[r.r:r.w])
		r.in = in
	}
}

// passOver lingers until a time, for so many bytes.
func (r *request) passOver(until time.Time, left int64) {
	_ = r.str.SetReadDeadline(until)
	if err := r.rest(left); err != io.EOF {
		r.str.CancelRead(codeNoError.onStream())
	}
	r.end()
}

// rest goes through what nobody has read, from where whoever read the content has
// stopped, until it ends or more than left has come. Frames are checked as for a reader.
func (r *request) rest(left int64) error {
	if r.content.r == nil {
		r.content = content{r: r, length: -1}
	}
	for left >= 0 {
		n, err := r.discard()
		if err != nil {
			return err
		}
		left -= int64(n)
	}
	return nil
}

// discard reads a piece of it.
func (r *request) discard() (int, error) {
	switch {
	case !r.over:
		return r.content.discard()
	case r.eof:
		return 0, io.EOF
	}
	r.r, r.w = 0, 0
	err := r.fill()
	return r.w, err
}
