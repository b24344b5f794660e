package origin

import (
	"fmt"
	"net/url"
	"strings"
)

// address returns the URL that asks base for an origin-form target, byte for
// byte as it is given. The target cannot leave the base's path or name another
// host.
func address(base *url.URL, target string) (*url.URL, error) {
	u := &url.URL{Scheme: base.Scheme, Host: base.Host}
	if target == "*" {
		u.Opaque = "*" // OPTIONS *: the server as a whole
		return u, nil
	}
	path, query, hasQuery := strings.Cut(target, "?")
	prefix := strings.TrimSuffix(base.EscapedPath(), "/")
	switch {
	case !strings.HasPrefix(path, "/"):
		return nil, fmt.Errorf("%w: target %q does not begin with a slash", ErrRequest, target)
	case !printable(target):
		return nil, fmt.Errorf("%w: target %q has a space, a control character or a fragment", ErrRequest, target)
	case prefix != "" && hasDotSegment(path):
		return nil, fmt.Errorf("%w: target %q has a dot segment, which could leave %s", ErrRequest, target, prefix)
	}
	path = prefix + path
	u.RawQuery, u.ForceQuery = query, hasQuery
	if !strings.HasPrefix(path, "//") {
		// Opaque is written as it is, where Path would be coded anew.
		u.Opaque = path
		return u, nil
	}
	// Opaque with two slashes would be written as a full URL with another host.
	decoded, err := url.PathUnescape(path)
	if err != nil {
		return nil, fmt.Errorf("%w: target %q: %w", ErrRequest, target, err)
	}
	u.Path, u.RawPath = decoded, path
	return u, nil
}

// printable reports whether a target holds only visible ASCII and no fragment.
func printable(target string) bool {
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c >= 0x7f || c == '#' {
			return false
		}
	}
	return true
}

// hasDotSegment reports whether a path holds `.` or `..` as a segment in any
// coding that some server might undo, with backslashes taken for slashes.
func hasDotSegment(path string) bool {
	decoded := strings.NewReplacer("%2e", ".", "%2f", "/", "%5c", "/", `\`, "/").Replace(strings.ToLower(path))
	for segment := range strings.SplitSeq(decoded, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}
