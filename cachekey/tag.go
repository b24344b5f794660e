package cachekey

import "strings"

const (
	MaxTag  = 256  // bytes in a tag
	MaxTags = 1024 // tags of a response; further ones are ignored
)

const tagRule = "must have 1 to 256 printable ASCII characters, none of them a quote or backslash, without a space at either end"

// ValidTag reports whether s is a tag: 1 to 256 printable ASCII characters
// other than " and \ (so that it can stand between quotes as it is), the first
// and the last no space.
func ValidTag(s string) bool {
	if s == "" || len(s) > MaxTag || s[0] == ' ' || s[len(s)-1] == ' ' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// ImpliedTag reports whether a tag is of the kind that artifacts have by
// themselves: by their key (AppendTags), or by the documents that they are
// rendered from (doc:ID). Nobody gives them by hand: a document that named
// another segment's would be purged with it.
func ImpliedTag(s string) bool {
	name, _, found := strings.Cut(s, ":")
	switch name {
	case "kind", "segment", "cta", "proof", "campaign", "doc":
		return found
	}
	return false
}

// AppendTags appends the tags that the key implies: for an artifact
// kind:proof, segment:b2b, cta:trial, proof:p1; none for a general route.
// The strings are of their own: they do not share the key's memory.
func (k Key) AppendTags(dst []string) []string {
	if k.Kind == Other {
		return dst
	}
	dst = append(dst, "kind:"+k.Kind.String(), "segment:"+k.Segment)
	if k.CTA != "" {
		dst = append(dst, "cta:"+k.CTA)
	}
	if k.Kind == Proof || k.Kind == Campaign {
		dst = append(dst, k.Kind.String()+":"+k.ID)
	}
	return dst
}

// implies reports whether tag is among the tags of AppendTags.
func (k Key) implies(tag string) bool {
	name, value, ok := strings.Cut(tag, ":")
	if !ok || k.Kind == Other {
		return false
	}
	switch name {
	case "kind":
		return value == k.Kind.String()
	case "segment":
		return value == k.Segment
	case "cta":
		return k.CTA != "" && value == k.CTA
	case "proof", "campaign":
		return name == k.Kind.String() && value == k.ID
	}
	return false
}
