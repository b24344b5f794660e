package cachekey

import "fmt"

// Error says why a request, text or selector has no key. Its text is public:
// it may be sent to the client as it is, and never carries more than a short
// quotation of the input.
type Error struct {
	Status int    // the HTTP status a request gets: 400, 404, 405 or 414
	Field  string // what is wrong: "method", "host", "path", "lang", "keys[2]", …
	Reason string // what is wrong with it, and what is allowed
}

// ErrNoRoute is returned by Keyer.Key for a well-formed request that no
// pattern matches. Every *Error with status 404 is ErrNoRoute to errors.Is,
// so that an unknown shape under /v1/segments/ counts as one too.
var ErrNoRoute error = &Error{Status: 404, Field: "path", Reason: "no route serves this host and path"}

func (e *Error) Error() string { return e.Field + ": " + e.Reason }

// Is makes every 404 equal to ErrNoRoute.
func (e *Error) Is(target error) bool { return target == ErrNoRoute && e.Status == 404 }

// in returns e with its field renamed, for an error found inside a larger
// input: the path of keys[2] is reported as keys[2].
func (e *Error) in(field string) *Error {
	return &Error{Status: 400, Field: field, Reason: e.Reason}
}

func bad(field, reason string) *Error {
	return &Error{Status: 400, Field: field, Reason: reason}
}

func badf(field, format string, args ...any) *Error {
	return &Error{Status: 400, Field: field, Reason: fmt.Sprintf(format, args...)}
}

func notFound(reason string) *Error {
	return &Error{Status: 404, Field: "path", Reason: reason}
}

// quote renders at most 40 bytes of input for an error.
func quote(s string) string {
	const most = 40
	if len(s) > most {
		return fmt.Sprintf("%q…", s[:most])
	}
	return fmt.Sprintf("%q", s)
}
