package serve

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/serve/gate"
)

// h1 serves HTTP/1.1 requests, in clear text and over TLS.
type h1 struct {
	core   Core
	logger *slog.Logger
	// life is the context that Serve gets: fasthttp cannot tell that a client
	// has gone, so it ends only with the server.
	life                                     context.Context
	altSvc                                   []byte // nil for none
	maxBody                                  int64
	maxHeader                                int
	headerTimeout, writeTimeout, idleTimeout time.Duration
	stopping                                 atomic.Bool // a shutdown has begun
	pool                                     sync.Pool   // of *h1Exchange
}

// h1Exchange is an exchange with the memory of its request.
type h1Exchange struct {
	edge.Exchange
	fields h1Fields
	body   *gate.Body // nil unless the request has content
	conn   net.Conn   // for interim responses; nil where there are none
	expiry time.Duration
	date   [32]byte // for a Date of our own
	lines  []byte   // of an answer in one piece, see wire
	done   bool     // the core has answered before fasthttp has read the request, see h1Conn
}

func newH1(life context.Context, core Core, cfg Config, alt string, logger *slog.Logger) *h1 {
	h := &h1{core: core, logger: logger, life: life, maxBody: cfg.MaxBody, maxHeader: cfg.MaxHeaderBytes,
		headerTimeout: cfg.HeaderTimeout, writeTimeout: cfg.WriteTimeout, idleTimeout: cfg.IdleTimeout}
	if alt != "" {
		h.altSvc = []byte(alt)
	}
	h.pool.New = func() any { return new(h1Exchange) }
	return h
}

// serve is the fasthttp handler. HOT.
//
// The exchange goes back to the pool when nothing refers to its memory any
// more. fasthttp writes the answer after serve has returned, but by then it
// holds copies of the field lines and of content that is not part of a stored
// body; only a stream keeps its exchange until it is closed.
func (h *h1) serve(ctx *fasthttp.RequestCtx) {
	defer h.recover(ctx)
	if l := lingererOf(ctx.Conn()); l != nil {
		l.next.arrived()
	}
	x, broken := begunOn(ctx)
	if broken {
		h.refuse(ctx, panicking())
		return
	}
	if x != nil {
		h.finish(ctx, x)
		return
	}
	x = h.pool.Get().(*h1Exchange)
	if bad := x.read(ctx, h.maxBody); bad.Refused() {
		h.refuse(ctx, bad)
		h.release(ctx, x)
		return
	}
	h.listen(ctx, x)
	h.core.Serve(h.life, &x.Exchange)
	if bad := x.body.Blame(&x.Rep, h.maxBody); bad.Refused() {
		x.closeStream()
		h.refuse(ctx, bad)
		h.release(ctx, x)
		return
	}
	h.passOver(ctx, x)
	if !h.render(ctx, x) {
		h.release(ctx, x)
	}
}

// passOver prepares for content that comes behind an answer which did not wait for it.
func (h *h1) passOver(ctx *fasthttp.RequestCtx, x *h1Exchange) {
	if x.body == nil || x.body.Whole() {
		return
	}
	if x.Req.Length < 0 { // fasthttp sees only later that it is too much to read over
		ctx.SetConnectionClose()
	}
	if l := lingererOf(ctx.Conn()); l != nil {
		l.expectMore(ctx.Time())
	}
}

// finish does what is left of a request that its connection has begun with.
func (h *h1) finish(ctx *fasthttp.RequestCtx, x *h1Exchange) {
	if !x.done {
		h.listen(ctx, x)
		h.core.Finish(h.life, &x.Exchange)
	}
	if !h.render(ctx, x) {
		h.release(ctx, x)
	}
}

