package spread

import (
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/letteros/letteredge/gossip"
)

// IsolatedAfter is how long a node without a watermark of a majority of the
// voters counts as up to date (SEMANTICS §6).
const IsolatedAfter = 5 * time.Second

// watermarks is what voters have said of late, and when they were asked.
type watermarks struct {
	voters []string
	// counted is when the probe was sent that the last watermark of a voter
	// answered which names nothing that is missing here.
	counted map[string]time.Time
	// waiting are watermarks that name something this node lacks still.
	waiting map[string][]watermark
	probes  map[string]map[uint64]time.Time // by voter and nonce: when sent

	base time.Time
	// until is, in ns since base, how long the node is not isolated. It is read by
	// requests, without a lock.
	until atomic.Int64
	// since is, in ns since base, from when on it has not been isolated. It is
	// written before until.
	since atomic.Int64
	ready atomic.Bool
}

type watermark struct {
	asked   time.Time
	applied gossip.Vector
	index   uint64
}

// maxWaiting bounds the watermarks of one voter that wait, and its probes under
// way: at two a second, those of the last ones that could still count.
const maxWaiting = 12

func newWatermarks(voters []string, now time.Time) *watermarks {
	w := &watermarks{
		voters: voters, base: now, counted: map[string]time.Time{}, waiting: map[string][]watermark{},
		probes: map[string]map[uint64]time.Time{},
	}
	w.until.Store(-1)
	return w
}

// asked notes a probe.
func (w *watermarks) asked(voter string, nonce uint64, now time.Time) {
	if w.probes[voter] == nil {
		w.probes[voter] = map[uint64]time.Time{}
	}
	for n, at := range w.probes[voter] {
		if now.Sub(at) > IsolatedAfter {
			delete(w.probes[voter], n)
		}
	}
	if len(w.probes[voter]) < maxWaiting {
		w.probes[voter][nonce] = now
	}
}

// answered takes in a report that echoes a probe.
func (w *watermarks) answered(voter string, nonce uint64, r *Report) {
	at, ok := w.probes[voter][nonce]
	if !ok {
		return // never asked, too late, or answered already
	}
	delete(w.probes[voter], nonce)
	list := append(w.waiting[voter], watermark{at, r.Applied, r.Index})
	if len(list) > maxWaiting {
		list = list[1:]
	}
	w.waiting[voter] = list
}

// settle counts the watermarks that name nothing any more that is missing here;
// need is the index that makes one count for readiness.
func (w *watermarks) settle(now time.Time, has gossip.Vector, index, need uint64) {
	fit := 0
	for voter, list := range w.waiting {
		kept := list[:0]
		for _, m := range list {
			if !has.CoversAll(m.applied) || m.index > index || m.index < need || need == 0 {
				kept = append(kept, m)
				continue
			}
			if m.asked.After(w.counted[voter]) {
				w.counted[voter] = m.asked
			}
		}
		w.waiting[voter] = kept
	}
	at := make([]time.Time, 0, len(w.counted))
	for _, t := range w.counted {
		at = append(at, t)
		fit++
	}
	majority := len(w.voters)/2 + 1
	if fit < majority {
		return
	}
	slices.SortFunc(at, func(a, b time.Time) int { return b.Compare(a) })
	until := int64(at[majority-1].Add(IsolatedAfter).Sub(w.base))
	if present := int64(now.Sub(w.base)); present > w.until.Load() && present <= until {
		w.since.Store(present)
	}
	w.until.Store(until)
	w.ready.Store(true)
}

// isolated reports whether the node may have missed something. HOT.
func (w *watermarks) isolated(now time.Time) bool { return int64(now.Sub(w.base)) > w.until.Load() }

// held reports whether the node is not isolated, and for how long it has not been;
// if it is, for how long it has been.
// HOT.
func (w *watermarks) held(now time.Time) (time.Duration, bool) {
	at, until := int64(now.Sub(w.base)), w.until.Load()
	switch {
	case until < 0:
		return math.MaxInt64, false
	case at > until:
		return time.Duration(at - until), false
	}
	return time.Duration(max(0, at-w.since.Load())), true
}

// age is how long ago the node was known to have everything. HOT.
func (w *watermarks) age(now time.Time) time.Duration {
	return max(0, now.Sub(w.base)-time.Duration(w.until.Load())+IsolatedAfter)
}
