package cachekey

import (
	"slices"
	"strings"
)

// Limits on a selector.
const (
	MaxSelected = 256     // tags or keys in one selector
	MaxKey      = 2 << 10 // bytes in a key, prefix or host of a selector
)

// Selector names a set of stored responses: exactly one of its fields is set.
//
// A key or prefix that begins with "/" means artifacts, and a key then all
// languages and encodings unless it carries ?lang=; any other is host/path, and
// such a key, with or without a query, is matched exactly: its host and path in
// any spelling, its query as it stands in the canonical text, since a selector
// knows no route's rule. A prefix ends in "/". A host matches the general keys of exactly that host and port.
type Selector struct {
	Tags    []string `json:"tags,omitempty"` // responses with any of them
	Keys    []string `json:"keys,omitempty"` // any of them
	Prefix  string   `json:"prefix,omitempty"`
	Host    string   `json:"host,omitempty"`
	Segment string   `json:"segment,omitempty"` // artifacts of the segment, and what is tagged segment:X
	All     bool     `json:"all,omitempty"`
}

// Subject is a stored response as selectors see it. Tags are all it carries;
// those that the key implies count even if they are not listed.
type Subject struct {
	Key  *Key // nil: only tags are known
	Tags []string
}

// kinds are the names of the fields that are set.
func (s Selector) kinds() []string {
	var set []string
	for _, kind := range []struct {
		name string
		set  bool
	}{
		{"tags", len(s.Tags) > 0}, {"keys", len(s.Keys) > 0}, {"prefix", s.Prefix != ""},
		{"host", s.Host != ""}, {"segment", s.Segment != ""}, {"all", s.All},
	} {
		if kind.set {
			set = append(set, kind.name)
		}
	}
	return set
}

// Validate reports, as an *Error, why s is no selector in canonical form. A
// selector that came through JSON, ParseSelector or Canonical is valid.
func (s Selector) Validate() error {
	c, err := s.Canonical()
	switch {
	case err != nil:
		return err
	case c.Prefix != s.Prefix:
		return badf("prefix", "is not canonical: write %s", quote(c.Prefix))
	case c.Host != s.Host:
		return badf("host", "is not canonical: write %s", quote(c.Host))
	}
	for i := range s.Keys {
		if i >= len(c.Keys) || c.Keys[i] != s.Keys[i] {
			return badf(element("keys", i), "is not canonical, or stands there twice")
		}
	}
	if len(c.Tags) != len(s.Tags) {
		return bad("tags", "must not hold a tag twice")
	}
	return nil
}

// Canonical returns s with its keys, prefix and host normalised as those of a
// request are, and repeated tags and keys left out; or an *Error that names the
// field.
func (s Selector) Canonical() (Selector, error) {
	if set := s.kinds(); len(set) == 0 {
		return Selector{}, bad("select", "must have one of tags, keys, prefix, host, segment, all, and it must not be empty")
	} else if len(set) > 1 {
		return Selector{}, bad("select", "must have only one of "+strings.Join(set, ", "))
	}
	var c Selector
	var err *Error
	switch {
	case len(s.Tags) > 0:
		c.Tags, err = canonicalAll("tags", s.Tags, canonicalTag)
	case len(s.Keys) > 0:
		c.Keys, err = canonicalAll("keys", s.Keys, canonicalKey)
	case s.Prefix != "":
		c.Prefix, err = canonicalOne("prefix", s.Prefix, canonicalPrefix)
	case s.Host != "":
		c.Host, err = canonicalOne("host", s.Host, canonicalHost)
	case s.Segment != "":
		if c.Segment = s.Segment; !ValidID(s.Segment) {
			err = bad("segment", idRule)
		}
	default:
		c.All = true
	}
	if err != nil {
		return Selector{}, err
	}
	return c, nil
}

// Matches reports whether s, a canonical selector, selects sub.
func (s Selector) Matches(sub Subject) bool {
	if s.All {
		return true
	}
	for _, tag := range s.Tags {
		if sub.hasTag(tag) {
			return true
		}
	}
	if s.Segment != "" && (sub.Key != nil && sub.Key.Segment == s.Segment || sub.hasSegment(s.Segment)) {
		return true
	}
	k := sub.Key
	if k == nil {
		return false
	}
	for _, key := range s.Keys {
		if key == k.Text || k.IsArtifact() && key == k.ArtifactPath() {
			return true
		}
	}
	if s.Prefix != "" {
		return strings.HasPrefix(k.prefixed(), s.Prefix)
	}
	return s.Host != "" && k.Kind == Other && k.Host == s.Host
}

func (sub Subject) hasTag(tag string) bool {
	return slices.Contains(sub.Tags, tag) || sub.Key != nil && sub.Key.implies(tag)
}

func (sub Subject) hasSegment(segment string) bool {
	for _, tag := range sub.Tags {
		if value, ok := strings.CutPrefix(tag, "segment:"); ok && value == segment {
			return true
		}
	}
	return false
}
