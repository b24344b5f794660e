package h2

import (
	"time"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/serve/gate"
	"github.com/letteros/letteredge/edge/serve/section"
)

// exchange is a request with its answer and its section.
type exchange struct {
	edge.Exchange
	fields section.Section
	body   *gate.Body // nil unless the request has content
}

// maxLines bounds the lines of a section; their size is bounded beside it.
const maxLines = 512

func (s *Server) newExchange() *exchange {
	x := new(exchange)
	// A client counts its fields as they are without the overhead of each.
	x.fields.Limit(s.cfg.MaxHeaderBytes+10*32, maxLines)
	x.fields.Reset()
	return x
}

// fill makes the request of a section that is one.
func (x *exchange) fill(h *section.Head, c *conn, now time.Time) gate.Refusal {
	if bad := gate.CheckTarget(h.Target); bad.Refused() {
		return bad
	}
	if bad := gate.CheckHost(h.Authority); bad.Refused() {
		return bad
	}
	if bad := gate.CheckExpect(h.Expect); bad.Refused() {
		return bad
	}
	if h.Length > c.srv.cfg.MaxBody {
		return gate.TooLarge(c.srv.cfg.MaxBody)
	}
	req := &x.Req
	req.Method = edge.ParseMethod(h.Method)
	req.MethodText = h.Method
	req.Proto = edge.H2
	req.TLS = true
	req.Host = h.Authority
	req.Target = h.Target
	req.Client = c.client
	req.Fields = &x.fields
	x.Now = now
	return gate.Refusal{}
}

// reset makes the exchange ready for the next request.
func (x *exchange) reset() {
	x.body = nil
	x.Reset()
	x.fields.Reset()
}

// closeStream lets go of content that is not to be sent.
func (x *exchange) closeStream() {
	if x.Rep.Stream != nil {
		_ = x.Rep.Stream.Close()
		x.Rep.Stream = nil
	}
}

// bodiless reports whether an answer of that status has no content by definition
// (RFC 9110 §6.4.1).
func bodiless(status int) bool { return status == 204 || status == 304 || status < 200 }

// shape says how an answer is framed: its Content-Length, -1 for none, and whether
// content follows.
func (x *exchange) shape() (length int64, content bool) {
	rep := &x.Rep
	length = rep.Length
	head := x.Req.Method == edge.MethodHead
	if rep.Stream == nil && !head {
		length = int64(len(rep.Body))
	}
	if bodiless(rep.Status) {
		return -1, false
	}
	return length, !head && (rep.Stream != nil || len(rep.Body) > 0)
}
