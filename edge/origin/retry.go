package origin

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/letteros/letteredge/edge"
)

const (
	// earned is what each fetch adds to the budget of retries: a tenth of the load
	// may be asked again, and no more, however much fails.
	earned = 0.1
	// saved bounds the budget.
	saved = 10.0
	// firstDelay bounds the wait before the first retry; it doubles.
	firstDelay = 25 * time.Millisecond
)

// repeatable reports whether a fetch may be sent twice (RFC 9110 §9.2.2). PUT and
// DELETE are idempotent too, but their content cannot be read a second time, and
// who sends them knows better when to repeat them.
func repeatable(f *edge.Fetch) bool {
	return f.Body == nil && (f.Method == "GET" || f.Method == "HEAD" || f.Method == "OPTIONS")
}

// backOff waits before a retry, for a random part of the delay, so that fetches
// which failed together do not come again together. It reports whether ctx lives.
func backOff(ctx context.Context, retry int) bool {
	timer := time.NewTimer(rand.N(firstDelay<<min(retry, 6)) + 1)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
