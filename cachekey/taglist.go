package cachekey

import (
	"slices"
	"strings"
)

// AppendTagList appends the tags that one line of a response field carries:
//
//	Cache-Groups   a structured list of strings (RFC 9875); a line that is none
//	               is ignored as a whole (RFC 9651 §4.2), as are items that are
//	               no strings; several lines are one list, joined by commas
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

// appendGroups appends the strings of a list of Cache-Groups.
func appendGroups(dst []string, value string) []string {
	members, ok := parseList(value)
	if !ok {
		return dst
	}
	for _, m := range members {
		if m.isString {
			dst = appendTag(dst, m.text)
		}
	}
	return dst
}
