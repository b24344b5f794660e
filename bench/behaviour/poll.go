package behaviour

import (
	"context"
	"testing"
	"time"
)

// pollTimeout bounds every wait for a condition.
const pollTimeout = 20 * time.Second

// Until waits until holds returns true, and fails the test if that takes too
// long; what says what was waited for.
func Until(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), pollTimeout)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			tb.Fatalf("in vain waited for: %s", what)
		case <-tick.C:
		}
	}
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
