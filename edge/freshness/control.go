package freshness

import (
	"net/textproto"
	"slices"
	"strings"
	"time"
)

// seconds is the state of a directive that carries delta-seconds. The first
// occurrence counts (RFC 9111 §4.2.1); a value that is no delta-seconds is
// present with zero length, which makes what it governs stale.
type seconds struct {
	set bool
	d   time.Duration
}

func (s *seconds) take(value string, valid bool) {
	if s.set {
		return
	}
	s.set = true
	if d, ok := ParseDeltaSeconds(value); ok && valid {
		s.d = d
	}
}

// control is what the directives of a response come to, wherever they stood.
type control struct {
	noStore, noCache, private         bool
	public, mustUnderstand, immutable bool
	mustRevalidate, proxyRevalidate   bool
	noTransform                       bool
	maxAge, sMaxAge, swr, sie         seconds
	omit                              []string // canonical names in no-cache="…", private="…"
	targeted                          bool     // came from CDN-Cache-Control: Expires does not count
}

// parseControl reads every Cache-Control line.
func parseControl(f Fields) control {
	var c control
	f.Each("Cache-Control", func(line string) bool {
		s := scanner{s: line}
		for d, ok := s.next(); ok; d, ok = s.next() {
			c.take(&d)
		}
		return true
	})
	return c
}

func (c *control) take(d *directive) {
	// Where an argument is out of place, what restricts still counts and what
	// permits does not.
	plain := !d.Has && !d.Bad
	switch {
	case d.is("no-store"):
		c.noStore = true
	case d.is("no-cache"):
		c.qualify(&c.noCache, d)
	case d.is("private"):
		c.qualify(&c.private, d)
	case d.is("must-revalidate"):
		c.mustRevalidate = true
	case d.is("proxy-revalidate"):
		c.proxyRevalidate = true
	case d.is("no-transform"):
		c.noTransform = true
	case d.is("public"):
		c.public = c.public || plain
	case d.is("must-understand"):
		c.mustUnderstand = c.mustUnderstand || plain
	case d.is("immutable"):
		c.immutable = c.immutable || plain
	case d.is("max-age"):
		c.maxAge.take(d.Value, !d.Bad)
	case d.is("s-maxage"):
		c.sMaxAge.take(d.Value, !d.Bad)
	case d.is("stale-while-revalidate"):
		c.swr.take(d.Value, !d.Bad)
	case d.is("stale-if-error"):
		c.sie.take(d.Value, !d.Bad)
	}
}

// qualify reads the argument of no-cache or private: with a list of field names
// the directive holds for those fields only (RFC 9111 §5.2.2.4, §5.2.2.7), which
// are then left out of what is stored.
func (c *control) qualify(whole *bool, d *directive) {
	names, ok := fieldNames(d.Value)
	if !d.Has || d.Bad || !ok || len(c.omit)+len(names) > maxNames {
		*whole = true
		return
	}
	c.omit = append(c.omit, names...)
}

// fieldNames parses a list of field names. It is false where the list is empty,
// malformed, or names a field without which the stored body would be misread:
// then the directive holds for the whole response, as RFC 9111 permits.
func fieldNames(list string) ([]string, bool) {
	var names []string
	for member := range strings.SplitSeq(list, ",") {
		member = strings.Trim(member, " \t")
		if member == "" {
			continue
		}
		if !isToken(member) || len(names) == maxNames {
			return nil, false
		}
		name := textproto.CanonicalMIMEHeaderKey(member)
		switch name {
		case "Content-Encoding", "Content-Type", "Content-Range", "Content-Length", "Vary",
			"Cache-Control", "Cdn-Cache-Control", "Expires", "Date", "Age":
			return nil, false
		}
		names = append(names, name)
	}
	return names, names != nil
}

// maxNames bounds the lists of field names that one response may bring.
const maxNames = 32

// sorted returns names in order and without duplicates.
func sorted(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
