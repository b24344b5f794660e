package invalidation

import (
	"errors"
	"log/slog"
	"time"
)

// Config is what an Engine needs to know beside its collaborators.
type Config struct {
	Node        string // this node's id, the first part of the dots it issues
	Region      string
	Incarnation uint64 // random per process start, not 0 (SEMANTICS §2)

	// Retain is how many purges stay known, the oldest leaving first. It bounds
	// memory and what Get and List can answer, not what is purged. 0 means
	// 10,000. RetainBytes bounds the sum of their selectors; 0 means 64 MiB.
	Retain      int
	RetainBytes int

	// Queue is how many purges may wait for their background sweep; those beyond
	// keep entries null, and what they hit leaves the cache when it is next asked
	// for, or evicted. 0 means 4,096.
	Queue int

	// Oldest tells the least Stamp.Checked of any slot and the least epoch of any
	// flight. Run asks it every ReclaimEvery (0 means a minute) and reclaims what
	// lies below. Nil reclaims nothing: floors then live as long as the process.
	Oldest       func() Epoch
	ReclaimEvery time.Duration

	Now func() time.Time // nil means time.Now
	Log *slog.Logger     // nil discards
}

func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Node == "":
		return c, errors.New("invalidation config: Node: is empty")
	case c.Region == "":
		return c, errors.New("invalidation config: Region: is empty")
	case c.Incarnation == 0:
		return c, errors.New("invalidation config: Incarnation: must not be 0")
	case c.Retain < 0 || c.RetainBytes < 0 || c.Queue < 0 || c.ReclaimEvery < 0:
		return c, errors.New("invalidation config: Retain, RetainBytes, Queue and ReclaimEvery must not be negative")
	}
	if c.Retain == 0 {
		c.Retain = 10_000
	}
	if c.RetainBytes == 0 {
		c.RetainBytes = 64 << 20
	}
	if c.Queue == 0 {
		c.Queue = 4096
	}
	if c.ReclaimEvery == 0 {
		c.ReclaimEvery = time.Minute
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}
