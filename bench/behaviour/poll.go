package behaviour

import (
	"testing"
	"time"
)

// pollTimeout bounds every wait for a condition. It is generous, as other tests
// run beside.
const pollTimeout = 2 * time.Minute

// Until waits until holds returns true, and fails the test if that takes too
// long; what says what was waited for.
func Until(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	if !Settle(holds) {
		tb.Fatalf("in vain waited for: %s", what)
	}
}

// Settle waits until holds returns true, and reports whether it did in time.
func Settle(holds func() bool) bool {
	deadline := time.NewTimer(pollTimeout)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			return false
		case <-tick.C:
		}
	}
	return true
}

// Receive waits for a value.
func Receive[T any](tb testing.TB, what string, from <-chan T) T {
	tb.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(pollTimeout):
		tb.Fatalf("in vain waited for: %s", what)
		panic("unreachable")
	}
}
