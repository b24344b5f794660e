package behaviour

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Outcome is what a client saw of an exchange, but for what tells of the time and of
// the node.
type Outcome struct {
	lines    []string
	boundary string // of the parts, drawn anew for each answer; "" if it has none
}

// ofTheMoment are fields that tell of the time, the node's own state, or its address: no two answers need agree on them.
func ofTheMoment() []string {
	return []string{"date", "age", "server-timing", "alt-svc", "cache-status", "ratelimit", "ratelimit-policy"}
}

// Field notes a field line, of a head or of a trailer.
func (o *Outcome) Field(name, value string) {
	name = strings.ToLower(name)
	if kind, boundary, ok := strings.Cut(value, "; boundary="); ok && name == "content-type" {
		o.boundary, value = boundary, kind
	}
	if !slices.Contains(ofTheMoment(), name) {
		o.lines = append(o.lines, name+": "+strings.TrimSpace(value))
	}
}

// Header notes all fields of a kind ("" or "trailer ").
func (o *Outcome) Header(kind string, h http.Header) {
	for name, values := range h {
		for _, value := range values {
			o.Field(kind+name, value)
		}
	}
}

// Content notes what content came. The fields are noted before.
func (o *Outcome) Content(b []byte) {
	if o.boundary != "" {
		b = bytes.ReplaceAll(b, []byte(o.boundary), []byte("boundary"))
	}
	o.Note("content: %d bytes, %x", len(b), sha256.Sum256(b))
}

// Note notes whatever else a client tells.
func (o *Outcome) Note(format string, a ...any) { o.lines = append(o.lines, fmt.Sprintf(format, a...)) }

// String has the names in order, and the values of one name in theirs.
func (o *Outcome) String() string {
	slices.SortStableFunc(o.lines, func(a, b string) int {
		a, _, _ = strings.Cut(a, ":")
		b, _, _ = strings.Cut(b, ":")
		return strings.Compare(a, b)
	})
	return strings.Join(o.lines, "\n")
}
