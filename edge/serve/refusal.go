package serve

import (
	"net/http"
	"strconv"
	"strings"
)

// refusal is why a transport turns a request away before the core sees it. The
// zero value refuses nothing.
type refusal struct {
	status int
	field  string // the part of the request at fault, "" for none
	reason string // a public sentence
}

func (r refusal) refused() bool { return r.status != 0 }

// body is the refusal as a problem (RFC 9457).
func (r refusal) body() []byte {
	b := append([]byte(nil), `{"type":"about:blank","title":`...)
	b = strconv.AppendQuoteToASCII(b, http.StatusText(r.status))
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(r.status), 10)
	b = append(b, `,"detail":`...)
	b = strconv.AppendQuoteToASCII(b, r.reason)
	if r.field != "" {
		b = append(b, `,"field":`...)
		b = strconv.AppendQuoteToASCII(b, r.field)
	}
	return append(b, '}', '\n')
}

func tooLarge(limit int64) refusal {
	return refusal{http.StatusRequestEntityTooLarge, "content", "the content of a request may have at most " + strconv.FormatInt(limit, 10) + " bytes"}
}

// checkTarget refuses what the parsers of the three protocols read differently;
// all else is the key's business. No reader ever sends a fragment.
func checkTarget(target string) refusal {
	if strings.IndexByte(target, '#') >= 0 {
		return refusal{400, "target", "a request target has no fragment"}
	}
	for rest := target; ; {
		i := strings.IndexByte(rest, '%')
		if i < 0 {
			return refusal{}
		}
		if i+2 >= len(rest) || !hexDigit(rest[i+1]) || !hexDigit(rest[i+2]) {
			return refusal{400, "target", "a percent sign is followed by two hexadecimal digits"}
		}
		rest = rest[i+3:]
	}
}

func hexDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// checkHost refuses a host that could be read as more than host and port. The
// full grammar is the key's business.
func checkHost(host string) refusal {
	for i := range len(host) {
		switch host[i] {
		case '@', '/', '?', '#', '\\', ',', ' ', '\t':
			return refusal{400, "host", "a host is a name or an address with an optional port"}
		}
	}
	return refusal{}
}

// checkExpect refuses expectations nobody has defined (RFC 9110 §10.1.1).
func checkExpect(value string) refusal {
	if value != "" && !strings.EqualFold(value, "100-continue") {
		return refusal{http.StatusExpectationFailed, "expect", "100-continue is the only expectation"}
	}
	return refusal{}
}
