package config

import (
	"math"
	"time"
)

// Duration is a time.Duration that a file writes with its unit: "2s", "1h30m".
type Duration time.Duration

// malformed marks a value whose text could not be read. Decoding goes on, so
// that Validate can tell this error beside all others.
const malformed = math.MinInt64

// Std returns the duration as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String returns the text form.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes the text form.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the text form. It never fails: text that is none leaves a
// value that Validate refuses, naming the field.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		v = malformed
	}
	*d = Duration(v)
	return nil
}
