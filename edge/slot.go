package edge

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/letteros/letteredge/edge/freshness"
	"github.com/letteros/letteredge/invalidation"
)

// Slot is one stored response: what was received, when, under which rules it may
// be used, and the stamp that tells whether a purge has hit it. Immutable, once
// others see it.
//
// Within an entry a slot is named by its vector and its variant.
type Slot struct {
	Art    *Artifact
	Vector string // SEMANTICS §3: the versions of the managed documents; "" if none is managed
	Rules  freshness.Terms
	Stamp  *invalidation.Stamp
	// ReceivedAt is when the response arrived, the base of its resident time.
	ReceivedAt time.Time

	next   atomic.Pointer[Slot] // in its entry, the next older one; that entry's
	beside *beside              // nil for most

	// retryAt holds off the next background refresh after one that failed.
	retryAt atomic.Int64
	// attention bars a second refresh behind readers' backs: a soft purge gives each
	// entry at most one (SEMANTICS §5).
	attention attention

	// Settled: all its documents are managed, and its upstream does not ask for
	// validation. At its target it is fresh at any age (SEMANTICS §3).
	Settled bool
	// Softened: a soft purge hit it before it came from the disk, which its stamp
	// does not know.
	Softened bool
}

// beside is what few slots have.
type beside struct {
	vary    []string
	variant string
	tags    []string // while there is no stamp to ask
}

// NewSlot is a slot of a response that carries these tags, implied ones first,
// and was selected by the values, as cachekey.AppendVariant writes them, of the
// fields that vary names, canonical and sorted. It copies the lists.
func NewSlot(art *Artifact, tags, vary []string, variant string) *Slot {
	s := &Slot{Art: art}
	if len(tags) > 0 || len(vary) > 0 || variant != "" {
		s.beside = &beside{tags: slices.Clone(tags), vary: owned(vary), variant: variant}
	}
	return s
}

// owned copies texts that may be views of a message.
func owned(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	all := make([]string, len(list))
	for i, text := range list {
		all[i] = strings.Clone(text)
	}
	return all
}

// stamped gives s its stamp, which knows the tags from now on. Nobody else may
// have seen s yet.
func (s *Slot) stamped(stamp *invalidation.Stamp) {
	s.Stamp = stamp
	if s.beside != nil {
		if s.beside.tags = nil; len(s.beside.vary) == 0 && s.beside.variant == "" {
			s.beside = nil
		}
	}
}

// Vary names the fields that selected the response, canonical and sorted.
func (s *Slot) Vary() []string {
	if s.beside == nil {
		return nil
	}
	return s.beside.vary
}

// Variant is the values of those fields, as cachekey.AppendVariant writes them.
func (s *Slot) Variant() string {
	if s.beside == nil {
		return ""
	}
	return s.beside.variant
}

// Tags lists all tags, implied ones first.
func (s *Slot) Tags() []string { return s.AppendTags(nil) }

// AppendTags appends what Tags lists.
func (s *Slot) AppendTags(dst []string) []string {
	if s.Stamp != nil {
		return s.Stamp.AppendTags(dst)
	}
	if s.beside == nil {
		return dst
	}
	return append(dst, s.beside.tags...)
}

// Age is the current age of RFC 9111 §4.2.3.
func (s *Slot) Age(now time.Time) time.Duration {
	resident := now.Sub(s.ReceivedAt)
	if resident < 0 {
		resident = 0
	}
	return s.Rules.Age(resident)
}

// Size is what the slot costs in bytes, within a tenth of what the runtime takes
// for it.
func (s *Slot) Size() int64 {
	n := slotSize + allocated(len(s.Vector)) + s.Art.size()
	if s.Stamp != nil {
		n += s.Stamp.Size()
	}
	if s.beside != nil {
		n += besideSize + allocated(len(s.beside.variant)) + 16*int64(len(s.beside.vary))
		for _, text := range s.beside.vary {
			n += allocated(len(text))
		}
	}
	return n
}

const (
	slotSize   = 128
	besideSize = 64
)
