package adminapi

import (
	"net/http"
	"strings"
)

// ProblemType is the media type of errors (RFC 9457).
const ProblemType = "application/problem+json"

// Problem is an error as the API tells it (RFC 9457).
type Problem struct {
	// Type is "about:blank": Status says what kind of problem it is.
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail is one sentence about this occurrence.
	Detail string `json:"detail,omitempty"`
	// Errors name what in the request is at fault, if it is.
	Errors []FieldError `json:"errors,omitempty"`
}

// FieldError says what is wrong with one part of a request, and what it allows.
// One of Pointer, Parameter and Header is set.
type FieldError struct {
	// Pointer is a JSON pointer into the body, in URI form: "#/select/tags/0".
	Pointer string `json:"pointer,omitempty"`
	// Parameter is a query or path parameter.
	Parameter string `json:"parameter,omitempty"`
	// Header is a request field.
	Header string `json:"header,omitempty"`
	Detail string `json:"detail"`
}

// NewProblem returns a problem of that status, with a sentence about it.
func NewProblem(status int, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail}
}

// BadParameter returns a 400 about a query or path parameter.
func BadParameter(name, reason string) *Problem {
	p := NewProblem(http.StatusBadRequest, name+" "+reason)
	p.Errors = []FieldError{{Parameter: name, Detail: reason}}
	return p
}

// BadHeader returns a 400 about a request field.
func BadHeader(name, reason string) *Problem {
	p := NewProblem(http.StatusBadRequest, name+" "+reason)
	p.Errors = []FieldError{{Header: name, Detail: reason}}
	return p
}

// BadField returns a 400 about a field of the body, named by its path
// ("select.tags[0]"; "" for the whole body).
func BadField(path, reason string) *Problem {
	name := path
	if path == "" {
		name = "the body"
	}
	p := NewProblem(http.StatusBadRequest, name+" "+reason)
	p.Errors = []FieldError{{Pointer: pointer(path), Detail: reason}}
	return p
}

// Error returns the detail, or the title where there is none.
func (p *Problem) Error() string {
	if p.Detail != "" {
		return p.Detail
	}
	return p.Title
}

// pointer turns a field path into a JSON pointer in URI form (RFC 6901 §6):
// "select.tags[0]" into "#/select/tags/0".
func pointer(path string) string {
	if path == "" {
		return "#"
	}
	var b strings.Builder
	b.WriteString("#/")
	for _, c := range []byte(path) {
		switch {
		case c == '.' || c == '[':
			b.WriteByte('/')
		case c == ']':
		case c == '~':
			b.WriteString("~0")
		case c == '/':
			b.WriteString("~1")
		case c > ' ' && c <= '~' && !strings.ContainsRune("\"<>\\^`{|}%#", rune(c)):
			b.WriteByte(c)
		default:
			const digits = "0123456789ABCDEF"
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}
