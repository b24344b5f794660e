package freshness

import "time"

// Directives is what a request asks of the cache (RFC 9111 §5.2.1). The zero
// value asks for nothing.
type Directives struct {
	OnlyIfCached bool // answer from the cache or with 504
	NoCache      bool // validate before use
	NoStore      bool // do not store the response
	HasMaxAge    bool
	MaxAge       time.Duration // not older than that
	MinFresh     time.Duration // fresh for at least that long still
	MaxStale     time.Duration // stale for at most that long; MaxDelta for any
	StaleIfError time.Duration // RFC 5861 §4
	NoTransform  bool          // the content as it is; heeded in every profile
}

// Scratch is memory for ParseRequest, kept by the caller between requests and
// used by one at a time. The zero value is ready.
type Scratch struct {
	self        *Scratch // whom the closures belong to
	directives  Directives
	conformance bool
	control     func(string) bool
	pragma      func(string) bool
}

// ParseRequest reads the directives of a request. The default profile heeds
// only-if-cached alone: a client must not be able to make a shared cache ask
// the origin. With conformance it heeds all of RFC 9111 §5.2.1, and
// Pragma: no-cache where there is no Cache-Control (§5.4). Of a directive that
// comes twice the first counts; one with an invalid value asks for nothing.
func ParseRequest(f Fields, conformance bool, s *Scratch) Directives {
	// A function that is passed through an interface lives on the heap: these
	// are made once for each Scratch, again if it was copied.
	if s.self != s {
		s.self = s
		s.control = s.takeControl
		s.pragma = s.takePragma
	}
	s.directives, s.conformance = Directives{}, conformance
	f.Each("Cache-Control", s.control)
	if conformance && f.Get("Cache-Control") == "" {
		f.Each("Pragma", s.pragma)
	}
	return s.directives
}

func (s *Scratch) takeControl(line string) bool {
	c := scanner{s: line}
	for d, ok := c.next(); ok; d, ok = c.next() {
		if d.is("only-if-cached") {
			s.directives.OnlyIfCached = true
		} else if d.is("no-transform") {
			s.directives.NoTransform = true
		} else if s.conformance {
			s.directives.take(&d)
		}
	}
	return true
}

func (s *Scratch) takePragma(line string) bool {
	c := scanner{s: line}
	for d, ok := c.next(); ok; d, ok = c.next() {
		s.directives.NoCache = s.directives.NoCache || d.is("no-cache")
	}
	return true
}

func (r *Directives) take(d *directive) {
	switch {
	case d.is("no-cache"):
		r.NoCache = true
	case d.is("no-store"):
		r.NoStore = true
	case d.is("max-stale") && !d.Has && !d.Bad:
		if r.MaxStale == 0 {
			r.MaxStale = MaxDelta
		}
	case d.Bad:
	case d.is("max-age"):
		if v, ok := ParseDeltaSeconds(d.Value); ok && !r.HasMaxAge {
			r.MaxAge, r.HasMaxAge = v, true
		}
	case d.is("min-fresh"):
		takeFirst(&r.MinFresh, d)
	case d.is("max-stale"):
		takeFirst(&r.MaxStale, d)
	case d.is("stale-if-error"):
		takeFirst(&r.StaleIfError, d)
	}
}

func takeFirst(dst *time.Duration, d *directive) {
	if v, ok := ParseDeltaSeconds(d.Value); ok && *dst == 0 {
		*dst = v
	}
}
