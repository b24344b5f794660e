package serve

import (
	"io"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/serve/gate"
)

// render puts x.Rep into the response. It reports whether a stream keeps the
// exchange; the stream then releases it. HOT.
func (h *h1) render(ctx *fasthttp.RequestCtx, x *h1Exchange) (kept bool) {
	rep, resp := &x.Rep, &ctx.Response
	if gate.Bodiless(rep.Status) || x.Req.Method == edge.MethodHead {
		x.closeStream()
		resp.SkipBody = true
	} else if rep.Stream != nil && rep.Length < 0 && !ctx.Request.Header.IsHTTP11() {
		if bad := x.buffer(); bad.Refused() {
			h.refuse(ctx, bad)
			return false
		}
	}
	h.renderFields(ctx, x)
	switch {
	case gate.Bodiless(rep.Status):
	case x.Req.Method == edge.MethodHead:
		if rep.Length >= 0 {
			resp.Header.SetContentLength(int(rep.Length))
		}
	case rep.Stream != nil:
		resp.ImmediateHeaderFlush = true // the content may take its time: it may be events, or a fill
		resp.SetBodyStream(&stream{
			rc: rep.Stream, length: max(rep.Length, -1), conn: ctx.Conn(), timeout: h.writeTimeout,
			failed: h.panicked,
			done:   func() { h.release(ctx, x) },
			ended:  trailers(&resp.Header, rep),
		}, int(max(rep.Length, -1)))
		return true
	case rep.Art != nil && gate.Within(rep.Body, rep.Art.Body):
		resp.SetBodyRaw(rep.Body) // immutable, and kept alive by the response
	default:
		resp.SetBody(rep.Body) // may be scratch memory of the exchange
	}
	return false
}

// renderFields writes the status and all field lines but Content-Length.
func (h *h1) renderFields(ctx *fasthttp.RequestCtx, x *h1Exchange) {
	rep := &x.Rep
	out := h1Lines{hdr: &ctx.Response.Header}
	out.hdr.SetStatusCode(rep.Status)
	if rep.Art != nil {
		before := ""
		for name, value := range rep.Art.All {
			if rep.Skip.Has(name) || gate.OwnLine(name) {
				continue
			}
			if name == before {
				out.add(name, gate.Bytes(value))
			} else {
				out.set(name, gate.Bytes(value))
			}
			before = name
		}
	}
	for i := range rep.Passed {
		if !gate.OwnLine(rep.Passed[i].Name) {
			out.setOrAdd(rep.Passed[i].Name, gate.Bytes(rep.Passed[i].Value))
		}
	}
	for _, line := range rep.Extra.Lines() {
		out.setOrAdd(line.Name, line.Value)
	}
	if h.altSvc != nil {
		out.set("Alt-Svc", h.altSvc)
	}
	out.end(x.Now, x.date[:])
}

// maxUnframed is how much content of unknown length is buffered for HTTP/1.0,
// which has no chunked coding.
const maxUnframed = 1 << 20

// buffer reads the stream of the reply into memory.
func (x *h1Exchange) buffer() gate.Refusal {
	content, err := io.ReadAll(io.LimitReader(x.Rep.Stream, maxUnframed+1))
	x.closeStream()
	if err != nil {
		return gate.Refuse(502, "", "the origin broke off")
	}
	if len(content) > maxUnframed {
		return gate.Refuse(505, "version", "content of unknown length needs HTTP/1.1")
	}
	x.Rep.Body, x.Rep.Length = content, int64(len(content))
	return gate.Refusal{}
}

// h1Lines writes field lines into a fasthttp header, which copies names and
// values.
type h1Lines struct {
	hdr  *fasthttp.ResponseHeader
	date []byte // held back for end; nil if there is none
}

// set writes the first line of a name.
func (l *h1Lines) set(name string, value []byte) {
	if name == "Date" {
		l.date = value
		return
	}
	l.hdr.SetCanonical(gate.Bytes(name), value)
}

// add writes a further line of a name that has one already.
func (l *h1Lines) add(name string, value []byte) {
	switch name {
	case "Date":
		// A second one is an origin's fault; the first stands.
	case "Set-Cookie":
		l.hdr.SetCanonical(gate.Bytes(name), value) // kept beside the others
	case "Content-Type", "Content-Encoding", "Server":
		// fasthttp has one place for each of these: the last line would win.
		// Joined with a comma nothing is lost (RFC 9110 §5.3).
		joined := append([]byte(nil), l.hdr.Peek(name)...)
		joined = append(append(joined, ", "...), value...)
		l.hdr.SetCanonical(gate.Bytes(name), joined)
	default:
		l.hdr.AddBytesKV(gate.Bytes(name), value)
	}
}

// setOrAdd writes a line whose name may have been written before.
func (l *h1Lines) setOrAdd(name string, value []byte) {
	if name == "Date" && l.date == nil || name != "Date" && len(l.hdr.PeekCanonical(gate.Bytes(name))) == 0 {
		l.set(name, value)
		return
	}
	l.add(name, value)
}

// end writes Date: the origin's, or where there is none the time of the answer
// (RFC 9110 §6.6.1). fasthttp's setters drop a Date, for it would write its own;
// but a name that was announced as a trailer keeps its value, and returns to
// the header section when the announcement is taken back.
func (l *h1Lines) end(now time.Time, scratch []byte) {
	if l.date == nil {
		l.date = fasthttp.AppendHTTPDate(scratch[:0], now)
	}
	_ = l.hdr.AddTrailer("Date") // Date is no forbidden trailer
	l.hdr.SetCanonical(gate.Bytes("Date"), l.date)
	_ = l.hdr.SetTrailer("")
}
