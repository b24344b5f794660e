package freshness

import "time"

// MaxDelta is the longest duration of this package, 2^31 seconds (68 years): the
// value that RFC 9111 §1.2.2 gives to every delta-seconds too large to represent.
const MaxDelta = (1 << 31) * time.Second

// ParseDeltaSeconds parses a non-negative decimal integer of seconds (RFC 9111
// §1.2.2). Leading zeros are allowed; a sign, a fraction, space or an empty
// string is not. Values above 2^31 count as 2^31.
func ParseDeltaSeconds(s string) (time.Duration, bool) {
	if s == "" {
		return 0, false
	}
	var n int64
	for i := range len(s) {
		c := s[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		// Saturate, and go on: what follows must be digits all the same.
		n = min(n*10+int64(c-'0'), 1<<31)
	}
	return time.Duration(n) * time.Second, true
}

// clampDelta keeps d within [0, MaxDelta].
func clampDelta(d time.Duration) time.Duration { return min(max(d, 0), MaxDelta) }
