package edge

import (
	"slices"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge/freshness"
	"github.com/letteros/letteredge/invalidation"
)

// use is what may be done with a slot for one request.
type use uint8

const (
	useFresh                use = iota // serve it
	useStaleWhileRevalidate            // serve it, refresh behind the reader's back
	useStaleIfError                    // serve it only where the origin fails
	useRevalidate                      // never without a successful validation
)

// found is the outcome of a lookup: the slot that matches the request, if any
// is left that no hard purge has hit, and what it may be used for.
type found struct {
	slot *Slot
	use  use
	ttl  time.Duration // negative when stale
	// why the request goes forward if it must
	fwd Forward
	// known lists fields that stored responses for this key vary on; it names
	// the flight, so that requests for different variants do not wait for each
	// other.
	known []string
	// hitForMiss: an answer for this key could not be shared of late.
	hitForMiss bool
	// soft: a soft purge has hit the slot, so it is stale whatever its age.
	soft bool
	// directives of the request, parsed once.
	req freshness.Directives
}

// lookup finds the slot for x.key and x.vector. HOT.
func (c *Core) lookup(x *Exchange) found {
	f := found{fwd: FwdURIMiss, use: useRevalidate}
	f.req = c.directives(x)
	x.plain = f.req.NoTransform
	e := c.Store.Get(x.key.Text)
	if e == nil {
		return f
	}
	f.hitForMiss = e.missUntil.Load() > x.Now.UnixNano()
	for s := range e.each {
		if s.Vector != x.vector {
			continue
		}
		state := s.Stamp.State()
		if state == invalidation.Hard {
			continue
		}
		f.known = s.Vary()
		if !c.selects(x, s) {
			f.fwd = FwdVaryMiss
			continue
		}
		f.slot = s
		f.soft = state == invalidation.Soft || s.Softened
		c.judge(x, &f)
		return f
	}
	if f.fwd == FwdVaryMiss && c.loose(x.key) {
		return c.byLanguage(x, f, e)
	}
	return f
}

// selects reports whether the request's values of the fields that s varies on
// are those s was selected by (RFC 9111 §4.1, after normalisation).
func (c *Core) selects(x *Exchange, s *Slot) bool {
	if len(s.Vary()) == 0 {
		return true
	}
	c.makeVariant(x, s.Vary())
	return string(x.variant) == s.Variant()
}

// appendVariant writes the variant text of a request for the given fields.
func appendVariant(dst []byte, loose bool, vary []string, fields Fields) []byte {
	get := func(name string) (string, bool) {
		value := fields.Combined(name)
		return value, value != "" || fields.Has(name)
	}
	if loose {
		return cachekey.AppendLooseVariant(dst, vary, get)
	}
	return cachekey.AppendVariant(dst, vary, get)
}

// loose reports whether requests that differ only in what RFC 9110 gives no meaning
// select the same response. An artifact's origin looks languages up in their order.
func (c *Core) loose(key cachekey.Key) bool { return c.cfg.Conformance && !key.IsArtifact() }

// byLanguage finds a fresh response in the language that the request wants before
// all others, where only its languages keep it from being selected: the origin has
// nothing better. Such requests need not name the same languages otherwise.
func (c *Core) byLanguage(x *Exchange, f found, e *Entry) found {
	wanted := x.Req.Fields.Combined("Accept-Language")
	for s := range e.Slots() {
		if s.Vector != x.vector || s.Stamp.State() != invalidation.Valid || s.Softened || !slices.Contains(s.Vary(), "Accept-Language") ||
			!cachekey.MostWanted(wanted, s.Art.Get("Content-Language")) {
			continue
		}
		x.variant = appendVariant(x.variant[:0], c.loose(x.key), s.Vary(), x.Req.Fields)
		if !cachekey.SameButFor(viewString(x.variant), s.Variant(), "Accept-Language") {
			continue
		}
		g := f
		g.slot = s
		if c.judge(x, &g); g.use == useFresh {
			return g
		}
	}
	return f
}

// judge decides what f.slot may be used for at x.Now.
func (c *Core) judge(x *Exchange, f *found) {
	age := f.slot.Age(x.Now)
	c.assess(x, f, age)
	if x.isolated && !f.slot.Settled {
		c.clamp(x, f, age)
	}
}

// assess is judge for a node that has missed no purge.
func (c *Core) assess(x *Exchange, f *found, age time.Duration) {
	s := f.slot
	f.ttl = s.Rules.Lifetime - age
	if x.validate {
		f.use, f.fwd = useRevalidate, FwdRequest
		return
	}
	if s.Settled && !f.soft {
		c.settled(x, f)
		return
	}
	if f.soft {
		// A soft purge ends the freshness at once. What is left is what the
		// origin allowed beyond it, counted from the purge: stale answers until
		// the one refresh ends.
		if f.ttl > -time.Second {
			f.ttl = -time.Second
		}
		f.fwd = FwdStale
		f.use = useStaleWhileRevalidate
		if s.Rules.NoCache || s.Rules.MustRevalidate {
			f.use = useRevalidate
		}
		return
	}
	switch s.Rules.Use(age, f.req) {
	case freshness.Fresh:
		f.use = useFresh
	case freshness.StaleWhileRevalidate:
		f.use, f.fwd = useStaleWhileRevalidate, FwdStale
	case freshness.StaleIfError:
		f.use, f.fwd = useStaleIfError, FwdStale
	case freshness.Revalidate:
		f.use, f.fwd = useRevalidate, FwdStale
		if f.ttl > 0 {
			f.fwd = FwdRequest
			if s.Rules.NoCache {
				f.fwd = FwdStale
			}
		}
	}
}
