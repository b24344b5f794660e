package quota

import (
	"errors"
	"fmt"
)

// MaxQuotas is how many quotas a Registry keeps.
const MaxQuotas = 10_000

// Errors that a caller branches on; each is a public sentence.
var (
	// ErrNotFound: no quota has that segment's name (404).
	ErrNotFound = errors.New("no such quota")
	// ErrPreconditionFailed: If-Match or If-None-Match does not hold (412).
	ErrPreconditionFailed = errors.New("the quota is not, or no longer, the one that the precondition names")
	// ErrNoQuorum: a majority of the voters cannot be reached (503).
	ErrNoQuorum = errors.New("the control log has no quorum now: too few voters can be reached")
	// ErrTooMany: MaxQuotas are defined (409).
	ErrTooMany = fmt.Errorf("%d quotas are defined, as many as there may be; delete one first", MaxQuotas)
)

// ErrInvalid says which field is wrong and what it allows (400). It is found
// with errors.As, as a value.
type ErrInvalid struct {
	Field  string // as in the JSON body or the request: "rps", "If-Match", "after"
	Reason string // what the field allows, to follow its name: "must be …"
}

// Error returns a public sentence that begins with the field.
func (e ErrInvalid) Error() string { return e.Field + " " + e.Reason }
