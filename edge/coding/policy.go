package coding

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Policy says what is coded, and how. The zero value codes nothing.
type Policy struct {
	// Codings that are made; of those that a reader wants equally the first one
	// is. None: nothing is coded.
	Codings []Coding
	// MinBytes is the least content that is coded. Below some hundred bytes the
	// field lines and the second copy cost what the coding saves.
	MinBytes int64
	// MaxBytes is the most that is coded: the reader who asks first waits for it.
	MaxBytes int64
	// Types are the media types that are coded: "text/html", a whole type as
	// "text/*", or a suffix as "*+json" (RFC 6838 §4.2.8).
	Types []string
	// AtOnce bounds the codings under way; others get the identity meanwhile.
	// 0 is half of the processors, at least one.
	AtOnce int
}

// DefaultPolicy codes texts, and what compresses like them. Its bounds are
// measured: bench/RESULTS.md.
func DefaultPolicy() Policy {
	return Policy{Codings: All(), MinBytes: 512, MaxBytes: 4 << 20, Types: DefaultTypes()}
}

// DefaultTypes are the media types that compress well. Images, sound, film and
// archives are compressed already; event streams have no end.
func DefaultTypes() []string {
	return []string{
		"text/*", "*+json", "*+xml",
		"application/json", "application/javascript", "application/x-javascript", "application/ecmascript",
		"application/xml", "application/x-ndjson", "application/jsonl", "application/graphql", "application/wasm", "application/rtf",
		"application/toml", "application/yaml", "application/sql", "application/vnd.ms-fontobject",
		"font/ttf", "font/otf", "font/collection", "image/bmp", "image/x-icon", "image/vnd.microsoft.icon",
	}
}

// Validate names what is wrong with a policy.
func (p Policy) Validate() error {
	for i, c := range p.Codings {
		if c == Identity || c >= Count {
			return fmt.Errorf("coding: policy: coding %d is none that can be made", i)
		}
		if slices.Contains(p.Codings[:i], c) {
			return fmt.Errorf("coding: policy: %s comes twice", c)
		}
	}
	if p.MinBytes < 0 || p.MaxBytes < 0 || p.AtOnce < 0 {
		return errors.New("coding: policy: a bound is below 0")
	}
	for _, t := range p.Types {
		if !ValidType(t) {
			return fmt.Errorf("coding: policy: %q is no media type, type/* or *+suffix", t)
		}
	}
	return nil
}

// ValidType reports whether t may stand in [Policy.Types].
func ValidType(t string) bool {
	if suffix, ok := strings.CutPrefix(t, "*+"); ok {
		return isToken(suffix)
	}
	kind, sub, ok := strings.Cut(t, "/")
	return ok && isToken(kind) && kind != "*" && (sub == "*" || isToken(sub) && !strings.Contains(sub, "*"))
}

// isToken: RFC 9110 §5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

// names reports whether a media type, in lower case and without parameters, is
// one of the policy's.
func (p *Policy) names(media string) bool {
	kind, sub, ok := strings.Cut(media, "/")
	if !ok {
		return false
	}
	for _, t := range p.Types {
		if suffix, ok := strings.CutPrefix(t, "*"); ok {
			if len(sub) > len(suffix) && strings.HasSuffix(sub, suffix) {
				return true
			}
			continue
		}
		k, s, _ := strings.Cut(t, "/")
		if k == kind && (s == "*" || s == sub) {
			return true
		}
	}
	return false
}
