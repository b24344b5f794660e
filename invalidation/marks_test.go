package invalidation

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
)

const trial = "/v1/segments/b2b/ctas/trial"

func stamp(t testing.TB, m *Marks, text string, tags ...string) *Stamp {
	t.Helper()
	s, ok := m.Stamp(mustKey(t, text), tags, m.Epoch())
	require.True(t, ok)
	return s
}

func TestSelectorsHitWhatTheyName(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		tags       []string
		sel        cachekey.Selector
		hit        bool
	}{
		{"all", trial, nil, cachekey.Selector{All: true}, true},
		{"tag", trial, []string{"doc:pricing"}, cachekey.Selector{Tags: []string{"x", "doc:pricing"}}, true},
		{"other tag", trial, []string{"doc:pricing"}, cachekey.Selector{Tags: []string{"doc:price"}}, false},
		{"implied tag", trial, nil, cachekey.Selector{Tags: []string{"cta:trial"}}, true},
		{"segment", trial, nil, cachekey.Selector{Segment: "b2b"}, true},
		{"other segment", trial, nil, cachekey.Selector{Segment: "b2c"}, false},
		{"segment by tag", "h.example/x", []string{"segment:b2b"}, cachekey.Selector{Segment: "b2b"}, true},
		{"host", "h.example/x", nil, cachekey.Selector{Host: "h.example"}, true},
		{"host and port", "h.example:81/x", nil, cachekey.Selector{Host: "h.example"}, false},
		{"host of an artifact", trial, nil, cachekey.Selector{Host: "h.example"}, false},
		{"path, all languages", trial + "?lang=ja", nil, cachekey.Selector{Keys: []string{trial}}, true},
		{"one language", trial + "?lang=ja", nil, cachekey.Selector{Keys: []string{trial + "?lang=en"}}, false},
		{"key", "h.example/x?q=1", nil, cachekey.Selector{Keys: []string{"h.example/x?q=1"}}, true},
		{"key without its query", "h.example/x?q=1", nil, cachekey.Selector{Keys: []string{"h.example/x"}}, false},
		{"prefix", "h.example/img/a/b", nil, cachekey.Selector{Prefix: "h.example/img/"}, true},
		{"prefix of a host", "h.example/img", nil, cachekey.Selector{Prefix: "h.example/"}, true},
		{"prefix is no substring", "h.example/images/a", nil, cachekey.Selector{Prefix: "h.example/img/"}, false},
		{"prefix, other method", "POST h.example/img/a", nil, cachekey.Selector{Prefix: "h.example/img/"}, true},
		{"slash in a query", "h.example/x?q=/img/", nil, cachekey.Selector{Prefix: "h.example/x?q=/"}, false},
		{"prefix of artifacts", trial, nil, cachekey.Selector{Prefix: "/v1/segments/b2b/"}, true},
		{"prefix of other artifacts", trial, nil, cachekey.Selector{Prefix: "/v1/segments/b2/"}, false},
	} {
		for _, mode := range []Mode{ModeHard, ModeSoft} {
			m := NewMarks()
			s := stamp(t, m, tc.text, tc.tags...)
			require.Equal(t, Valid, s.State(), tc.name)
			m.Raise(tc.sel, mode)
			want := Valid
			if tc.hit {
				want = map[Mode]State{ModeHard: Hard, ModeSoft: Soft}[mode]
			}
			require.Equal(t, want, s.State(), tc.name)
			require.Equal(t, Valid, stamp(t, m, tc.text, tc.tags...).State(), "%s: refilled", tc.name)
		}
	}
}

func TestAFillThatAPurgeOvertookIsNeverValid(t *testing.T) {
	m := NewMarks()
	born := m.Epoch()
	m.Raise(cachekey.Selector{Tags: []string{"doc:pricing"}}, ModeHard)
	s, ok := m.Stamp(mustKey(t, trial), []string{"doc:pricing"}, born)
	require.True(t, ok)
	require.Equal(t, Hard, s.State())
}

func TestAFrozenFillIsRefused(t *testing.T) {
	m := NewMarks()
	born := m.Epoch()
	m.Raise(cachekey.Selector{Tags: []string{"doc:pricing"}}, ModeHard)
	m.Raise(cachekey.Selector{Host: "h.example"}, ModeHard)
	m.Reclaim(m.Epoch())
	require.Empty(t, m.held)
	_, ok := m.Stamp(mustKey(t, trial), []string{"doc:pricing"}, born)
	require.False(t, ok, "nobody can tell any more what was purged since")
	require.Equal(t, Hard, m.KeyState(mustKey(t, trial), born))
	_, ok = m.Stamp(mustKey(t, trial), nil, m.Epoch()+1)
	require.False(t, ok, "an epoch that has not been yet")
}

