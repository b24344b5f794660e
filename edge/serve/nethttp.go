package serve

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/serve/gate"
	"github.com/letteros/letteredge/edge/serve/h3"
)

// netHandler serves HTTP/2 and HTTP/3 requests, both of which come as net/http
// types.
type netHandler struct {
	core         Core
	logger       *slog.Logger
	proto        edge.Proto
	altSvc       []string // nil for none
	maxBody      int64
	bodyTimeout  time.Duration
	writeTimeout time.Duration
	inFlight     atomic.Int64
	pool         sync.Pool // of *netExchange
}

// netExchange is an exchange with memory to render it.
type netExchange struct {
	edge.Exchange
	out  netReply
	buf  []byte     // the values made for this answer, one after the other
	body *gate.Body // nil unless the request has content
}

func newNetHandler(core Core, cfg Config, proto edge.Proto, alt string, logger *slog.Logger) *netHandler {
	h := &netHandler{
		core: core, logger: logger, proto: proto,
		maxBody: cfg.MaxBody, bodyTimeout: cfg.BodyTimeout, writeTimeout: cfg.WriteTimeout,
	}
	if alt != "" && proto != edge.H3 {
		h.altSvc = []string{alt}
	}
	h.pool.New = func() any { return new(netExchange) }
	return h
}

// deadlines are what both libraries' response writers have.
type deadlines interface {
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// ServeHTTP answers one request. The exchange goes back to the pool when it
// returns: by then both libraries have copied or written the content, and the
// field values are strings of their own or a stored artifact's.
func (h *netHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.inFlight.Add(1)
	defer h.inFlight.Add(-1)
	x := h.pool.Get().(*netExchange)
	x.out = netReply{w: w}
	out := &x.out
	defer h.recover(out)
	if bad := x.read(r, h.proto, h.maxBody); bad.Refused() {
		out.refuse(bad)
		h.release(x)
		return
	}
	d, _ := w.(deadlines) // both libraries' writers are
	if r.Body != nil && r.ContentLength != 0 {
		if d != nil {
			_ = d.SetReadDeadline(x.Now.Add(h.bodyTimeout))
		}
		if h.proto == edge.H3 && r.Header.Get("Expect") != "" {
			w.WriteHeader(http.StatusContinue) // the other libraries do it themselves
		}
		x.content(r, h.maxBody)
	}
	if h.proto == edge.H3 { // on HTTP/2 the server sets it for each stream
		out.deadline, out.timeout = d, h.writeTimeout
	}
	x.Informer = out
	if !h.ask(r.Context(), x) {
		h.release(x)
		panic(http.ErrAbortHandler) // nobody is there to be answered
	}
	if bad := x.body.Blame(&x.Rep, h.maxBody); bad.Refused() {
		closeStream(&x.Rep)
		out.refuse(bad)
	} else {
		out.render(x, h.altSvc, h.writeTimeout)
	}
	h.release(x)
}

// ask has the core answer, and reports false where the client has gone before that was
// allowed: what may be a replay is answered from memory at once, but nothing is asked of
// others for it until the handshake is complete.
func (h *netHandler) ask(ctx context.Context, x *netExchange) bool {
	if !x.Req.Early {
		h.core.Serve(ctx, &x.Exchange)
		return true
	}
	if h.core.Begin(&x.Exchange) {
		return true
	}
	select {
	case <-h3.HandshakeComplete(ctx):
	case <-ctx.Done():
		return false
	}
	h.core.Finish(ctx, &x.Exchange)
	return true
}

// read fills x.Req from r.
func (x *netExchange) read(r *http.Request, proto edge.Proto, maxBody int64) gate.Refusal {
	if bad := gate.CheckTarget(r.RequestURI); bad.Refused() {
		return bad
	}
	if bad := gate.CheckHost(r.Host); bad.Refused() {
		return bad
	}
	if bad := gate.CheckExpect(r.Header.Get("Expect")); bad.Refused() {
		return bad
	}
	if r.ContentLength > maxBody {
		return gate.TooLarge(maxBody)
	}
	req := &x.Req
	req.Method = edge.ParseMethod(r.Method)
	req.MethodText = r.Method
	req.Proto = proto
	req.TLS = true
	req.Host = r.Host
	req.Target = r.RequestURI
	req.Fields = netFields(r.Header)
	if addr, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		req.Client = addr.Addr().Unmap()
	}
	// Once the handshake is complete the client has shown that it is there, and
	// what came as early data on this connection is no replay (RFC 8470 §3).
	req.Early = proto == edge.H3 && r.TLS != nil && !r.TLS.HandshakeComplete
	x.Now = time.Now()
	return gate.Refusal{}
}

// content fills x.Req.Body. quic-go does not know whether an HTTP/3 request that
// tells no length has any content: that of a GET or HEAD has no meaning and is
// left unread (RFC 9110 §9.3.1), of others the first byte is awaited.
func (x *netExchange) content(r *http.Request, maxBody int64) {
	from := io.Reader(r.Body)
	if x.Req.Proto == edge.H3 && r.ContentLength < 0 {
		if x.Req.Method == edge.MethodGet || x.Req.Method == edge.MethodHead {
			return
		}
		first := make([]byte, 1)
		if _, err := io.ReadFull(from, first); err == io.EOF {
			return
		} else if err == nil {
			from = io.MultiReader(bytes.NewReader(first), from)
		}
	}
	x.body = gate.NewBody(from, r.ContentLength, maxBody)
	x.Req.Body, x.Req.Length = x.body, r.ContentLength
}

// maxKeptValues bounds what a pooled exchange keeps.
const maxKeptValues = 16 << 10

func (h *netHandler) release(x *netExchange) {
	x.out = netReply{}
	x.body = nil // the library itself bars reads after the handler
	x.Reset()
	if cap(x.buf) > maxKeptValues {
		x.buf = nil
	}
	h.pool.Put(x)
}

// recover answers 500 where the core has panicked, or breaks the stream off
// where the answer has begun. An HTTP/2 connection is closed after what is in
// flight on it; HTTP/3 has no such thing.
func (h *netHandler) recover(out *netReply) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler {
		panic(p)
	}
	h.logger.Error("panic while serving", "proto", h.proto.String(), "err", p, "stack", string(debug.Stack()))
	if out.begun {
		panic(http.ErrAbortHandler)
	}
	clear(out.w.Header())
	if h.proto == edge.H2 {
		out.w.Header()["Connection"] = []string{"close"}
	}
	out.refuse(gate.Refuse(500, "", "the request could not be served"))
}

func closeStream(rep *edge.Reply) {
	if rep.Stream != nil {
		_ = rep.Stream.Close()
		rep.Stream = nil
	}
}
