package serve

import (
	"net/http"
	"strings"

	"github.com/letteros/letteredge/edge"
)

var _ edge.Fields = netFields(nil)

// netFields are the field lines of an HTTP/2 or HTTP/3 request. A map is
// pointer-shaped, so it fits an interface without allocation.
type netFields http.Header

// Get returns the first value of a field.
func (f netFields) Get(canonical string) string {
	if v := f[canonical]; len(v) > 0 && !consumed(canonical) {
		return v[0]
	}
	return ""
}

// Has reports whether the field is there, empty or not.
func (f netFields) Has(canonical string) bool {
	return len(f[canonical]) > 0 && !consumed(canonical)
}

// Each yields every value of a field, in order.
func (f netFields) Each(canonical string, yield func(string) bool) {
	if consumed(canonical) {
		return
	}
	for _, v := range f[canonical] {
		if !yield(v) {
			return
		}
	}
}

// Combined returns all values of a field as one.
func (f netFields) Combined(canonical string) string {
	if consumed(canonical) {
		return ""
	}
	return strings.Join(f[canonical], ", ")
}

// All yields every line, in no order.
func (f netFields) All(yield func(name, value string) bool) {
	for name, values := range f {
		if consumed(name) {
			continue
		}
		for _, v := range values {
			if !yield(name, v) {
				return
			}
		}
	}
}

// consumed reports whether a field is the transport's own business; HTTP/1.1
// leaves the same ones out (h1gate.go). ":protocol" is how the libraries pass
// extended CONNECT on.
func consumed(name string) bool {
	switch name {
	case "Host", "Content-Length", "Transfer-Encoding", "Trailer", "Expect", ":protocol":
		return true
	}
	return false
}
