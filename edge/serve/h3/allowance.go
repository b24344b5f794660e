package h3

import "time"

// allowance counts what costs a client little and does not bring it an answer:
// frames that ask for nothing, requests that are taken back. A burst is let through,
// and then a rate; whoever goes beyond is no client but a load (RFC 9114 §10.5).
// One goroutine owns it, or a lock.
type allowance struct {
	burst, perSecond float64
	left             float64
	at               time.Time
}

func newAllowance(burst, perSecond float64) allowance {
	return allowance{burst: burst, perSecond: perSecond, left: burst}
}

// take reports whether one more is let through.
func (a *allowance) take(now time.Time) bool {
	if !a.at.IsZero() {
		a.left = min(a.burst, a.left+now.Sub(a.at).Seconds()*a.perSecond)
	}
	a.at = now
	if a.left < 1 {
		return false
	}
	a.left--
	return true
}
