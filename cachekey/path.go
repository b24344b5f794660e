package cachekey

// pathTraits is what appendPath noticed: reasons why another reader of the
// same path may understand another path.
type pathTraits struct {
	dots         bool // a dot segment
	doubleSlash  bool // "//"
	encodedSlash bool // "%2F", "%5C"
}

func (t pathTraits) any() bool { return t.dots || t.doubleSlash || t.encodedSlash }

// appendPath appends an absolute path with its percent-encoding normalised.
// Dot segments are left in.
func appendPath(dst []byte, path string) ([]byte, pathTraits, *Error) {
	var t pathTraits
	start, plain := len(dst), plainLen(path)
	dst = append(dst, path[:plain]...)
	for i := plain; i < len(path); i++ {
		c := path[i]
		switch {
		case c == '%':
			v, ok := unescape(path, i)
			if !ok {
				return dst, t, bad("path", percentRule)
			}
			i += 2
			if !unreserved(v) {
				t.encodedSlash = t.encodedSlash || v == '/' || v == '\\'
				dst = appendEscape(dst, v)
				continue
			}
			c = v
		case c == '/':
			if n := len(dst); n > start && dst[n-1] == '/' {
				t.doubleSlash = true
			}
		case !targetByte(c) || c == '\\':
			return dst, t, badByte("path", c)
		}
		if c == '.' && dst[len(dst)-1] == '/' {
			t.dots = true // perhaps: a file such as /.well-known begins so too
		}
		dst = append(dst, c)
	}
	t.dots = t.dots && hasDots(dst[start:])
	return dst, t, nil
}

// plainLen is how much of path is canonical at first sight: all of it for most
// requests. It stops before what appendPath has to look at more closely.
func plainLen(path string) int {
	before := byte(0)
	for i := 0; i < len(path); i++ {
		c := path[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_', c >= 'A' && c <= 'Z':
		case (c == '/' || c == '.') && before != '/':
		default:
			return i
		}
		before = c
	}
	return len(path)
}

// hasDots reports whether an absolute path has a segment "." or "..".
func hasDots(path []byte) bool {
	for i := 0; i < len(path); i++ {
		if path[i] != '/' {
			continue
		}
		end := i + 1
		for end < len(path) && path[end] != '/' {
			end++
		}
		if isDots(path[i+1 : end]) {
			return true
		}
		i = end - 1
	}
	return false
}

func isDots(segment []byte) bool {
	return len(segment) > 0 && len(segment) <= 2 && segment[0] == '.' && segment[len(segment)-1] == '.'
}

// removeDots removes the dot segments of an absolute path in place
// (RFC 3986 §5.2.4) and returns its new length.
func removeDots(path []byte) int {
	w := 0 // path[:w] is done
	for r := 0; r < len(path); {
		end := r + 1
		for end < len(path) && path[end] != '/' {
			end++
		}
		switch last := end == len(path); {
		case isDots(path[r+1 : end]):
			if end-r-1 == 2 {
				for w > 0 && path[w-1] != '/' {
					w--
				}
				w = max(0, w-1)
			}
			if last {
				path[w] = '/'
				w++
			}
		default:
			w += copy(path[w:], path[r:end])
		}
		r = end
	}
	return w
}

// disguised reports whether a normalised path that is no artifact's would
// become one for a reader who decodes slashes, merges doubled ones or removes
// dot segments in another order than we do. Such a path is refused: nobody
// behind the edge should be able to take it for an artifact that the edge did
// not key as one. raw is the path before its dot segments were removed. It
// works in the room behind b and returns b as that may have grown.
func disguised(b []byte, raw, canonical []byte) ([]byte, bool) {
	n := len(b)
	for _, path := range [...][]byte{raw, canonical} {
		b = flatten(b, path)
		found := below(b[n:])
		if b = b[:n]; found {
			return b, true
		}
	}
	return b, false
}

func below(path []byte) bool {
	return len(path) >= len(artifactRoot) && string(path[:len(artifactRoot)]) == artifactRoot
}

// flatten appends path to tmp with slashes decoded and merged and, after that,
// dot segments removed.
func flatten(tmp, path []byte) []byte {
	start := len(tmp)
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' {
			if hex := path[i+1 : i+3]; string(hex) == "2F" || string(hex) == "5C" {
				c, i = '/', i+2
			}
		}
		if c == '/' && len(tmp) > start && tmp[len(tmp)-1] == '/' {
			continue
		}
		tmp = append(tmp, c)
	}
	return tmp[:start+removeDots(tmp[start:])]
}
