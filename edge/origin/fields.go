package origin

import (
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/letteros/letteredge/edge"
)

// hopByHop reports whether a field belongs to one connection, or is written by
// the sender itself (RFC 9110 §7.6.1). Expect is answered where it arrives.
func hopByHop(canonical string) bool {
	switch canonical {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authentication-Info",
		"Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
		"Content-Length", "Expect", "Host", "Http2-Settings":
		return true
	}
	return false
}

// hyphenated is a name as origins read it that cannot tell an underscore from a hyphen,
// as with CGI (RFC 3875 §4.1.18): what they take for a length or a coding must not be a client's.
func hyphenated(canonical string) string {
	if strings.IndexByte(canonical, '_') < 0 {
		return canonical
	}
	return textproto.CanonicalMIMEHeaderKey(strings.ReplaceAll(canonical, "_", "-"))
}

// connectionListed returns the canonical names that Connection fields list.
func connectionListed(lines []string) []string {
	var names []string
	for _, line := range lines {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.Trim(name, " \t"); name != "" {
				names = append(names, textproto.CanonicalMIMEHeaderKey(name))
			}
		}
	}
	return names
}

// requestHeader is what goes out: the end-to-end fields, and our own Via after
// those that are there. A name that an origin may take for one of a hop's fields
// stays behind as that does.
func requestHeader(fields []edge.Field, via string) (http.Header, error) {
	var connection []string
	for _, f := range fields {
		if textproto.CanonicalMIMEHeaderKey(f.Name) == "Connection" {
			connection = append(connection, f.Value)
		}
	}
	listed := connectionListed(connection)
	h := make(http.Header, len(fields)+2)
	for _, f := range fields {
		if !httpguts.ValidHeaderFieldName(f.Name) {
			return nil, fmt.Errorf("%w: %q is no field name", ErrRequest, f.Name)
		}
		if !httpguts.ValidHeaderFieldValue(f.Value) {
			return nil, fmt.Errorf("%w: the value of %s has a control character", ErrRequest, f.Name)
		}
		name := textproto.CanonicalMIMEHeaderKey(f.Name)
		if !hopByHop(hyphenated(name)) && !slices.Contains(listed, name) {
			h[name] = append(h[name], f.Value)
		}
	}
	h["Via"] = append(h["Via"], "1.1 "+via)
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = nil // or net/http would add its own
	}
	return h, nil
}

// answerFields is what came in: the end-to-end fields, sorted by name (the
// Transport does not keep the order between names), lines of one name in order.
// connection are the values of its Connection fields. A name or value that must not be sent on makes the whole answer one to refuse:
// with `Content-Length : 5` sender and reader disagree on where it ends.
func answerFields(h http.Header, connection []string) ([]edge.Field, error) {
	listed := connectionListed(connection)
	names := make([]string, 0, len(h))
	lines := 0
	for name, values := range h {
		if !httpguts.ValidHeaderFieldName(name) {
			return nil, fmt.Errorf("%w: name %q", ErrField, name)
		}
		if !hopByHop(name) && !slices.Contains(listed, name) {
			names = append(names, name)
			lines += len(values)
		}
	}
	slices.Sort(names)
	fields := make([]edge.Field, 0, lines)
	for _, name := range names {
		for _, value := range h[name] {
			if !httpguts.ValidHeaderFieldValue(value) {
				return nil, fmt.Errorf("%w: the value of %s", ErrField, name)
			}
			fields = append(fields, edge.Field{Name: name, Value: value})
		}
	}
	return fields, nil
}

// isPseudonym reports whether s may stand as received-by in Via.
func isPseudonym(s string) bool { return httpguts.ValidHeaderFieldName(s) }
