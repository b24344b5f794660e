package edge

import (
	"errors"
	"strconv"
	"unicode/utf8"

	"github.com/letteros/letteredge/cachekey"
)

// problem makes the reply an RFC 9457 problem. field names the part of the
// request at fault, "" for none. The text is for readers: it holds no internals.
func (c *Core) problem(x *Exchange, status int, typ, title, detail, field string) {
	from := len(x.buf)
	b := append(x.buf, `{"type":`...)
	b = appendJSON(b, typ)
	b = append(b, `,"title":`...)
	b = appendJSON(b, title)
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, `,"detail":`...)
	b = appendJSON(b, detail)
	if field != "" {
		b = append(b, `,"field":`...)
		b = appendJSON(b, field)
	}
	b = append(b, '}', '\n')
	x.buf = b
	c.problemBody(x, status, b[from:len(b):len(b)])
}

// problemBody is problem with a body made elsewhere.
func (c *Core) problemBody(x *Exchange, status int, body []byte) {
	x.slot = nil
	x.Rep.Art, x.Rep.Passed, x.Rep.Stream = nil, nil, nil
	x.Rep.Status = status
	x.Rep.Body = body
	x.Rep.Length = int64(len(body))
	x.Rep.Extra.Add("Content-Type", []byte("application/problem+json"))
	if x.Rep.Extra.Get("Cache-Control") == nil {
		x.Rep.Extra.Add("Cache-Control", []byte("no-store"))
	}
}

// appendJSON writes s as a JSON string. What comes from a request may be any
// bytes: those that are no UTF-8 become U+FFFD.
func appendJSON(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < 0x20 || r == 0x7f:
			dst = append(dst, `\u00`...)
			dst = append(dst, hex[r>>4], hex[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}

// refuseKey answers a request that has no key.
func (c *Core) refuseKey(x *Exchange, err error) {
	var bad *cachekey.Error
	if !errors.As(err, &bad) {
		bad = &cachekey.Error{Status: 400, Field: "target", Reason: err.Error()}
	}
	if bad.Status == 405 {
		c.refuseMethod(x, "GET, HEAD")
		return
	}
	title := map[int]string{400: "Bad Request", 404: "Not Found", 414: "URI Too Long"}[bad.Status]
	c.problem(x, bad.Status, "about:blank", title, bad.Reason, bad.Field)
}

// routeMethods are the methods of a route that is no artifact's.
const routeMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

// refuseMethod answers 405 and says what is allowed.
func (c *Core) refuseMethod(x *Exchange, allow string) {
	x.Rep.Extra.Add("Allow", []byte(allow))
	c.problem(x, 405, "about:blank", "Method Not Allowed", "allowed here: "+allow, "method")
}
