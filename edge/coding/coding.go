package coding

import "strings"

// Coding is a content coding.
type Coding uint8

// The codings. Identity is none at all (RFC 9110 §12.5.3).
const (
	Identity Coding = iota
	Gzip
	Brotli
	Zstd
	Count // how many there are
)

// All returns the codings but identity, the one that makes the least bytes of
// small texts first.
func All() []Coding { return []Coding{Brotli, Zstd, Gzip} }

// String returns the coding's name in Content-Encoding.
func (c Coding) String() string {
	return [...]string{"identity", "gzip", "br", "zstd", "invalid"}[min(c, Count)]
}

// Parse reads a name. Names are compared without regard to case, and x-gzip is
// gzip (RFC 9110 §8.4.1).
func Parse(name string) (Coding, bool) {
	switch {
	case strings.EqualFold(name, "gzip"), strings.EqualFold(name, "x-gzip"):
		return Gzip, true
	case strings.EqualFold(name, "br"):
		return Brotli, true
	case strings.EqualFold(name, "zstd"):
		return Zstd, true
	case strings.EqualFold(name, "identity"):
		return Identity, true
	}
	return Identity, false
}
