package h3

import (
	"io"
	"time"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/serve/gate"
	"github.com/letteros/letteredge/edge/serve/section"
)

var _ edge.Informer = (*request)(nil)

// request is one request with everything that it needs from its first byte to its
// last. It is pooled; a request that leaves its connection's goroutine takes it along.
type request struct {
	edge.Exchange
	fields section.Section
	head   *section.Head // of fields, or of repeat

	block  section.Block   // of the header section
	repeat *section.Repeat // instead of fields; the connection's, unless it has forgotten it

	c   *conn
	str stream
	id  int64

	in   []byte // what has been read of the stream: in[r:w] is still to be parsed
	r, w int
	eof  bool   // all of the stream is in
	skip uint64 // what is left of a frame to pass over
	odd  int    // frames that were passed over
	over bool   // the header section is larger than allowed

	importance section.Importance // of the answer, as far as the header section was read

	content content
	body    *gate.Body // nil unless the request has content

	out       []byte // what is to be written
	waiting   bool   // in a goroutine of its own, and counted
	answered  bool   // the whole answer has been written
	lingering bool   // and what comes of the request nevertheless is thrown away
	spoilt    bool   // the core has panicked: nobody may use this memory again
}

const (
	// firstRead is how much of a stream is read at a glance: the requests of browsers
	// are smaller.
	firstRead = 2 << 10
	// glance is how long a connection's goroutine waits for a stream's first bytes. They
	// are there mostly: the stream came with them. A client that opens streams and sends
	// nothing on them delays its own requests by it.
	glance = 250 * time.Microsecond

	maxKeptIn  = 8 << 10
	maxKeptOut = 32 << 10

	// maxOdd bounds the frames of one stream that say nothing, maxOddSize the size of
	// each: RFC 9114 §7.2.8 lets clients send some.
	maxOdd     = 64
	maxOddSize = 16 << 10
	// maxLines bounds the field lines of a section beside its size.
	maxLines = 256
)

// get takes a request from the pool.
func (s *Server) get() *request {
	r := s.pool.Get().(*request)
	r.fields.Reset()
	return r
}

func (s *Server) newRequest() any {
	r := &request{in: make([]byte, firstRead)}
	r.fields.Limit(s.cfg.MaxHeaderBytes, maxLines)
	return r
}

// open begins a request on a stream.
func (r *request) open(c *conn, str stream, now time.Time) {
	r.c, r.str, r.id = c, str, int64(str.StreamID())
	r.Now, r.importance = now, unsaid()
}

// release ends the request; nothing of it may be used afterwards.
func (r *request) release() {
	c, pool := r.c, &r.c.srv.pool
	if r.body != nil {
		// Whoever forwards the content may still be reading it.
		r.body.End(func() { r.str.CancelRead(codeNoError.onStream()) })
	}
	switch {
	case r.waiting:
		c.leave(r.id)
	case r.lingering:
		c.lingered()
	}
	if r.spoilt {
		return
	}
	r.Reset()
	if cap(r.in) > maxKeptIn {
		r.in = make([]byte, firstRead)
	}
	if cap(r.out) > maxKeptOut {
		r.out = nil
	}
	r.head, r.c, r.str, r.body, r.content = nil, nil, nil, nil, content{}
	r.block, r.repeat = section.Block{}, nil
	r.r, r.w, r.eof, r.skip, r.odd, r.over = 0, 0, false, 0, 0, false
	r.waiting, r.answered, r.lingering = false, false, false
	pool.Put(r)
}

// apart goes on with a request in a goroutine of its own.
func (r *request) apart(rest func(*request)) {
	r.takeRepeat()
	r.c.enter(r.id, r.str, r.importance)
	r.waiting = true
	go func() {
		defer r.guarded()
		rest(r)
	}()
}

// take answers the request if that is possible without waiting, and otherwise leaves
// it to a goroutine.
func (r *request) take() {
	defer r.guarded()
	_ = r.str.SetReadDeadline(r.Now.Add(glance))
	switch ready, err := r.readHead(); {
	case ready:
		r.serve(true)
	case err != nil && isDeadline(err):
		r.apart((*request).await)
	}
}

// takeRepeat has the connection forget what it knows of the request: it is this one's now.
func (r *request) takeRepeat() {
	if r.repeat != nil {
		r.c.repeats.Forget(r.repeat)
		r.repeat = nil
	}
}

// learn keeps the request, if it could be answered at once and is the second such.
func (r *request) learn() {
	if r.waiting || r.repeat != nil || r.block.Bytes == nil || r.body != nil || !r.Req.Method.Safe() {
		return
	}
	repeats, cfg := &r.c.repeats, &r.c.srv.cfg
	k := repeats.Due(r.block, cfg.MaxHeaderBytes)
	if k != nil && r.c.srv.table.Decode(r.block.Bytes, &k.Fields) {
		repeats.Keep(k, cfg.MaxBody)
	}
}

