package edgetest

import (
	"net/netip"
	"strings"

	"github.com/letteros/letteredge/edge"
)

// Request is a request in words. The zero value of Method is GET, of Host
// "edge.test".
type Request struct {
	Method string
	Host   string
	Target string
	Header []edge.Field
	Body   []byte // nil for none
	Early  bool
	Proto  edge.Proto
	Client netip.Addr
}

// Get is a GET for target with the header lines given as name, value pairs.
func Get(target string, header ...string) Request {
	return Request{Target: target, Header: Lines(header...)}
}

// Lines makes field lines of name, value pairs. A name without a value panics:
// it is a fault of the test.
func Lines(pairs ...string) []edge.Field {
	if len(pairs)%2 != 0 {
		panic("edgetest: Lines wants pairs of name and value")
	}
	lines := make([]edge.Field, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		lines = append(lines, edge.Field{Name: pairs[i], Value: pairs[i+1]})
	}
	return lines
}

var _ edge.Fields = (*Fields)(nil)

// Fields are field lines as a request has them.
type Fields []edge.Field

// Get returns the first value of a field.
func (f *Fields) Get(name string) string {
	for _, l := range *f {
		if l.Name == name {
			return l.Value
		}
	}
	return ""
}

// Has reports whether the field is there, empty or not.
func (f *Fields) Has(name string) bool {
	for _, l := range *f {
		if l.Name == name {
			return true
		}
	}
	return false
}

// Each yields every value of a field.
func (f *Fields) Each(name string, yield func(string) bool) {
	for _, l := range *f {
		if l.Name == name && !yield(l.Value) {
			return
		}
	}
}

// Combined returns all values of a field as one. A single value stays a view.
func (f *Fields) Combined(name string) string {
	var all []string
	for _, l := range *f {
		if l.Name == name {
			all = append(all, l.Value)
		}
	}
	return strings.Join(all, ", ")
}

// All yields every line.
func (f *Fields) All(yield func(name, value string) bool) {
	for _, l := range *f {
		if !yield(l.Name, l.Value) {
			return
		}
	}
}

// Told is a request as a core sees it: its method, host, target and fields.
func Told(x *edge.Exchange) string {
	b := x.Req.MethodText + " " + x.Req.Host + " " + x.Req.Target
	for name, value := range x.Req.Fields.All {
		b += " " + strings.ToLower(name) + "=" + value
	}
	return b
}
