package cachekey

// Percent-encoding is normalised as RFC 3986 §6.2.2 has it: an encoded
// unreserved character is decoded, the digits of any other are upper case.

const upperHex = "0123456789ABCDEF"

// unreserved: RFC 3986 §2.3.
func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}

// unescape reads the "%xx" at s[i].
func unescape(s string, i int) (byte, bool) {
	if i+2 >= len(s) {
		return 0, false
	}
	hi, ok1 := unhex(s[i+1])
	lo, ok2 := unhex(s[i+2])
	return hi<<4 | lo, ok1 && ok2
}

func unhex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

func appendEscape(dst []byte, c byte) []byte {
	return append(dst, '%', upperHex[c>>4], upperHex[c&15])
}

// targetByte says whether c may stand in a path or query as it is. The
// characters that RFC 3986 does not allow but browsers send ([ ] | { } ^ and
// the like) are kept: only those that no client sends by itself, or that end
// something in a log or a header field, are refused.
func targetByte(c byte) bool {
	return c > ' ' && c < 0x7f && c != '"' && c != '<' && c != '>' && c != '#'
}

func badByte(field string, c byte) *Error {
	switch {
	case c == '#':
		return bad(field, "a fragment is no part of a request")
	case c == ' ':
		return bad(field, "must not hold a space: write %20")
	case c < ' ' || c == 0x7f:
		return badf(field, "must not hold the control byte 0x%02x", c)
	case c >= 0x80:
		return badf(field, "must be ASCII, others percent-encoded; byte 0x%02x", c)
	}
	return badf(field, "must not hold %q: percent-encode it", c)
}

const percentRule = "a % must be followed by two hexadecimal digits"
