package cachekey

import (
	"slices"
	"strings"
)

// AppendTagList appends the tags that one line of a response field carries:
//
//	Cache-Groups   a structured list of strings (RFC 9875); a line that is none
//	               is ignored as a whole (RFC 9651 §4.2), as are items that are
//	               no strings
//	Cache-Tag      separated by commas
//	Surrogate-Key  separated by spaces
//
// The field's name may have any case; other fields carry none. What ValidTag
// refuses is left out, and so is what dst holds already and, once dst holds
// MaxTags, everything. The tags are substrings of value.
func AppendTagList(dst []string, field, value string) []string {
	switch {
	case strings.EqualFold(field, "Cache-Groups"):
		return appendGroups(dst, value)
	case strings.EqualFold(field, "Cache-Tag"):
		for part := range strings.SplitSeq(value, ",") {
			dst = appendTag(dst, strings.Trim(part, " \t"))
		}
	case strings.EqualFold(field, "Surrogate-Key"):
		for part := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ' ' || r == '\t' }) {
			dst = appendTag(dst, part)
		}
	}
	return dst
}

func appendTag(dst []string, tag string) []string {
	if len(dst) >= MaxTags || !ValidTag(tag) || slices.Contains(dst, tag) {
		return dst
	}
	return append(dst, tag)
}

// appendGroups reads a structured list (RFC 9651 §4.2.1).
func appendGroups(dst []string, value string) []string {
	had := len(dst)
	p := sfParser{rest: strings.Trim(value, " ")}
	for p.rest != "" {
		text, isString, ok := p.member()
		if !ok {
			return dst[:had]
		}
		if isString {
			dst = appendTag(dst, text)
		}
		p.skip(" \t")
		if p.rest == "" {
			return dst
		}
		if !p.take(',') {
			return dst[:had]
		}
		if p.skip(" \t"); p.rest == "" {
			return dst[:had] // a trailing comma
		}
	}
	return dst
}
