package freshness

import "time"

// life is a freshness lifetime and where it came from.
type life struct {
	d         time.Duration
	heuristic bool
	permitted bool // RFC 9111 §3: something makes the response cacheable at all
}

// lifetime computes the freshness lifetime (RFC 9111 §4.2.1): s-maxage, max-age,
// Expires, heuristics, in that order. What is present but invalid is stale.
func lifetime(c *control, res *Response, p *Policy, date time.Time) life {
	l := life{permitted: true}
	switch {
	case c.sMaxAge.set:
		l.d = c.sMaxAge.d
	case c.maxAge.set:
		l.d = c.maxAge.d
	case !c.targeted && present(res.Fields, "Expires"):
		if expires, ok := ParseDate(res.Fields.Get("Expires"), res.ResponseAt); ok {
			l.d = expires.Sub(date)
		}
	case c.public || HeuristicallyCacheable(res.Status): // §4.2.2
		l.d, l.heuristic = guess(res, p, date), true
	default:
		l.permitted = false
	}
	l.d = min(clampDelta(l.d), p.maxTTL())
	return l
}

// guess is the lifetime of a response that names none.
func guess(res *Response, p *Policy, date time.Time) time.Duration {
	modified, ok := ParseDate(res.Fields.Get("Last-Modified"), res.ResponseAt)
	if !ok || p.Heuristic < 0 {
		return p.DefaultTTL
	}
	fraction := float64(clampDelta(date.Sub(modified))) * p.heuristic()
	return time.Duration(min(fraction, float64(clampDelta(p.maxHeuristic()))))
}
