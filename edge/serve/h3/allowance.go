package h3

import "time"

// allowance counts what costs a client little and does not bring it an answer:
// frames that ask for nothing, requests that are taken back. A burst is let through,
// and then a rate; whoever goes beyond is no client but a load (RFC 9114 §10.5).
// One goroutine owns it, or a lock.
type allowance struct {
	burst, perSecond, perRequest float64

	left     float64
	at       time.Time
	requests int64
}

func newAllowance(burst, perSecond, perRequest float64) allowance {
	return allowance{burst: burst, perSecond: perSecond, perRequest: perRequest, left: burst}
}

// take reports whether one more is let through, of a client that has made so many
// requests until now.
func (a *allowance) take(now time.Time, requests int64) bool {
	if !a.at.IsZero() {
		a.left += now.Sub(a.at).Seconds() * a.perSecond
	}
	a.left = min(a.burst, a.left+float64(requests-a.requests)*a.perRequest)
	a.at, a.requests = now, requests
	if a.left < 1 {
		return false
	}
	a.left--
	return true
}
