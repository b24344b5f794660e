package client

import (
	"fmt"

	"github.com/letteros/letteredge/edge/adminapi"
)

// RefusedError is an answer that is no success.
type RefusedError struct {
	Problem adminapi.Problem
}

// Error returns what the node said, in one line.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s (%d %s)", e.Problem.Error(), e.Problem.Status, e.Problem.Title)
}

// UnreachableError means that no answer of an admin API came.
type UnreachableError struct {
	Admin string // the address that was asked
	Err   error
}

// Error says which node cannot be reached, and why.
func (e *UnreachableError) Error() string { return fmt.Sprintf("cannot reach %s: %v", e.Admin, e.Err) }

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// PartialError means that a purge was accepted but has not come as far as it was
// waited for.
type PartialError struct {
	Purge adminapi.Purge // what has become of it so far
}

// Error names the nodes that lag.
func (e *PartialError) Error() string {
	lag := ""
	for _, n := range e.Purge.Nodes {
		if n.State == "pending" || n.State == "unreachable" {
			lag += fmt.Sprintf(" %s (%s)", n.ID, n.State)
		}
	}
	return fmt.Sprintf("purge %s is %s; without a receipt:%s", e.Purge.Purge, e.Purge.State, lag)
}
