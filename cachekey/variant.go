package cachekey

import (
	"net/textproto"
	"strings"
)

// AppendVariant appends the variant text of a request to dst: which of the
// representations that a response's Vary distinguishes it selects. It follows
// a key's Text, from which a space divides it:
//
//	/v1/segments/b2b/ctas/trial accept-encoding=gzip accept-language=ja
//
// vary are the field names that Vary lists, in any case and order; one given
// twice counts once. get returns all values of a field joined by ", ", and
// whether it is there at all, by its canonical name (Accept-Encoding). Values go through
// NormalizeField; in names and values every byte that is no visible ASCII
// character, and each %, is percent-encoded, so that variants are equal only
// if names and normalised values are. A field that is absent is written without
// the equals sign: it matches only where it is absent too (RFC 9111 §4.1). That
// is not so for Accept-Encoding and Accept-Language, in whose normal form
// absent and empty are the same. Without names nothing is appended.
//
// A response with "Vary: *" matches no request (RFC 9111 §4.1) and must not be
// stored: for AppendVariant it is a field like others.
func AppendVariant(dst []byte, vary []string, get func(canonicalName string) (value string, present bool)) []byte {
	return appendVariant(dst, vary, get, NormalizeField)
}

func appendVariant(dst []byte, vary []string, get func(canonicalName string) (value string, present bool), normalize func(dst []byte, name, value string) []byte) []byte {
	var few [16]string
	names := few[:0]
	for _, name := range vary {
		names = insertName(names, name)
	}
	for _, name := range names {
		dst = append(dst, ' ')
		at := len(dst)
		dst = append(dst, name...)
		lower(dst[at:])
		dst = escapeFrom(dst, at, '=')
		value, present := get(textproto.CanonicalMIMEHeaderKey(name))
		if !present && !negotiates(name) {
			continue
		}
		dst = append(dst, '=')
		at = len(dst)
		dst = normalize(dst, name, value)
		dst = escapeFrom(dst, at, '%')
	}
	return dst
}

// negotiates reports whether a field is one of those whose normal form says what
// its absence means.
func negotiates(name string) bool {
	return strings.EqualFold(name, "Accept-Encoding") || strings.EqualFold(name, "Accept-Language")
}

// insertName keeps names sorted without regard to case, each once.
func insertName(names []string, name string) []string {
	i := len(names)
	for i > 0 {
		order := compareFold(names[i-1], name)
		if order == 0 {
			return names
		}
		if order < 0 {
			break
		}
		i--
	}
	names = append(names, "")
	copy(names[i+1:], names[i:])
	names[i] = name
	return names
}

func compareFold(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if x, y := lowerByte(a[i]), lowerByte(b[i]); x != y {
			return int(x) - int(y)
		}
	}
	return len(a) - len(b)
}

func lowerByte(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// escapeFrom percent-encodes what must not stand bare in b[at:]: %, also, and
// everything that is no visible ASCII character.
func escapeFrom(b []byte, at int, also byte) []byte {
	extra := 0
	for _, c := range b[at:] {
		if !bare(c, also) {
			extra += 2
		}
	}
	if extra == 0 {
		return b
	}
	r := len(b)
	for range extra {
		b = append(b, 0)
	}
	for w := len(b); w > r; {
		r--
		c := b[r]
		if bare(c, also) {
			w--
			b[w] = c
			continue
		}
		w -= 3
		b[w], b[w+1], b[w+2] = '%', upperHex[c>>4], upperHex[c&15]
	}
	return b
}

func bare(c, also byte) bool { return c > ' ' && c < 0x7f && c != '%' && c != also }
