package gate

import (
	"strings"

	"github.com/letteros/letteredge/edge"
)

// OwnLine reports whether a field is the transport's own to write, or belongs to
// another connection than this one: as a line of an answer it would break the
// framing or promise what this node does not keep.
func OwnLine(name string) bool {
	switch name {
	case "Connection", "Content-Length", "Keep-Alive", "Proxy-Connection",
		"Transfer-Encoding", "Trailer", "Upgrade", "Alt-Svc":
		return true
	}
	return false
}

// Bodiless reports whether an answer of that status has no content (RFC 9110
// §6.4.1). These answers also carry no Content-Length: a 304 may, but some
// clients then wait for that many bytes.
func Bodiless(status int) bool { return status == 204 || status == 304 || status < 200 }

// Shape says how the answer to a request is framed: its Content-Length, -1 for
// none, and whether content follows.
func Shape(x *edge.Exchange) (length int64, content bool) {
	rep, head := &x.Rep, x.Req.Method == edge.MethodHead
	if Bodiless(rep.Status) {
		return -1, false
	}
	length = rep.Length
	if rep.Stream == nil && !head {
		length = int64(len(rep.Body))
	}
	return length, !head && (rep.Stream != nil || len(rep.Body) > 0)
}

// Trailing reports whether the trailer fields of an answer follow its content (RFC 9110
// §6.5.1). Over HTTP/3 they do for who says that it wants them ("TE: trailers", §10.1.4):
// Chromium, which does not, takes most answers that end in some for broken off.
func Trailing(x *edge.Exchange) bool {
	if x.Rep.Trailer == nil || x.Rep.Stream == nil || x.Req.Method == edge.MethodHead || Bodiless(x.Rep.Status) {
		return false
	}
	return x.Req.Proto != edge.H3 || strings.EqualFold(x.Req.Fields.Get("Te"), "trailers")
}

// Announced are the trailer fields to be announced ahead of content that has some
// (RFC 9110 §6.6.2).
func Announced(x *edge.Exchange) []string {
	if !Trailing(x) {
		return nil
	}
	return x.Rep.Announced
}
