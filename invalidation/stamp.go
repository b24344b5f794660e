package invalidation

import (
	"slices"
	"sync/atomic"

	"github.com/letteros/letteredge/cachekey"
)

// Stamp ties one stored copy to the marks that may purge it. It costs 72 bytes
// and 8 for each tag, beside the key's text, which it shares with the copy, and
// the names of tags, which it shares with all copies that carry them.
type Stamp struct {
	// word holds the last verdict: the epoch it was made at, whether the key is
	// an artifact's, the State. A reader may overwrite a newer one by an older:
	// both are true for the epoch they name, so the next reader looks again.
	word  atomic.Uint64
	born  Epoch
	marks *Marks
	text  string
	tags  []*tag
	added uint32 // the bytes of the tags that nothing had carried before
}

const (
	stateBits   = 0b011
	artifactBit = 0b100
	epochShift  = 3
)

// Stamp makes the stamp of a response to k, fetched since the epoch born, that
// carries these tags; the tags that k implies are added where they are missing.
// It keeps k.Text, which must not be a view of a buffer (cachekey.Key.Clone).
//
// False means that the response must not be stored: born lies below the highest
// floor that Reclaim has dropped, so that nobody can tell any more what has been
// purged since, or it lies ahead of Epoch. A fetch that was frozen for an hour
// is the usual case:
//
//  1. The fetch reads epoch 7 and stalls.
//  2. Raise stores floor 8 for its tag.
//  3. No slot and no flight that the cache knows of is older than 9; Reclaim
//     notes 8 as reclaimed, then drops the floor.
//  4. The fetch ends. Its tag has no floor, but 7 < 8: refused.
func (m *Marks) Stamp(k cachekey.Key, tags []string, born Epoch) (*Stamp, bool) {
	var buf [8]string
	implied := k.AppendTags(buf[:0])
	s := newStamp(len(tags) + missing(implied, tags))
	s.born, s.marks, s.text = born, m, k.Text
	for _, name := range tags {
		s.addTag(name)
	}
	for _, name := range implied {
		s.addTag(name)
	}
	e := m.Epoch()
	state := m.judge(placeOf(k.Text, k.IsArtifact()), s.tags, born, born)
	// Reclaim notes the floor before it drops it: whoever missed the floor above
	// sees the note here.
	if born < Epoch(m.reclaimed.Load()) || born > e {
		return nil, false
	}
	s.note(e, k.IsArtifact(), state)
	return s, true
}

// newStamp is a Stamp with room for n tags: few lie in one piece with it, which
// is half the objects for the collector to look after.
func newStamp(n int) *Stamp {
	switch {
	case n <= 1:
		s := new(struct {
			Stamp
			room [1]*tag
		})
		s.tags = s.room[:0]
		return &s.Stamp
	case n <= 3:
		s := new(struct {
			Stamp
			room [3]*tag
		})
		s.tags = s.room[:0]
		return &s.Stamp
	case n <= 5:
		s := new(struct {
			Stamp
			room [5]*tag
		})
		s.tags = s.room[:0]
		return &s.Stamp
	case n <= 7:
		s := new(struct {
			Stamp
			room [7]*tag
		})
		s.tags = s.room[:0]
		return &s.Stamp
	}
	return &Stamp{tags: make([]*tag, 0, n)}
}

func (s *Stamp) addTag(name string) {
	f, made := s.marks.tags.intern(name)
	if made {
		s.added += f.size()
	}
	if !slices.Contains(s.tags, f) {
		s.tags = append(s.tags, f)
	}
}

// AppendTags appends the names of all tags that the copy carries, those that
// Marks.Stamp was given first.
func (s *Stamp) AppendTags(dst []string) []string {
	for _, f := range s.tags {
		dst = append(dst, f.name)
	}
	return dst
}

// Size is what the stamp costs in bytes. A tag is counted by the copy that brought
// it first.
func (s *Stamp) Size() int64 {
	const alone = 80
	return alone + 8*int64(cap(s.tags)) + int64(s.added)
}

func missing(implied, tags []string) int {
	n := 0
	for _, tag := range implied {
		if !slices.Contains(tags, tag) {
			n++
		}
	}
	return n
}

// State says what the purges so far make of the copy. It takes no lock and
// allocates nothing. Between two purges it costs one compare.
func (s *Stamp) State() State {
	word, e := s.word.Load(), s.marks.epoch.Load()
	if word>>epochShift == e {
		return State(word & stateBits)
	}
	return s.judge(word, Epoch(e))
}

// judge brings the verdict in word up to e, which was loaded before any floor
// is looked at.
func (s *Stamp) judge(word uint64, e Epoch) State {
	state, since, artifact := State(word&stateBits), Epoch(word>>epochShift), word&artifactBit != 0
	if state == Hard { // for good; noted so that no floor is kept for it
		s.note(e, artifact, state)
		return state
	}
	state = max(state, s.marks.judge(placeOf(s.text, artifact), s.tags, s.born, since))
	// A stamp that Reclaim was not told of: as in Marks.Stamp, looked at last.
	if since < Epoch(s.marks.reclaimed.Load()) {
		state = Hard
	}
	s.note(e, artifact, state)
	return state
}

func (s *Stamp) note(e Epoch, artifact bool, state State) {
	word := uint64(e)<<epochShift | uint64(state)
	if artifact {
		word |= artifactBit
	}
	s.word.Store(word)
}

// Checked is the epoch that the last verdict is for: the stamp needs no floor up
// to it any more. The least Checked of all slots, or the least epoch of all
// flights if that is lower, is what Reclaim takes; call State before, to bring
// it up to date.
func (s *Stamp) Checked() Epoch { return Epoch(s.word.Load() >> epochShift) }
