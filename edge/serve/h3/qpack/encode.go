package qpack

import (
	"golang.org/x/net/http2/hpack"

	"github.com/letteros/letteredge/edge/serve/section"
)

// The first bits of the representations that are written.
const (
	indexedStatic   = 0xc0 // §4.5.2
	literalNamed    = 0x50 // §4.5.4, static
	literalUnnamed  = 0x20 // §4.5.6
	huffmanValue    = 0x80
	statusReference = 24 // the first :status of the table
)

// AppendPrefix begins a section: nothing is required, the base is 0 (§4.5.1).
func AppendPrefix(dst []byte) []byte { return append(dst, 0, 0) }

// AppendStatus appends :status, of three digits.
func AppendStatus(dst []byte, status int) []byte {
	switch status { // those with an index of one byte
	case 103:
		return append(dst, indexedStatic|24)
	case 200:
		return append(dst, indexedStatic|25)
	case 304:
		return append(dst, indexedStatic|26)
	case 404:
		return append(dst, indexedStatic|27)
	case 503:
		return append(dst, indexedStatic|28)
	}
	dst = section.AppendInt(dst, literalNamed, 4, statusReference)
	return append(dst, 3, byte('0'+status/100%10), byte('0'+status/10%10), byte('0'+status%10))
}

// AppendLine appends a line that is made for one answer, its name canonical. Its
// value is written as it is: coding it would cost more than the bytes it saves.
func AppendLine(dst []byte, canonical string, value []byte) []byte {
	dst = appendName(dst, canonical)
	dst = section.AppendInt(dst, 0, 7, len(value))
	return append(dst, value...)
}

// AppendShort appends a line as short as it can be: for lines that are written
// once and sent often.
func AppendShort(dst []byte, canonical, value string) []byte {
	if i := lineIndex(canonical, value); i >= 0 {
		return section.AppendInt(dst, indexedStatic, 6, i)
	}
	dst = appendName(dst, canonical)
	if n := int(hpack.HuffmanEncodeLength(value)); n < len(value) {
		dst = section.AppendInt(dst, huffmanValue, 7, n)
		return hpack.AppendHuffmanString(dst, value)
	}
	dst = section.AppendInt(dst, 0, 7, len(value))
	return append(dst, value...)
}

// appendName begins a literal.
func appendName(dst []byte, canonical string) []byte {
	if i := nameIndex(canonical); i >= 0 {
		return section.AppendInt(dst, literalNamed, 4, i)
	}
	dst = section.AppendInt(dst, literalUnnamed, 3, len(canonical))
	for i := range len(canonical) {
		c := canonical[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}
