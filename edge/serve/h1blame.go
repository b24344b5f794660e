package serve

import (
	"errors"
	"net"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/letteros/letteredge/edge/serve/gate"
)

// h1Faults says what fasthttp's errors mean. Most are known by the beginning of
// their text alone: TestMalformedRequests notices where a new version words one
// differently, and until then it is answered in general words.
var h1Faults = [...]struct {
	begin string
	bad   gate.Refusal
}{
	{"fasthttp: cannot find http request method", requestLine()},
	{"cannot find http request method", requestLine()},
	{"cannot find whitespace in the first line", requestLine()},
	{"fasthttp: requesturi cannot be empty", requestLine()},
	{"fasthttp: unsupported http request method", gate.Refuse(400, "method", "a method is a token, such as GET (RFC 9110 §9.1)")},
	{"unsupported http version", gate.Refuse(400, "version", "the request line ends in one space and HTTP/1.1 or HTTP/1.0; a target has no space, and one goes before it")},
	{"invalid request uri", gate.Refuse(400, "target", "a target is a path that begins with /, or an http or https URL, without control characters; * is for OPTIONS alone")},
	{"missing required host header", oneHost()},
	{"too many host headers", oneHost()},
	{"invalid character", badHost()},
	{"invalid port", badHost()},
	{"invalid host", badHost()},
	{"invalid ipv6", badHost()},
	{"missing ']' in host", badHost()},
	{"invalid url escape", badHost()},
	{"fasthttp: duplicate content-length", contentLength()},
	{"cannot parse content-length", contentLength()},
	{"fasthttp: unsupported transfer-encoding", transferCoding()},
	{"unsupported transfer-encoding", transferCoding()},
	{"too many transfer-encoding", transferCoding()},
	{"invalid header key", fieldLine()},
	{"malformed mime header", fieldLine()},
	{"invalid headers, headers cannot start", gate.Refuse(400, "fields", "the first field line must not begin with white space (RFC 9112 §2.2)")},
	{"invalid header value", gate.Refuse(400, "fields", "a field's value has no control characters but the tab (RFC 9110 §5.5)")},
	{"forbidden trailer key", forbiddenTrailer()},
	{"invalid trailer value", forbiddenTrailer()},
	{"fasthttp: contain forbidden trailer", forbiddenTrailer()},
	{"fasthttp: need more data", gate.Refuse(400, "fields", "the header section ends in an empty line, and its lines in CRLF")},
}

func requestLine() gate.Refusal {
	return gate.Refuse(400, "request-line", "a request line is a method, a target and HTTP/1.1, parted by one space each (RFC 9112 §3)")
}

func oneHost() gate.Refusal {
	return gate.Refuse(400, "host", "a request of HTTP/1.1 has one Host field, with a name or an address and an optional port (RFC 9112 §3.2)")
}

func badHost() gate.Refusal {
	return gate.Refuse(400, "host", "a host is a name or an address with an optional port")
}

func contentLength() gate.Refusal {
	return gate.Refuse(400, "content-length", "the length of the content is given once, as a whole number in digits (RFC 9110 §8.6)")
}

func transferCoding() gate.Refusal {
	return gate.Refuse(400, "transfer-encoding", "chunked, once, is the only transfer coding here, and HTTP/1.0 has none (RFC 9112 §6.1)")
}

func fieldLine() gate.Refusal {
	return gate.Refuse(400, "fields", "a field line is a token, a colon right behind it and a value (RFC 9112 §5), and ends in CRLF")
}

func forbiddenTrailer() gate.Refusal {
	return gate.Refuse(400, "trailer", "Trailer lists names of fields that may come behind the content (RFC 9110 §6.5.1)")
}

// blame is why fasthttp could not read a request.
func (h *h1) blame(err error) gate.Refusal {
	var small *fasthttp.ErrSmallBuffer
	var timeout net.Error
	switch {
	case errors.As(err, &small):
		return gate.Refuse(431, "fields", "the request line and the header section together may have at most "+strconv.Itoa(h.maxHeader)+" bytes")
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		return gate.TooLarge(h.maxBody)
	case errors.As(err, &timeout) && timeout.Timeout():
		return gate.Refuse(408, "", "the request did not come in time; a header section ends in an empty line, and its lines in CRLF")
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		text := e.Error()
		for i := range h1Faults {
			if strings.HasPrefix(text, h1Faults[i].begin) {
				return h1Faults[i].bad
			}
		}
	}
	return gate.Refuse(400, "", "the request could not be understood")
}
