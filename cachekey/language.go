package cachekey

import "strings"

// maxRanges bounds the work on one Accept-Language; browsers send a few.
const maxRanges = 32

// languageRange is one element of Accept-Language.
type languageRange struct {
	text string
	q    int // thousandths
}

// appendLanguages: RFC 9110 §12.5.4. The weights themselves do not matter to a
// look-up (RFC 4647 §3.4), only their order does. A value that is no such list,
// or a very long one, is only folded and put in lower case: it cannot be taken
// for a normalised one, which is well formed and short.
func appendLanguages(dst []byte, value string) []byte {
	var ranges [maxRanges]languageRange
	start := len(dst)
	n, ok := parseLanguages(value, &ranges)
	if !ok {
		dst = appendFolded(dst, value)
		lower(dst[start:])
		return dst
	}
	for i, r := range ranges[:n] {
		if i > 0 {
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

// parseLanguages reads the ranges of an Accept-Language, by falling weight. It is
// false for what is no such list, or a very long one.
func parseLanguages(value string, ranges *[maxRanges]languageRange) (n int, ok bool) {
	for rest := value; rest != ""; {
		var element string
		element, rest, _ = strings.Cut(rest, ",")
		if strings.Trim(element, " \t") == "" {
			continue // RFC 9110 §5.6.1.2
		}
		text, q, ok := CutWeight(element)
		if !ok || n == maxRanges || !languageSyntax(text) {
			return 0, false
		}
		n = insertRange(ranges, n, languageRange{text, q})
	}
	return n, true
}

// insertRange keeps ranges sorted by weight, equals as they came. A range that
// is there already keeps its first weight.
func insertRange(ranges *[maxRanges]languageRange, n int, r languageRange) int {
	at := n
	for i, old := range ranges[:n] {
		if strings.EqualFold(old.text, r.text) {
			return n
		}
		if at == n && old.q < r.q {
			at = i
		}
	}
	copy(ranges[at+1:n+1], ranges[at:n])
	ranges[at] = r
	return n + 1
}

// languageSyntax: a language range (RFC 4647 §2.1).
func languageSyntax(s string) bool {
	if s == "*" {
		return true
	}
	n := 0
	for i := 0; i < len(s); i++ {
		c := lowerByte(s[i])
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			n++
		case c == '-' && n > 0:
			n = 0
			continue
		default:
			return false
		}
		if n > 8 {
			return false
		}
	}
	return n > 0
}
