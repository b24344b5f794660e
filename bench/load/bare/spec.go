package bare

import (
	"errors"
	"fmt"
	"net/http"

	"golang.org/x/net/http/httpguts"

	"github.com/letteros/letteredge/bench/load"
)

// Limits of a Spec.
const (
	maxFields = 256
	maxValue  = 64 << 10 // bytes of a field value
	maxBody   = 64 << 20
)

// Spec is what a bare server answers to every request.
type Spec struct {
	Proto  load.Proto   `json:"proto"`
	TLS    bool         `json:"tls"` // h1; h2 and h3 always are
	Status int          `json:"status"`
	Fields []load.Field `json:"fields"`
	Body   []byte       `json:"body"`
}

// SpecOf makes a Spec of a fetched answer.
func SpecOf(proto load.Proto, tls bool, a *load.Answer) Spec {
	s := Spec{Proto: proto, TLS: tls || proto != load.H1, Status: a.Status, Body: a.Body}
	for _, f := range a.Fields {
		if !ownField(f.Name) {
			s.Fields = append(s.Fields, f)
		}
	}
	return s
}

// ownField reports whether the server library itself sends a field.
func ownField(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Date", "Content-Length", "Connection", "Transfer-Encoding", "Keep-Alive", "Trailer":
		return true
	}
	return false
}

// Validate returns an error that names the part of the Spec that is wrong.
func (s Spec) Validate() error {
	switch {
	case s.Proto > load.H3:
		return errors.New("bare server: proto must be one of h1, h2, h3")
	case s.Status < 200 || s.Status > 599:
		return fmt.Errorf("bare server: status must be from 200 to 599, not %d", s.Status)
	case len(s.Fields) > maxFields:
		return fmt.Errorf("bare server: fields must be at most %d, not %d", maxFields, len(s.Fields))
	case len(s.Body) > maxBody:
		return fmt.Errorf("bare server: body must be at most %d bytes, not %d", maxBody, len(s.Body))
	}
	for _, f := range s.Fields {
		if !httpguts.ValidHeaderFieldName(f.Name) || !httpguts.ValidHeaderFieldValue(f.Value) || len(f.Value) > maxValue {
			return fmt.Errorf("bare server: field %.60q is not a field line", f.Name)
		}
		if ownField(f.Name) {
			return fmt.Errorf("bare server: field %s is the server's own", f.Name)
		}
	}
	return nil
}
