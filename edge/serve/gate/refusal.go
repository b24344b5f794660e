package gate

import (
	"net/http"
	"strconv"
	"strings"
)

// Refusal is why a transport turns a request away before the core sees it. The
// zero value refuses nothing.
type Refusal struct {
	Status int
	Field  string // the part of the request at fault, "" for none
	Reason string // a public sentence
}

// Refused reports whether there is a reason to.
func (r Refusal) Refused() bool { return r.Status != 0 }

// Body is the refusal as a problem (RFC 9457).
func (r Refusal) Body() []byte {
	b := append([]byte(nil), `{"type":"about:blank","title":`...)
	b = strconv.AppendQuoteToASCII(b, http.StatusText(r.Status))
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(r.Status), 10)
	b = append(b, `,"detail":`...)
	b = strconv.AppendQuoteToASCII(b, r.Reason)
	if r.Field != "" {
		b = append(b, `,"field":`...)
		b = strconv.AppendQuoteToASCII(b, r.Field)
	}
	return append(b, '}', '\n')
}

// Refuse refuses for a reason; field is the part of the request at fault, "" for none.
func Refuse(status int, field, reason string) Refusal { return Refusal{status, field, reason} }

// TooLarge refuses content of more than limit bytes.
func TooLarge(limit int64) Refusal {
	return Refusal{http.StatusRequestEntityTooLarge, "content", "the content of a request may have at most " + strconv.FormatInt(limit, 10) + " bytes"}
}

// FieldsTooLarge refuses a header section over its limit.
func FieldsTooLarge() Refusal {
	return Refusal{http.StatusRequestHeaderFieldsTooLarge, "fields", "the header section is too large"}
}

// CheckTarget refuses what the parsers of the three protocols read differently;
// all else is the key's business. No reader ever sends a fragment.
func CheckTarget(target string) Refusal {
	if strings.IndexByte(target, '#') >= 0 {
		return Refusal{400, "target", "a request target has no fragment"}
	}
	for rest := target; ; {
		i := strings.IndexByte(rest, '%')
		if i < 0 {
			return Refusal{}
		}
		if i+2 >= len(rest) || !hexDigit(rest[i+1]) || !hexDigit(rest[i+2]) {
			return Refusal{400, "target", "a percent sign is followed by two hexadecimal digits"}
		}
		rest = rest[i+3:]
	}
}

func hexDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// CheckHost refuses a host that could be read as more than host and port. The
// full grammar is the key's business.
func CheckHost(host string) Refusal {
	for i := range len(host) {
		switch host[i] {
		case '@', '/', '?', '#', '\\', ',', ' ', '\t':
			return Refusal{400, "host", "a host is a name or an address with an optional port"}
		}
	}
	return Refusal{}
}

// CheckExpect refuses expectations nobody has defined (RFC 9110 §10.1.1).
func CheckExpect(value string) Refusal {
	if value != "" && !strings.EqualFold(value, "100-continue") {
		return Refusal{http.StatusExpectationFailed, "expect", "100-continue is the only expectation"}
	}
	return Refusal{}
}
