package serve

import (
	"net/http"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/serve/gate"
)

var (
	_ edge.Informer = (*h1Exchange)(nil)
	_ edge.Informer = (*netReply)(nil)
)

// listen has interim responses sent to the reader where they cannot end up in the
// middle of another answer. fasthttp keeps small answers back while it has further
// requests in its buffer, and an interim response goes past that buffer: so only
// where nothing can be in it. HTTP/1.0 has no interim responses (RFC 9110 §15.2).
func (h *h1) listen(ctx *fasthttp.RequestCtx, x *h1Exchange) {
	if ctx.ConnRequestNum() == 1 && ctx.Request.Header.IsHTTP11() {
		x.conn, x.expiry = ctx.Conn(), h.writeTimeout
		x.Informer = x
	}
}

// Inform writes an interim response. One that cannot be written, or not in full,
// ends the connection.
func (x *h1Exchange) Inform(status int, fields []edge.Field) {
	b := append([]byte(nil), "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = append(b, http.StatusText(status)...)
	b = append(b, "\r\n"...)
	for _, f := range fields {
		if gate.OwnLine(f.Name) {
			continue
		}
		b = append(b, f.Name...)
		b = append(b, ": "...)
		b = append(b, f.Value...)
		b = append(b, "\r\n"...)
	}
	b = append(b, "\r\n"...)
	_ = x.conn.SetWriteDeadline(time.Now().Add(x.expiry))
	if _, err := x.conn.Write(b); err != nil {
		_ = x.conn.Close() // fasthttp closes it once more, in vain
	}
}

// Inform writes an interim response: its fields are taken out of the header
// again, which is the final answer's.
func (o *netReply) Inform(status int, fields []edge.Field) {
	if o.begun {
		return
	}
	header := o.w.Header()
	for _, f := range fields {
		if !gate.OwnLine(f.Name) {
			header[f.Name] = append(header[f.Name], f.Value)
		}
	}
	o.extend(time.Now())
	o.w.WriteHeader(status)
	clear(header)
}