// read fills x.Req with views into ctx. It refuses what the gate refuses.
func (x *h1Exchange) read(ctx *fasthttp.RequestCtx, maxBody int64) gate.Refusal {
	hdr := &ctx.Request.Header
	if bad := checkH1(hdr, &x.fields, maxBody); bad.Refused() {
		return bad
	}
	req := &x.Req
	req.MethodText = gate.View(hdr.Method())
	req.Method = edge.ParseMethod(req.MethodText)
	req.Proto = edge.H1
	req.TLS = ctx.IsTLS()
	req.Host = gate.View(hdr.Host())
	req.Target = gate.View(hdr.RequestURI())
	req.Client = clientAddr(ctx.RemoteAddr())
	req.Fields = &x.fields
	req.Whole = !hdr.IsHTTP11()
	if target := req.Target; target != "" && target[0] != '/' {
		authority, absolute := authorityOf(target)
		if bad := gate.CheckHost(authority); bad.Refused() {
			return gate.Refuse(400, "target", bad.Reason)
		}
		if absolute && authority == "" {
			return gate.Refuse(400, "target", "a whole URL has a host (RFC 9110 §4.2.1)")
		}
		if absolute { // it counts, and not Host (RFC 9112 §3.2.2)
			req.Host = authority
		}
	}
	if req.Host == "" { // HTTP/1.0 knows no Host: it is who was spoken to (RFC 9112 §3.3)
		req.Host = ctx.LocalAddr().String()
	}
	if n := hdr.ContentLength(); n > 0 || n == -1 {
		if r := ctx.RequestBodyStream(); r != nil {
			if l := lingererOf(ctx.Conn()); n < 0 && l != nil {
				r = chunked{r, &l.fin}
			}
			x.body = gate.NewBody(r, int64(n), maxBody)
			req.Body, req.Length = x.body, int64(n)
		}
	}
	x.Now = ctx.Time()
	return gate.Refusal{}
}

// authorityOf returns the authority of a target that is a whole URL.
func authorityOf(target string) (authority string, absolute bool) {
	_, rest, absolute := strings.Cut(target, "://")
	if end := strings.IndexAny(rest, "/?"); end >= 0 {
		rest = rest[:end]
	}
	return rest, absolute
}

// release ends the request and puts its exchange back.
func (h *h1) release(ctx *fasthttp.RequestCtx, x *h1Exchange) {
	if x.body != nil {
		if x.body.End(func() { _ = ctx.Conn().SetReadDeadline(time.Unix(1, 0)) }) {
			ctx.SetConnectionClose()
		}
		x.body = nil
	}
	h.put(x)
}

// put gives an exchange back that nothing refers to.
func (h *h1) put(x *h1Exchange) {
	x.Reset()
	x.conn, x.done = nil, false
	x.fields.reset()
	if cap(x.lines) > maxKeptWire {
		x.lines = nil
	}
	h.pool.Put(x)
}

func (x *h1Exchange) closeStream() {
	if x.Rep.Stream != nil {
		_ = x.Rep.Stream.Close()
		x.Rep.Stream = nil
	}
}

// recover answers 500 where the core has panicked, and closes the connection.
// The exchange is lost to the pool: nobody knows who still holds it.
func (h *h1) recover(ctx *fasthttp.RequestCtx) {
	p := recover()
	if p == nil {
		return
	}
	h.panicked(p)
	ctx.Response.ResetBody()
	h.refuse(ctx, panicking())
}

func panicking() gate.Refusal { return gate.Refuse(500, "", "the request could not be served") }

func (h *h1) panicked(p any) {
	h.logger.Error("panic while serving", "proto", edge.H1.String(), "err", p, "stack", string(debug.Stack()))
}

// refuse writes a problem and ends the connection: after a message that was not
// understood nothing on it can be.
func (h *h1) refuse(ctx *fasthttp.RequestCtx, bad gate.Refusal) {
	out := h1Lines{hdr: &ctx.Response.Header}
	ctx.Response.SetStatusCode(bad.Status)
	out.set("Content-Type", []byte("application/problem+json"))
	out.set("Cache-Control", []byte("no-store"))
	out.end(time.Now(), nil)
	ctx.Response.SetBodyRaw(bad.Body())
	ctx.SetConnectionClose()
	if l := lingererOf(ctx.Conn()); l != nil && bad.Status != http.StatusRequestTimeout {
		l.expectMore(ctx.Time())
	}
}

// failed is fasthttp's ErrorHandler: a request that could not be read.
func (h *h1) failed(ctx *fasthttp.RequestCtx, err error) {
	h.refuse(ctx, h.blame(err))
}

// expect decides on Expect: 100-continue before any content is asked for.
func (h *h1) expect(ctx *fasthttp.RequestCtx) int {
	var f h1Fields
	if bad := checkH1(&ctx.Request.Header, &f, h.maxBody); bad.Refused() {
		h.refuse(ctx, bad)
		return bad.Status
	}
	return fasthttp.StatusContinue
}

// clientAddr is the address of a TCP peer.
func clientAddr(a net.Addr) netip.Addr {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
