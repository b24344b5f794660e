package invalidation

import "fmt"

// Epoch counts the purges that this process has applied, from 0. It orders
// purges against fills on one node only: it is never sent to another node,
// never stored, and means nothing after a restart.
type Epoch uint64

// Mode says what a purge does to what it selects.
type Mode uint8

const (
	// ModeHard makes a copy absent: it is never served again, nor used to
	// revalidate with the origin.
	ModeHard Mode = iota
	// ModeSoft makes a copy stale: it may be served while it is refreshed, where
	// its freshness rules allow that.
	ModeSoft
)

// String returns "hard" or "soft".
func (m Mode) String() string {
	switch m {
	case ModeHard:
		return "hard"
	case ModeSoft:
		return "soft"
	}
	return fmt.Sprintf("mode(%d)", uint8(m))
}

// ParseMode is the inverse of String; the empty text means ModeHard.
func ParseMode(text string) (Mode, error) {
	switch text {
	case "", "hard":
		return ModeHard, nil
	case "soft":
		return ModeSoft, nil
	}
	return ModeHard, fmt.Errorf("mode: %q is unknown: use hard or soft", text)
}

// MarshalText writes the text of String.
func (m Mode) MarshalText() ([]byte, error) {
	if m > ModeSoft {
		return nil, fmt.Errorf("mode: %d is unknown", uint8(m))
	}
	return []byte(m.String()), nil
}

// UnmarshalText reads the text of String.
func (m *Mode) UnmarshalText(text []byte) error {
	mode, err := ParseMode(string(text))
	if err == nil {
		*m = mode
	}
	return err
}

// State is what the purges so far say about one stored copy. Later purges only
// ever move it up: Valid, then Soft, then Hard.
type State uint8

const (
	// Valid: no purge since its fetch began selects the copy.
	Valid State = iota
	// Soft: a soft purge selects the copy. To a peer it counts as absent.
	Soft
	// Hard: a hard purge selects the copy, or this node can no longer
	// tell that none does.
	Hard
)

// String returns "valid", "soft" or "hard".
func (s State) String() string {
	switch s {
	case Valid:
		return "valid"
	case Soft:
		return "soft"
	case Hard:
		return "hard"
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}
