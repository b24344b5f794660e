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
func (x *exchange) fill(c *conn, now time.Time) gate.Refusal {
	x.Now = now
	x.Req.Proto = edge.H2
	x.Req.Client = c.client
	return x.fields.Fill(&x.Req, c.srv.cfg.MaxBody)
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
