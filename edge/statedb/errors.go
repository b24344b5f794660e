package statedb

import "errors"

var (
	// ErrInUse means that another process has the file open.
	ErrInUse = errors.New("another process has it open: is a node running on this state already?")
	// ErrDamaged means that the file, or a record in it, cannot be read. Nothing
	// is repaired or dropped by itself.
	ErrDamaged = errors.New("it is damaged: put back a copy, or move it away to begin empty, which forgets its quotas, purges and audit log")
	// ErrNewer means that a later release has written the file.
	ErrNewer = errors.New("a later release of letteredge has written it")
	// ErrClosed means that the DB has been closed.
	ErrClosed = errors.New("the state file is closed")
)
