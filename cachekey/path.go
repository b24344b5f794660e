package cachekey

import "strings"

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
	start := len(dst)
	for i := 0; i < len(path); i++ {
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

// hasDots reports whether an absolute path has a segment "." or "..".
func hasDots(path []byte) bool {
	for i := 0; i < len(path); i++ {
		if path[i] != '/' {
			continue
		}
		n := 0
		for i+1+n < len(path) && path[i+1+n] == '.' {
			n++
		}
		if (n == 1 || n == 2) && (i+1+n == len(path) || path[i+1+n] == '/') {
			return true
		}
	}
	return false
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
		switch segment, last := string(path[r+1:end]), end == len(path); {
		case segment == "." || segment == "..":
			if segment == ".." {
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
// not key as one. raw is the path before its dot segments were removed. tmp's
// room behind its length is overwritten.
func disguised(tmp []byte, raw, canonical string) bool {
	return below(flatten(tmp, raw)) || below(flatten(tmp, canonical))
}

func below(path []byte) bool { return strings.HasPrefix(string(path), artifactRoot) }

// flatten appends path to tmp with slashes decoded and merged and, after that,
// dot segments removed.
func flatten(tmp []byte, path string) []byte {
	start := len(tmp)
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' && (path[i+1:i+3] == "2F" || path[i+1:i+3] == "5C") {
			c, i = '/', i+2
		}
		if c == '/' && len(tmp) > start && tmp[len(tmp)-1] == '/' {
			continue
		}
		tmp = append(tmp, c)
	}
	return tmp[start : start+removeDots(tmp[start:])]
}