func TestReclaimIsNotHeldUpByOldCopies(t *testing.T) {
	m := NewMarks()
	old := stamp(t, m, trial)
	for i := range 100 {
		m.Raise(cachekey.Selector{Keys: []string{fmt.Sprint("h.example/", i)}}, ModeHard)
		m.Raise(cachekey.Selector{Prefix: fmt.Sprint("h.example/", i, "/")}, ModeHard)
	}
	require.Equal(t, Valid, old.State())
	require.Equal(t, m.Epoch(), old.Checked())
	m.Reclaim(old.Checked())
	require.Nil(t, m.keys.slots.Load())
	require.Equal(t, 1, m.prefixes.root.kids.used, "one floor is not below the minimum")
	require.Equal(t, Valid, old.State())
	m.Raise(cachekey.Selector{Segment: "b2b"}, ModeHard)
	require.Equal(t, Hard, old.State())
	m.Raise(cachekey.Selector{Host: "h.example"}, ModeHard)
	require.Equal(t, Hard, old.State())
	require.Equal(t, m.Epoch(), old.Checked(), "nor by purged ones")
}

// Readers, fills, purges and reclaims at once. Each fill notes what the number
// of its document was when its fetch began; a purge raises that number first. A
// copy that is Valid after a purge returned must have the number of that purge.
func TestConcurrentFillsNeverServeWhatWasPurged(t *testing.T) {
	const docs, fills, rounds = 4, 2, 500
	m := NewMarks()
	var version [docs]atomic.Int64 // at the origin
	var purged [docs]atomic.Int64  // versions below are purged, and Raise has returned
	type fill struct {
		stamp   *Stamp
		version int64
	}
	var cache [docs]atomic.Pointer[fill]
	sels := [docs]cachekey.Selector{
		{Tags: []string{"doc:d0"}}, {Keys: []string{"h.example/d1"}}, {Prefix: "h.example/d2/"}, {Segment: "d3"},
	}
	keys := [docs]cachekey.Key{
		mustKey(t, "h.example/d0"), mustKey(t, "h.example/d1"), mustKey(t, "h.example/d2/x"), mustKey(t, "/v1/segments/d3/ctas/x"),
	}
	var flights [fills]atomic.Uint64 // epochs, as the cache would know them
	for i := range flights {
		flights[i].Store(^uint64(0))
	}
	var wg sync.WaitGroup
	var done atomic.Bool
	for f := range fills {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(f)))
			for !done.Load() {
				d := rnd.IntN(docs)
				born := m.Epoch()
				if rnd.IntN(4) > 0 { // some flights are forgotten by the cache
					flights[f].Store(uint64(born))
				}
				v := version[d].Load()
				if s, ok := m.Stamp(keys[d], []string{fmt.Sprint("doc:d", d)}, born); ok {
					cache[d].Store(&fill{s, v})
				}
				flights[f].Store(^uint64(0))
			}
		})
	}
	var served atomic.Int64
	for range 2 {
		wg.Go(func() {
			for i := 0; !done.Load(); i++ {
				d := i % docs
				least := purged[d].Load()
				if c := cache[d].Load(); c != nil && c.stamp.State() == Valid {
					served.Add(1)
					if c.version < least {
						t.Errorf("document %d: version %d was served after the purge of all below %d", d, c.version, least)
						return
					}
				}
			}
		})
	}
	for i := range rounds {
		if i%10 == 0 { // let readers have their say between purges
			for was := served.Load(); served.Load() == was && !t.Failed(); {
				runtime.Gosched()
			}
		}
		d := i % docs
		v := version[d].Add(1)
		m.Raise(sels[d], ModeHard)
		purged[d].Store(v)
		if i%20 == 0 {
			least := uint64(m.Epoch())
			for f := range flights {
				least = min(least, flights[f].Load())
			}
			for d := range cache {
				if c := cache[d].Load(); c != nil && c.stamp.State() != Hard {
					least = min(least, uint64(c.stamp.Checked()))
				}
			}
			m.Reclaim(Epoch(least))
		}
	}
	done.Store(true)
	wg.Wait()
}

func TestNamesAreTextBothWays(t *testing.T) {
	for _, mode := range []Mode{ModeHard, ModeSoft} {
		text, err := mode.MarshalText()
		require.NoError(t, err)
		var back Mode
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, mode, back)
	}
	_, err := Mode(7).MarshalText()
	require.Error(t, err)
	_, err = ParseMode("gentle")
	require.ErrorContains(t, err, `mode: "gentle" is unknown: use hard or soft`)
	require.Equal(t, "valid soft hard state(9)", fmt.Sprint(Valid, " ", Soft, " ", Hard, " ", State(9)))
}
