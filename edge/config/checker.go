package config

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/letteros/letteredge/cachekey"
)

// checker collects problems by field path.
type checker struct{ problems []Problem }

func (k *checker) bad(path, format string, args ...any) {
	k.problems = append(k.problems, Problem{Path: path, Reason: fmt.Sprintf(format, args...)})
}

// name checks an id: lower-case, as everything that is named in a URL or tag.
func (k *checker) name(at, s string) {
	if !cachekey.ValidID(s) {
		k.bad(at, "is %q; must be [a-z][a-z0-9_-]{0,63}", s)
	}
}

func (k *checker) host(at, h string) {
	if !hostname(h) && net.ParseIP(strings.Trim(h, "[]")) == nil {
		k.bad(at, "has the host %q; must be a lower-case DNS name or an IP address, without a port", h)
	}
}

func (k *checker) duration(at string, d Duration, low, high time.Duration) {
	if v := d.Std(); v < low || v > high {
		is := "is " + d.String() + "; "
		if v == malformed {
			is = ""
		}
		k.bad(at, `%smust be a duration with a unit, such as "2s" or "1h30m", from %s to %s`, is, low, high)
	}
}

func (k *checker) size(at string, s Size, low, high Size) {
	if s < low || s > high {
		is := "is " + s.String() + "; "
		if s == malformed {
			is = ""
		}
		k.bad(at, `%smust be a size, such as "512", "64MiB" or "10MB", from %s to %s`, is, low, high)
	}
}

func (k *checker) count(at string, n, low, high int) {
	if n < low || n > high {
		k.bad(at, "is %d; must be from %d to %d", n, low, high)
	}
}

func oneOf[T ~string](k *checker, at string, v T, allowed ...T) {
	if !slices.Contains(allowed, v) {
		k.bad(at, "is %q; must be one of %s", v, join(allowed))
	}
}

func join[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = string(v)
	}
	return strings.Join(texts, ", ")
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// hostname reports whether h is a DNS name in lower case (RFC 1123 §2.1); an
// underscore, common in private networks, is let pass.
func hostname(h string) bool {
	if h == "" || len(h) > 253 {
		return false
	}
	for label := range strings.SplitSeq(h, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.ContainsFunc(label, func(r rune) bool {
				return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
			}) {
			return false
		}
	}
	return true
}
