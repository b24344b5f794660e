package statedb

import (
	"errors"
	"time"
)

// Options bound what a DB keeps. The zero value is ready for use.
type Options struct {
	// Timeout is how long Open waits for another process to let go of the file;
	// 0 means 1 s, which outlasts a restart that overlaps.
	Timeout time.Duration
	// KeepPurges and KeepAudit are how many purges and audit entries are kept; 0
	// means 10,000 and 100,000.
	KeepPurges, KeepAudit int
	// KeepBytes bounds the bytes of each of the two logs; 0 means 64 MiB.
	KeepBytes int64
	// KeepPins bounds the bytes of pins; 0 means 256 MiB.
	KeepPins int64
}

func (o Options) withDefaults() (Options, error) {
	if o.Timeout < 0 || o.KeepPurges < 0 || o.KeepAudit < 0 || o.KeepBytes < 0 || o.KeepPins < 0 {
		return o, errors.New("statedb options: Timeout, KeepPurges, KeepAudit, KeepBytes and KeepPins must not be negative")
	}
	if o.Timeout == 0 {
		o.Timeout = time.Second
	}
	if o.KeepPurges == 0 {
		o.KeepPurges = 10_000
	}
	if o.KeepAudit == 0 {
		o.KeepAudit = 100_000
	}
	if o.KeepBytes == 0 {
		o.KeepBytes = 64 << 20
	}
	if o.KeepPins == 0 {
		o.KeepPins = 256 << 20
	}
	return o, nil
}
