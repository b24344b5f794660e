package invalidation

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/letteros/letteredge/cachekey"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a Journal that a test can make fail, or look into.
type memory struct {
	appending func(Record) error // before a record is taken

	mu      sync.Mutex
	recs    []Record
	settled int
}

func (j *memory) Append(rec Record) error {
	if j.appending != nil {
		if err := j.appending(rec); err != nil {
			return err
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.recs = append(j.recs, rec)
	return nil
}

func (j *memory) Replay(yield func(Record) error) error {
	for _, rec := range j.recs {
		if err := yield(rec); err != nil {
			return err
		}
	}
	return nil
}

func (j *memory) Settle(recs []Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.settled++
	for _, rec := range recs {
		if i := slices.IndexFunc(j.recs, func(r Record) bool { return r.Dot == rec.Dot }); i >= 0 {
			j.recs[i] = rec
		}
	}
	return nil
}

// shelf is an Index over a few stamped copies.
type shelf struct {
	mu     sync.Mutex
	copies []copied
	walks  int
}

func (s *shelf) put(t testing.TB, m *Marks, text string, tags ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.copies = append(s.copies, copied{stamp: stamp(t, m, text, tags...), key: mustKey(t, text), tags: tags})
}

func (s *shelf) Count(sel cachekey.Selector) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.walks++
	n := 0
	for _, c := range s.copies {
		if c.stamp.State() != Hard && sel.Matches(cachekey.Subject{Key: &c.key, Tags: c.tags}) {
			n++
		}
	}
	return n
}

func (s *shelf) Sweep(sel cachekey.Selector) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.walks++
	before := len(s.copies)
	s.copies = slices.DeleteFunc(s.copies, func(c copied) bool {
		return c.stamp.State() == Hard && sel.Matches(cachekey.Subject{Key: &c.key, Tags: c.tags})
	})
	return before - len(s.copies)
}

// bulk is a shelf that serves many purges in one walk.
type bulk struct{ shelf }

func (b *bulk) SweepAll(sels []cachekey.Selector) []int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.walks++
	counts := make([]int, len(sels))
	b.copies = slices.DeleteFunc(b.copies, func(c copied) bool {
		gone := false
		for i, sel := range sels {
			if c.stamp.State() == Hard && sel.Matches(cachekey.Subject{Key: &c.key, Tags: c.tags}) {
				counts[i]++
				gone = true
			}
		}
		return gone
	})
	return counts
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func config() Config { return Config{Node: "tokyo-1", Region: "tokyo", Incarnation: 7} }

func newEngine(t testing.TB, cfg Config, m *Marks, j Journal, i Index) *Engine {
	t.Helper()
	e, err := NewEngine(cfg, m, j, i)
	require.NoError(t, err)
	return e
}

func tagged(tags ...string) cachekey.Selector { return cachekey.Selector{Tags: tags} }
