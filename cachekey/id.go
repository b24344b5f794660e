package cachekey

// Limits on what an outsider may send.
const (
	MaxID   = 64 // bytes in an id
	MaxLang = 35 // bytes in a language tag (RFC 5646 §4.4.1)
)

const idRule = "must match [a-z][a-z0-9_-]{0,63}"

// ValidID reports whether s is the id of a segment, CTA, proof, campaign or
// document: [a-z][a-z0-9_-]{0,63}.
func ValidID(s string) bool {
	if len(s) == 0 || len(s) > MaxID || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := 1; i < len(s); i++ {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// validLang reports whether s is a canonical language: lower case, one to
// eight letters, then subtags of one to eight letters or digits (the syntax of
// a language range, RFC 4647 §2.1, without the wildcard), at most 35 bytes.
func validLang(s string) bool {
	if s == "" || len(s) > MaxLang {
		return false
	}
	first, n := true, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z':
			n++
		case c >= '0' && c <= '9' && !first:
			n++
		case c == '-' && n > 0:
			first, n = false, 0
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
