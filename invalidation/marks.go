package invalidation

import (
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/letteros/letteredge/cachekey"
)

// class is a kind of selector. Each remembers the last epoch it was raised at,
// so that a verdict is brought up to date by looking at the classes raised since
// alone.
type class uint8

const (
	classAll class = iota
	classTag
	classHost
	classKey
	classPrefix
	classes
)

// Marks are the floors that purges have raised on this node (ARCHITECTURE §1.4):
// one for each tag, host, key and prefix, and one for all. A segment's is that
// of its tag. A purge raises
// floors, whatever number of copies it selects; a copy is valid while no floor
// above its epoch selects it. Safe for concurrent use.
//
// The order in Raise is what makes it exact: floors, then the class's epoch,
// then the epoch. A reader takes them the other way round.
//
// A fill that races a purge:
//
//  1. The fill reads epoch 7, asks the origin, and gets the old copy.
//  2. Raise stores floor 8, then publishes epoch 8, and the purge returns.
//  3. The fill stores its copy, born at 7: 8 > 7, so it was never valid.
//
// Had the fill begun between the two stores of step 2 it would have read epoch
// 7 still, and be refused although it might hold the new copy: that errs on the
// safe side, and nobody has been told yet that the purge is done.
//
// A hit that races a purge:
//
//  1. A reader loads epoch 7 and looks at the floors.
//  2. Raise stores floor 8 and publishes epoch 8.
//  3. The reader, who saw no floor above 7, notes "valid at 7" in the stamp.
//  4. The next reader loads epoch 8, finds a verdict for 7, and looks again.
//
// Were the epoch published before the floors, step 1 could load epoch 8, see no
// floor, and note "valid at 8": the purged copy would be served for good.
type Marks struct {
	epoch atomic.Uint64
	_     [7]uint64 // the word every hit reads shares its line with nothing that is written

	raised    [classes]atomic.Uint64
	reclaimed atomic.Uint64 // the highest floor that Reclaim has dropped

	all      floor
	hosts    table[floor]
	keys     table[floor]
	prefixes trie
	tags     tagTable
	seed     maphash.Seed

	mu   sync.Mutex        // one Raise or Reclaim at a time
	held map[*tag]struct{} // guarded by mu: tag floors raised and not yet reclaimed
	past history           // guarded by mu
}

const (
	historyRaises = 1024
	historyBytes  = 1 << 20
)

// NewMarks returns Marks at epoch 0, with nothing raised.
func NewMarks() *Marks {
	seed := maphash.MakeSeed()
	return &Marks{
		seed: seed,
		tags: tagTable{seed: seed},
		held: make(map[*tag]struct{}),
		past: history{maxRaises: historyRaises, maxBytes: historyBytes},
	}
}

// Epoch is the epoch of the last purge applied. Read it before a fetch begins
// and give it to Stamp with what the fetch brought; a 304 takes that of its own
// request.
func (m *Marks) Epoch() Epoch { return Epoch(m.epoch.Load()) }

// Raise applies a purge and returns its epoch: from then on no copy that sel
// selects is Valid unless its fetch began at that epoch or later. The selector
// must be valid (cachekey.Selector.Validate); an empty one raises nothing.
func (m *Marks) Raise(sel cachekey.Selector, mode Mode) Epoch {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.Epoch() + 1
	switch {
	case sel.All:
		m.all.raise(mode, e)
		m.raised[classAll].Store(uint64(e))
	case len(sel.Tags) > 0:
		m.raiseTags(mode, e, sel.Tags...)
	case sel.Segment != "":
		m.raiseTags(mode, e, segmentTag+sel.Segment)
	case sel.Host != "":
		m.hosts.put(m.seed, sel.Host).raise(mode, e)
		m.raised[classHost].Store(uint64(e))
	case len(sel.Keys) > 0:
		for _, key := range sel.Keys {
			m.keys.put(m.seed, key).raise(mode, e)
		}
		m.raised[classKey].Store(uint64(e))
	case sel.Prefix != "":
		m.prefixes.put(m.seed, sel.Prefix).raise(mode, e)
		m.raised[classPrefix].Store(uint64(e))
	default:
		return m.Epoch()
	}
	m.past.add(e, sel)
	m.epoch.Store(uint64(e))
	return e
}

// segmentTag begins the tag that stands for a segment: artifacts imply theirs,
// other responses carry it if their origin says so.
const segmentTag = "segment:"

func (m *Marks) raiseTags(mode Mode, e Epoch, tags ...string) {
	for _, name := range tags {
		f, _ := m.tags.intern(name)
		f.raise(mode, e)
		m.held[f] = struct{}{}
	}
	m.raised[classTag].Store(uint64(e))
}

// KeyState judges a key by its own marks: all, its key, prefixes and host, and
// the tags that it implies, its segment's among them. It answers whether a request may join
// a flight that began at born, whose response and tags nobody knows yet: only
// if Valid. Where reclaiming has dropped a floor above born it says Hard.
func (m *Marks) KeyState(k cachekey.Key, born Epoch) State {
	return m.judgeKey(k, k.AppendTags, born)
}

// RaisedBetween reports whether a purge with an epoch in (after, upTo] selects
// a response with these tags, the implied ones included. At hand-out of a flight
// that began at after, upTo is the epoch at which the waiter joined (SEMANTICS
// §6). The answer is exact for the last 1,024 purges; before those it is true
// where any later purge selects the response, too.
func (m *Marks) RaisedBetween(k cachekey.Key, tags []string, after, upTo Epoch) bool {
	if upTo <= after {
		return false
	}
	m.mu.Lock()
	hit, known := m.past.matched(cachekey.Subject{Key: &k, Tags: tags}, after, upTo)
	m.mu.Unlock()
	if hit || known {
		return hit
	}
	listed := func(dst []string) []string { return append(k.AppendTags(dst), tags...) }
	return m.judgeKey(k, listed, after) != Valid
}

// judgeKey judges a key with the tags that appendTags lists.
func (m *Marks) judgeKey(k cachekey.Key, appendTags func([]string) []string, born Epoch) State {
	var floors []*tag
	if Epoch(m.raised[classTag].Load()) > born {
		var buf [8]string
		for _, name := range appendTags(buf[:0]) {
			if f := m.tags.lookup(name); f != nil {
				floors = append(floors, f)
			}
		}
	}
	state := m.judge(placeOf(k.Text, k.IsArtifact()), floors, born, born)
	if born < Epoch(m.reclaimed.Load()) {
		return Hard
	}
	return state
}

// judge returns the worst that the floors say of a copy born at born, looking
// only at the classes raised after since.
func (m *Marks) judge(p place, tags []*tag, born, since Epoch) State {
	fresh := func(c class) bool { return Epoch(m.raised[c].Load()) > since }
	worst := Valid
	if fresh(classAll) {
		worst = m.all.over(born)
	}
	if fresh(classTag) {
		for _, f := range tags {
			worst = max(worst, f.over(born))
		}
	}
	if fresh(classHost) && !p.artifact {
		worst = max(worst, m.named(&m.hosts, p.host, born))
	}
	if fresh(classKey) {
		worst = max(worst, m.named(&m.keys, p.text, born))
		if p.artifact && len(p.path) < len(p.text) {
			worst = max(worst, m.named(&m.keys, p.path, born))
		}
	}
	if fresh(classPrefix) {
		worst = max(worst, m.prefixes.over(m.seed, p.path, born))
	}
	return worst
}

func (m *Marks) named(t *table[floor], name string, born Epoch) State {
	if f := t.get(m.seed, name); f != nil {
		return f.over(born)
	}
	return Valid
}