// await waits for the rest of the header section.
func (r *request) await() {
	_ = r.str.SetReadDeadline(time.Now().Add(r.c.srv.cfg.HeaderTimeout))
	switch ready, err := r.readHead(); {
	case ready:
		r.Now = time.Now()
		r.serve(false)
	case err != nil && isDeadline(err):
		r.fail(streamFault(codeIncomplete, "the header section took too long"))
	}
}

// readHead reads and decodes the header section. Where it is neither ready nor late,
// the request has been failed.
func (r *request) readHead() (ready bool, late error) {
	for {
		ready, f := r.parseHead()
		switch {
		case f.is():
			r.fail(f)
			return false, nil
		case ready:
			return true, nil
		case r.eof && (r.r < r.w || r.skip > 0):
			r.fail(connFault(codeFrame, "a stream ended within a frame"))
			return false, nil
		case r.eof:
			r.fail(streamFault(codeIncomplete, "a stream without a request"))
			return false, nil
		}
		if err := r.fill(); isDeadline(err) {
			return false, err
		} else if err != nil {
			r.gone(err)
			return false, nil
		}
	}
}

// parseHead looks for a whole header section in what has been read.
func (r *request) parseHead() (ready bool, f fault) {
	for {
		if !r.pass() {
			return false, fault{}
		}
		typ, length, n := frameHeader(r.in[r.r:r.w])
		switch {
		case n == 0:
			return false, fault{}
		case typ != frameHeaders && known(typ):
			return false, connFault(codeFrameUnexpected, "a request begins with HEADERS")
		case typ != frameHeaders:
			r.r += n
			if f := r.oddFrame(length); f.is() {
				return false, f
			}
			continue
		case length > uint64(r.c.srv.cfg.MaxHeaderBytes):
			r.over = true
			return true, fault{}
		case uint64(r.w-r.r-n) < length:
			return false, fault{}
		}
		block := r.in[r.r+n:][:length]
		r.r += n + int(length)
		if !r.waiting {
			r.block = section.NewBlock(r.c.srv.seed, block, 0)
			if r.repeat = r.c.repeats.Find(r.block); r.repeat != nil {
				return true, fault{}
			}
		}
		if !r.c.srv.table.Decode(block, &r.fields) {
			return false, connFault(codeDecompression, "a field section that is none")
		}
		r.over = r.fields.Over()
		return true, fault{}
	}
}

// oddFrame begins to pass over a frame that has no meaning.
func (r *request) oddFrame(length uint64) fault {
	if r.odd++; r.odd > maxOdd || length > maxOddSize {
		return streamFault(codeExcessiveLoad, "too much that says nothing")
	}
	r.skip = length
	return fault{}
}

// pass drops what has been read of a frame that is passed over, and reports whether
// that was all of it.
func (r *request) pass() bool {
	n := min(uint64(r.w-r.r), r.skip)
	r.r += int(n)
	r.skip -= n
	return r.skip == 0
}

// fill reads more of the stream; the end of it is no error.
func (r *request) fill() error {
	switch {
	case r.r == r.w:
		r.r, r.w = 0, 0
	case r.w < len(r.in):
	case r.r > 0:
		r.w = copy(r.in, r.in[r.r:r.w])
		r.r = 0
	default: // grows with what has come, not with what is announced
		r.in = append(r.in, make([]byte, len(r.in))...)
	}
	n, err := r.str.Read(r.in[r.w:])
	r.w += n
	if err == io.EOF {
		r.eof, err = true, nil
	}
	return err
}

// request fills Req from the header section.
func (r *request) request() (malformed fault, refused gate.Refusal) {
	if k := r.repeat; k != nil {
		r.head, r.Req = k.Head, k.Req
	} else {
		var why string
		if r.head, why = r.fields.Request(); why != "" {
			return streamFault(codeMessage, why), gate.Refusal{}
		}
		if refused = r.fields.Fill(&r.Req, r.c.srv.cfg.MaxBody); refused.Refused() {
			return fault{}, refused
		}
	}
	if r.head.Length > 0 && r.eof && r.r == r.w {
		return streamFault(codeMessage, "the content is not there"), gate.Refusal{}
	}
	r.Req.Proto = edge.H3
	r.Req.Client = addrOf(r.c.peer.RemoteAddr()) // it may move (RFC 9000 §9)
	r.Req.Early = r.c.early()
	return fault{}, gate.Refusal{}
}

// fail tells the client what it did wrong, and ends the request.
func (r *request) fail(f fault) {
	if f.whole {
		r.c.abort(f)
	} else {
		r.cancel(f.code)
		r.c.waste()
	}
	r.end()
}

// gone ends a request whose stream the client has cancelled, or whose connection has
// ended.
func (r *request) gone(err error) {
	if takenBack(err) {
		r.c.waste()
	}
	r.cancel(codeRequestCancelled)
	r.end()
}

// cancel ends both directions of the stream.
func (r *request) cancel(c code) {
	r.str.CancelRead(c.onStream())
	r.str.CancelWrite(c.onStream())
}

func (r *request) end() {
	if !r.waiting {
		r.c.order.forget(r.id)
	}
	r.release()
}
