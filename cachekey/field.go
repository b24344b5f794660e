package cachekey

import (
	"strings"
)

// NormalizeField appends the value of a request field in a form that is equal
// for requests that ask for the same:
//
//	Accept-Encoding  the codings of codings that are acceptable, sorted: "br,gzip"
//	Accept-Language  the ranges in lower case, the most wanted first, those with
//	                 q=0 last and so marked: "ja,en,fr;q=0"
//	others           runs of spaces and tabs outside quotes as one space
//
// It is idempotent. What it takes from Accept-Encoding (weights, codings it
// does not know) an origin must not see either: the edge is to ask with the
// normalised value.
func NormalizeField(dst []byte, name, value string) []byte {
	switch {
	case strings.EqualFold(name, "Accept-Encoding"):
		return appendCodings(dst, value)
	case strings.EqualFold(name, "Accept-Language"):
		return appendLanguages(dst, value)
	}
	return appendFolded(dst, value)
}

// appendFolded folds white space, but not in quoted strings, where it counts.
func appendFolded(dst []byte, value string) []byte {
	start, quoted, space := len(dst), false, false
	for i := 0; i < len(value); i++ {
		c := value[i]
		if !quoted && (c == ' ' || c == '\t') {
			space = len(dst) > start
			continue
		}
		if space {
			dst, space = append(dst, ' '), false
		}
		dst = append(dst, c)
		switch {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted && i+1 < len(value):
			i++
			dst = append(dst, value[i])
		}
	}
	return dst
}

// codings are the content codings that a variant can differ by, sorted.
func codings() [5]string { return [5]string{"br", "compress", "deflate", "gzip", "zstd"} }

// appendCodings: RFC 9110 §12.5.3. An element that is malformed or unknown
// does not count; "*" stands for all that are not named.
func appendCodings(dst []byte, value string) []byte {
	const unnamed, accepted, refused = 0, 1, 2
	known := codings()
	var state [len(known)]uint8
	others := uint8(unnamed)
	for value != "" {
		var element string
		element, value, _ = strings.Cut(value, ",")
		name, q, ok := CutWeight(element)
		if !ok {
			continue
		}
		s := uint8(accepted)
		if q == 0 {
			s = refused
		}
		if name == "*" {
			others = max(others, s)
			continue
		}
		if len(name) > 2 && (name[0] == 'x' || name[0] == 'X') && name[1] == '-' {
			name = name[2:] // x-gzip, x-compress: RFC 9110 §8.4.1
		}
		for i, k := range known {
			if strings.EqualFold(name, k) {
				state[i] = max(state[i], s) // a refusal wins
			}
		}
	}
	start := len(dst)
	for i, k := range known {
		if state[i] == accepted || state[i] == unnamed && others == accepted {
			if len(dst) > start {
				dst = append(dst, ',')
			}
			dst = append(dst, k...)
		}
	}
	return dst
}
