package load

import (
	"errors"
	"fmt"
)

// ErrUnreachable is returned (wrapped) by Run and Fetch when a server could not
// be connected to before the load began.
var ErrUnreachable = errors.New("cannot be reached")

// FieldError tells which setting of a Config is wrong and what it allows.
type FieldError struct {
	Field  string // the setting as edgebench spells it, without dashes: "rate"
	Reason string // "must be …"
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Reason }

func fieldErrorf(field, format string, args ...any) error {
	return &FieldError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

// Failure is why a request has no answer.
type Failure uint8

const (
	Refused Failure = iota // no connection could be made
	Broken                 // the connection or stream ended, or broke the protocol, before the answer did
	Timeout                // no whole answer within Config.Timeout
	Unsent                 // due, but every stream was busy until the run ended

	failures = iota
)

var failureNames = [failures]string{Refused: "refused", Broken: "broken", Timeout: "timeout", Unsent: "unsent"}

// String returns refused, broken, timeout or unsent.
func (f Failure) String() string {
	if int(f) >= len(failureNames) {
		return fmt.Sprintf("Failure(%d)", uint8(f))
	}
	return failureNames[f]
}

// dialError marks an error that came before there was a connection.
type dialError struct{ err error }

func (e *dialError) Error() string { return e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

// classify names the failure behind the error of a round trip.
func classify(err error) Failure {
	var dial *dialError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &dial):
		return Refused
	case errors.As(err, &timeout) && timeout.Timeout():
		return Timeout
	default:
		return Broken
	}
}
