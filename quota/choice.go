package quota

import (
	"fmt"
	"strings"
)

// Scope says among whom the rate is shared. On a node that stands alone the
// three are one.
type Scope uint8

// The scopes; global is the default.
const (
	ScopeGlobal Scope = iota
	ScopeRegion
	ScopeNode
)

// Overflow says what becomes of a request over the limit.
type Overflow uint8

// The ways to overflow; reject is the default.
const (
	OverflowReject  Overflow = iota // 429
	OverflowStale                   // a stored copy, stale or not; else 429
	OverflowDegrade                 // a lesser answer from the store; else 429
)

// Mode says whether a quota is enforced.
type Mode uint8

// The modes; enforce is the default.
const (
	ModeEnforce Mode = iota
	ModeShadow       // counts what it would refuse, and admits it
)

// Partition says what a node may spend that is cut off from those who grant.
type Partition uint8

// The partition policies; strict is the default.
const (
	PartitionStrict Partition = iota // never more than the limit
	PartitionShare                   // its share of the limit
	PartitionOpen                    // everything
)

// String returns the word used in JSON, metrics and logs.
func (s Scope) String() string { return word(scopes(), s) }

// String returns the word used in JSON, metrics and logs.
func (o Overflow) String() string { return word(overflows(), o) }

// String returns the word used in JSON, metrics and logs.
func (m Mode) String() string { return word(modes(), m) }

// String returns the word used in JSON, metrics and logs.
func (p Partition) String() string { return word(partitions(), p) }

func scopes() []string     { return []string{"global", "region", "node"} }
func overflows() []string  { return []string{"reject", "stale", "degrade"} }
func modes() []string      { return []string{"enforce", "shadow"} }
func partitions() []string { return []string{"strict", "share", "open"} }

// choice is a closed set whose words are listed in the order of its values.
type choice interface{ ~uint8 }

func word[C choice](words []string, c C) string {
	if int(c) < len(words) {
		return words[c]
	}
	return fmt.Sprintf("invalid(%d)", c)
}

// parseChoice finds a word, exactly as it is spelt.
func parseChoice[C choice](field string, words []string, s string) (C, error) {
	for i, w := range words {
		if w == s {
			return C(i), nil
		}
	}
	return 0, ErrInvalid{field, mustBeOneOf(words)}
}

func checkChoice[C choice](field string, words []string, c C) error {
	if int(c) >= len(words) {
		return ErrInvalid{field, mustBeOneOf(words)}
	}
	return nil
}

func mustBeOneOf(words []string) string {
	last := len(words) - 1
	return `must be "` + strings.Join(words[:last], `", "`) + `" or "` + words[last] + `"`
}
