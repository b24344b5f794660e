package freshness

import (
	"slices"
	"time"
)

// Request is what Judge must know of the request that a response answers.
type Request struct {
	Authorization bool // it carried an Authorization field
	NoStore       bool // Directives.NoStore
}

// Response is a response as it came from upstream.
type Response struct {
	Method string // of the request
	Status int
	Fields Fields
	// RequestAt and ResponseAt are when the request went out and when the header
	// section came in (RFC 9111 §4.2.3). A zero RequestAt counts as no delay.
	RequestAt, ResponseAt time.Time
}

// Judge applies RFC 9111 §3 (may it be stored?) and §4.2 (how long is it fresh,
// how old is it?), as a shared cache.
func Judge(req Request, res Response, p Policy) Verdict {
	c, targeted := parseTargeted(res.Fields)
	if !targeted {
		c = parseControl(res.Fields)
	}
	date, hasDate := ParseDate(res.Fields.Get("Date"), res.ResponseAt)
	if !hasDate {
		date = res.ResponseAt // RFC 9110 §6.6.1
	}

	v := Verdict{Omit: sorted(c.omit), Terms: Terms{
		InitialAge:     initialAge(&res, date),
		NoCache:        c.noCache,
		MustRevalidate: c.mustRevalidate || c.proxyRevalidate,
		Immutable:      c.immutable,
		NoTransform:    c.noTransform,
		HasDate:        hasDate,
		HasValidator:   hasValidator(&res),
	}}
	life := lifetime(&c, &res, &p, date)
	v.Lifetime, v.Heuristic = life.d, life.heuristic
	v.stale(&c, &p, res.Status)

	var varyKnown bool
	v.Vary, varyKnown = parseVary(res.Fields)
	v.Why = v.refuse(&c, req, &res, &p, varyKnown, life.permitted)
	v.Storable = v.Why == Stored
	return v
}

// refuse returns the first rule of RFC 9111 §3 that forbids storing.
func (v *Verdict) refuse(c *control, req Request, res *Response, p *Policy, varyKnown, permitted bool) Reason {
	switch {
	case res.Method != "GET":
		return Method
	case res.Status == 206:
		return Partial
	case res.Status < 200, res.Status == 304, res.Status > 599,
		c.mustUnderstand && !understood(res.Status):
		return Status
	case req.NoStore:
		return RequestNoStore
	case c.noStore && !c.mustUnderstand: // §5.2.2.3: must-understand overrides no-store
		return NoStore
	case c.private:
		return Private
	case !p.Conformance && v.setsCookie(res.Fields):
		return SetCookie
	case req.Authorization && !c.public && !c.mustRevalidate && !c.sMaxAge.set: // §3.5
		return Authorization
	case !varyKnown:
		return VaryAny
	case !permitted:
		return Status
	case !v.useful():
		return NoFreshness
	}
	return Stored
}

// setsCookie reports whether a cookie would be among what is stored.
func (v *Verdict) setsCookie(f Fields) bool {
	for _, name := range [...]string{"Set-Cookie", "Set-Cookie2"} {
		if present(f, name) && !slices.Contains(v.Omit, name) {
			return true
		}
	}
	return false
}

// useful reports whether any later request could be answered with the response,
// at once or by validating it.
func (v *Verdict) useful() bool {
	return v.HasValidator || v.Use(v.InitialAge, Directives{}) != Revalidate
}

// stale decides on the windows of RFC 5861.
func (v *Verdict) stale(c *control, p *Policy, status int) {
	// s-maxage forbids stale use as proxy-revalidate does (RFC 9111 §5.2.2.10).
	// The default profile lets an origin that writes s-maxage beside an explicit
	// window have what it plainly means.
	explicit := c.swr.d > 0 || c.sie.d > 0
	if c.sMaxAge.set && (p.Conformance || !explicit) {
		v.MustRevalidate = true
	}
	if !v.MayBeStale() {
		return
	}
	v.SWR, v.SIE = c.swr.d, c.sie.d
	if v.Lifetime == 0 || c.sMaxAge.set || IsError(status) {
		return // an origin that allows no reuse is not given a window by default
	}
	if !c.swr.set {
		v.SWR = clampDelta(p.DefaultSWR)
	}
	if !c.sie.set {
		v.SIE = clampDelta(p.DefaultSIE)
	}
}

// hasValidator reports whether the response can be validated (RFC 9110 §8.8).
func hasValidator(res *Response) bool {
	if IsETag(res.Fields.Get("Etag")) {
		return true
	}
	_, ok := ParseDate(res.Fields.Get("Last-Modified"), res.ResponseAt)
	return ok
}

// IsETag reports whether s is a strong or weak entity-tag (RFC 9110 §8.8.3).
func IsETag(s string) bool {
	if len(s) > 2 && s[:2] == "W/" {
		s = s[2:]
	}
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return false
	}
	for i := 1; i < len(s)-1; i++ {
		if c := s[i]; c <= ' ' || c == '"' || c == 0x7f {
			return false
		}
	}
	return true
}
