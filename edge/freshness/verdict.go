package freshness

import "time"

// Verdict says whether a response may be stored and for how long it may be
// used. The durations are computed for every response, storable or not, since a
// response that is none of its own (304, HEAD) updates one that is.
type Verdict struct {
	// Why is Stored, or the first rule that forbids storing.
	Why Reason
	// Vary names the request fields that select the response: canonical, sorted,
	// without duplicates.
	Vary []string
	// Omit names the fields that must be left out of what is stored
	// (no-cache="f", private="f"): canonical, sorted.
	Omit []string

	Terms
}

// Terms is what of a Verdict is needed for as long as the response is stored.
type Terms struct {
	// Lifetime is the freshness lifetime: fresh while Age < Lifetime.
	Lifetime time.Duration
	// InitialAge is the age the response had when it arrived.
	InitialAge time.Duration
	// SWR and SIE are how long after Lifetime the response may be served while
	// it is refreshed, and when the origin fails. Zero where stale use is forbidden.
	SWR, SIE time.Duration

	// Storable: a shared cache may keep the response, and keeping it is of use.
	Storable       bool
	NoCache        bool // every use needs a successful validation
	MustRevalidate bool // must not be used stale, not even if the origin is away
	Immutable      bool // no need to validate while fresh, though a client reloads
	NoTransform    bool // the content must not be coded or changed on the way
	Heuristic      bool // Lifetime is our guess, not the origin's word
	HasValidator   bool // it has a valid ETag or Last-Modified to validate with
	HasDate        bool // it has a valid Date; if not, its receiver adds ResponseAt
}

// Use is what may be done with a stored response, from most to least permissive.
type Use uint8

// The uses of a stored response.
const (
	// Fresh: serve it.
	Fresh Use = iota
	// StaleWhileRevalidate: serve it, and refresh it behind.
	StaleWhileRevalidate
	// StaleIfError: ask the origin; serve it only if that fails.
	StaleIfError
	// Revalidate: must be validated first; without that it must not be served.
	Revalidate
	useCount
)

// String returns "fresh", "stale-while-revalidate", "stale-if-error" or
// "revalidate".
func (u Use) String() string {
	if u >= useCount {
		return "invalid"
	}
	return [...]string{"fresh", "stale-while-revalidate", "stale-if-error", "revalidate"}[u]
}

// Use says what may be done with the response at that age for a request with
// those directives (RFC 9111 §4.2, §5.2.1; RFC 5861).
func (v *Terms) Use(age time.Duration, req Directives) Use {
	if v.NoCache || req.NoCache {
		return Revalidate
	}
	// A reload sends max-age=0, which an immutable response need not heed while
	// it is fresh (RFC 8246 §2).
	tooOld := req.HasMaxAge && (age > req.MaxAge || req.MaxAge == 0)
	if age < v.Lifetime {
		if tooOld && !v.Immutable || v.Lifetime-age < req.MinFresh {
			return Revalidate
		}
		return Fresh
	}
	if v.MustRevalidate {
		return Revalidate
	}
	staleness := age - v.Lifetime
	if !tooOld && req.MinFresh == 0 && within(staleness, max(v.SWR, req.MaxStale)) {
		return StaleWhileRevalidate
	}
	if within(staleness, max(v.SIE, req.StaleIfError)) {
		return StaleIfError
	}
	return Revalidate
}

// within reports whether a window is open; one of zero length never is.
func within(staleness, window time.Duration) bool { return window > 0 && staleness <= window }

// MayBeStale reports whether nothing in the response forbids serving it stale:
// what an operator's own rule (isolation, a dead origin) may rest on
// (RFC 9111 §4.2.4).
func (v *Terms) MayBeStale() bool { return !v.NoCache && !v.MustRevalidate }
