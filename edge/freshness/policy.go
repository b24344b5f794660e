package freshness

import "time"

// The values that stand for zero in a Policy.
const (
	DefaultHeuristic    = 0.1
	DefaultMaxHeuristic = 24 * time.Hour
)

// Policy is what the operator decides where the RFCs leave a choice. The zero
// value is the default profile.
type Policy struct {
	// Conformance asks for the RFCs' letter where the default profile is safer
	// or more useful: responses with Set-Cookie are stored, s-maxage forbids
	// stale use even beside an explicit stale-while-revalidate. Give the same
	// value to ParseRequest, where it decides whether clients are obeyed.
	Conformance bool
	// Heuristic is the fraction of the time since Last-Modified for which a
	// response without explicit freshness counts as fresh (RFC 9111 §4.2.2).
	// Zero means DefaultHeuristic; negative turns heuristics off.
	Heuristic float64
	// MaxHeuristic bounds what Heuristic gives. Zero means DefaultMaxHeuristic.
	MaxHeuristic time.Duration
	// MaxTTL bounds every freshness lifetime. Zero means no bound but MaxDelta.
	MaxTTL time.Duration
	// DefaultTTL is the lifetime of a heuristically cacheable response that says
	// nothing: neither explicit freshness nor Last-Modified. Zero means that it
	// is stale at once.
	DefaultTTL time.Duration
	// DefaultSWR and DefaultSIE are the stale windows of responses that had a
	// lifetime, name no window of their own, and do not forbid stale use.
	DefaultSWR, DefaultSIE time.Duration
}

func (p *Policy) heuristic() float64 {
	if p.Heuristic == 0 {
		return DefaultHeuristic
	}
	return p.Heuristic
}

func (p *Policy) maxHeuristic() time.Duration {
	if p.MaxHeuristic == 0 {
		return DefaultMaxHeuristic
	}
	return p.MaxHeuristic
}

func (p *Policy) maxTTL() time.Duration {
	if p.MaxTTL == 0 {
		return MaxDelta
	}
	return clampDelta(p.MaxTTL)
}
