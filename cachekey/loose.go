package cachekey

import (
	"slices"
	"strings"
)

// AppendLooseVariant is AppendVariant for a cache that takes for equal what only
// an odd origin tells apart:
//
//   - the order of languages of the same weight, which RFC 9110 §12.5.4 says nobody
//     can rely on: "de|en,fr"
//   - spaces and tabs beside the commas of any field, outside quotes, which a list
//     may have or not (RFC 9110 §5.6.1)
//
// Its texts are not those of AppendVariant, and a cache must not mix the two.
func AppendLooseVariant(dst []byte, vary []string, get func(canonicalName string) (value string, present bool)) []byte {
	return appendVariant(dst, vary, get, appendLoose)
}

// SameButFor reports whether two variant texts say the same of all fields but one,
// which both name.
func SameButFor(a, b, field string) bool {
	field = strings.ToLower(field) + "="
	named := false
	for a != "" && b != "" {
		var x, y string
		x, a, _ = strings.Cut(a[1:], " ")
		y, b, _ = strings.Cut(b[1:], " ")
		if a != "" {
			a = " " + a
		}
		if b != "" {
			b = " " + b
		}
		if strings.HasPrefix(x, field) && strings.HasPrefix(y, field) {
			named = true
			continue
		}
		if x != y {
			return false
		}
	}
	return named && a == "" && b == ""
}

// MostWanted reports whether an Accept-Language asks for a language before all
// others, and by exactly that tag.
func MostWanted(acceptLanguage, tag string) bool {
	var ranges [maxRanges]languageRange
	n, ok := parseLanguages(acceptLanguage, &ranges)
	if !ok || n == 0 || ranges[0].q == 0 || tag == "*" || n > 1 && ranges[1].q == ranges[0].q {
		return false
	}
	return strings.EqualFold(ranges[0].text, tag)
}

func appendLoose(dst []byte, name, value string) []byte {
	switch {
	case strings.EqualFold(name, "Accept-Encoding"):
		return appendCodings(dst, value)
	case strings.EqualFold(name, "Accept-Language"):
		return appendUnordered(dst, value)
	}
	start := len(dst)
	dst = appendFolded(dst, value)
	return dst[:start+dropBesideCommas(dst[start:])]
}

// appendUnordered writes ranges of one weight in alphabetical order. A value that
// is no list of ranges is as in appendLanguages.
func appendUnordered(dst []byte, value string) []byte {
	var ranges [maxRanges]languageRange
	n, ok := parseLanguages(value, &ranges)
	if !ok {
		return appendLanguages(dst, value)
	}
	slices.SortStableFunc(ranges[:n], func(a, b languageRange) int {
		if a.q != b.q {
			return b.q - a.q
		}
		return compareFold(a.text, b.text)
	})
	start := len(dst)
	for i, r := range ranges[:n] {
		if i > 0 && r.q == ranges[i-1].q {
			dst = append(dst, '|')
		} else if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, r.text...)
		if r.q == 0 {
			dst = append(dst, ";q=0"...)
		}
	}
	lower(dst[start:])
	return dst
}

// dropBesideCommas takes the space beside unquoted commas out of a folded value, in
// its place, and returns what is left of it.
func dropBesideCommas(b []byte) int {
	w, quoted := 0, false
	for i := 0; i < len(b); i++ {
		c := b[i]
		if !quoted && c == ' ' && (w > 0 && b[w-1] == ',' || i+1 < len(b) && b[i+1] == ',') {
			continue
		}
		b[w] = c
		w++
		switch {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted && i+1 < len(b):
			i++
			b[w] = b[i]
			w++
		}
	}
	return w
}
