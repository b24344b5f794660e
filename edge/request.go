package edge

import (
	"io"
	"net/netip"
)

// Method is a request method; only the safe, cacheable ones need names of their
// own, everything else passes through to the origin under Request.MethodText.
type Method uint8

// The methods that the core distinguishes.
const (
	MethodOther Method = iota
	MethodGet
	MethodHead
	MethodPost
	MethodPut
	MethodDelete
	MethodPatch
	MethodOptions
	MethodTrace
	MethodConnect
)

// ParseMethod maps a method token to its Method. Method tokens are
// case-sensitive (RFC 9110 §9.1).
func ParseMethod(token string) Method {
	switch token {
	case "GET":
		return MethodGet
	case "HEAD":
		return MethodHead
	case "POST":
		return MethodPost
	case "PUT":
		return MethodPut
	case "DELETE":
		return MethodDelete
	case "PATCH":
		return MethodPatch
	case "OPTIONS":
		return MethodOptions
	case "TRACE":
		return MethodTrace
	case "CONNECT":
		return MethodConnect
	}
	return MethodOther
}

// Safe reports whether the method is safe in the sense of RFC 9110 §9.2.1: it
// asks for no change of state, so it may be replayed (0-RTT) and invalidates
// nothing.
func (m Method) Safe() bool {
	return m == MethodGet || m == MethodHead || m == MethodOptions || m == MethodTrace
}

// Proto is the protocol that a request came over. It is used for metrics and
// for Alt-Svc only: no answer depends on it.
type Proto uint8

// The protocols of the data plane.
const (
	H1 Proto = iota
	H2
	H3
	protoCount
)

// String returns "h1", "h2" or "h3".
func (p Proto) String() string { return [...]string{"h1", "h2", "h3"}[p] }

// Fields gives the field lines of a request. Implementations are pointer-shaped
// so that putting one into Request boxes nothing.
type Fields interface {
	// Get returns the first value, or "" if the field is absent.
	Get(canonical string) string
	// Has reports whether the field is there, empty or not.
	Has(canonical string) bool
	// Each calls yield with every value of the field, in order, until it
	// returns false.
	Each(canonical string, yield func(string) bool)
	// Combined returns all values joined by ", " (RFC 9110 §5.2), "" if the field
	// is absent. It allocates only where there are several.
	Combined(canonical string) string
	// All calls yield with every field line, names canonical, until it returns
	// false. The order between different names is not kept by every transport.
	All(yield func(name, value string) bool)
}

// Request is what a transport has parsed. Its strings are views into the
// transport's buffers and are valid until Serve returns; whatever outlives it
// is cloned first.
type Request struct {
	Method     Method
	MethodText string // the token as sent
	Proto      Proto
	TLS        bool
	Host       string
	Target     string // the raw request-target; normalised once, in cachekey
	Client     netip.Addr
	Fields     Fields
	Body       io.Reader // nil unless the request has content
	Length     int64     // of Body in bytes; -1 if unknown
	Early      bool      // came as TLS or QUIC 0-RTT data: may be a replay
	Whole      bool      // content of unknown length cannot be sent: HTTP/1.0 has no chunks
	// Memo is for a request that the transport has seen before with the same method,
	// host, target and fields, and is that request's alone; nil for all others.
	Memo *Memo
}
