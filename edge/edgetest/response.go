package edgetest

import (
	"strings"

	"github.com/letteros/letteredge/edge"
)

// Response is a reply as a client would have it; it owns its memory.
type Response struct {
	Status int
	Fields []edge.Field
	Body   []byte
	Length int64 // as the reply says; -1 if unknown
	Cache  edge.CacheStatus
	// Err is how a stream ended that broke off; nil if the answer is whole.
	Err error
}

// Get returns the first value of a field, "" if it is absent. Names are compared
// without regard to case.
func (r Response) Get(name string) string {
	for _, f := range r.Fields {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// Values returns all values of a field.
func (r Response) Values(name string) []string {
	var all []string
	for _, f := range r.Fields {
		if strings.EqualFold(f.Name, name) {
			all = append(all, f.Value)
		}
	}
	return all
}
