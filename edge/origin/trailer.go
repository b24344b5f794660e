package origin

import (
	"net/http"
	"slices"

	"golang.org/x/net/http/httpguts"

	"github.com/letteros/letteredge/edge"
)

// announced returns the names of the trailer fields that an answer says will come
// and that may be passed on, sorted. net/http holds the Transport's answer to them:
// what comes unannounced is dropped, as nobody may count on it (RFC 9110 §6.5.2).
func announced(res *http.Response) []string {
	var names []string
	for name := range res.Trailer {
		if mayTrail(name) && res.Header[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// trailer returns the fields that came under those names. The body must have been
// read to its end.
func trailer(res *http.Response, names []string) []edge.Field {
	var fields []edge.Field
	for _, name := range names {
		for _, value := range res.Trailer[name] {
			if httpguts.ValidHeaderFieldValue(value) {
				fields = append(fields, edge.Field{Name: name, Value: value})
			}
		}
	}
	return fields
}

// mayTrail reports whether a field may come behind the content: none that its
// recipient needs for framing, routing, authentication, or to read the content or
// to store it (RFC 9110 §6.5.1).
func mayTrail(name string) bool {
	switch name {
	case "Age", "Authorization", "Cache-Control", "Cdn-Cache-Control", "Content-Encoding", "Content-Range", "Content-Type", "Date", "Expires",
		"Location", "Pragma", "Retry-After", "Set-Cookie", "Vary", "Warning", "Www-Authenticate":
		return false
	}
	return httpguts.ValidTrailerHeader(name) && !hopByHop(name)
}
