package cache

import (
	"fmt"
	"hash/maphash"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/invalidation"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newCache(t testing.TB, maxBytes int64) *Cache {
	t.Helper()
	c, err := New(Config{MaxBytes: maxBytes})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// slot stores a body for a text, with its tags and variant.
func slot(t testing.TB, m *invalidation.Marks, text, body, variant string, tags ...string) *edge.Slot {
	t.Helper()
	key, err := cachekey.ParseText(text)
	require.NoError(t, err)
	all := append(key.AppendTags(nil), tags...)
	stamp, ok := m.Stamp(key, all, m.Epoch())
	require.True(t, ok)
	s := edge.NewSlot(edge.NewArtifact(200, []byte(body)), nil, nil, variant)
	s.Stamp = stamp
	return s
}

// newest is what was stored last under a text.
func newest(c *Cache, text string) *edge.Slot {
	if e := c.Get(text); e != nil {
		for s := range e.Slots() {
			return s
		}
	}
	return nil
}

func bodies(c *Cache, text string) []string {
	e := c.Get(text)
	if e == nil {
		return nil
	}
	var all []string
	for s := range e.Slots() {
		all = append(all, string(s.Art.Body))
	}
	return all
}

func TestPutReplacesWithinVectorAndVariant(t *testing.T) {
	c, m := newCache(t, 1<<20), invalidation.NewMarks()
	c.Put("edge.test/a", slot(t, m, "edge.test/a", "1", ""))
	c.Put("edge.test/a", slot(t, m, "edge.test/a", "2", ""))
	c.Put("edge.test/a", slot(t, m, "edge.test/a", "ja", " accept-language=ja"))
	other := slot(t, m, "edge.test/a", "candidate", "")
	other.Vector = "a=2"
	c.Put("edge.test/a", other)
	require.Equal(t, []string{"candidate", "ja", "2"}, bodies(c, "edge.test/a"))
	require.EqualValues(t, 1, c.Stats().Entries)
	require.Nil(t, c.Get("edge.test/b"))
}

// What was Put is found at once: ristretto's delays must not show.
func TestPutIsVisibleAtOnce(t *testing.T) {
	c, m := newCache(t, 64<<20), invalidation.NewMarks()
	for i := range 5000 {
		text := fmt.Sprintf("edge.test/%d", i)
		c.Put(text, slot(t, m, text, "first", ""))
		require.Equal(t, []string{"first"}, bodies(c, text))
		c.Put(text, slot(t, m, text, "second", ""))
		require.Equal(t, []string{"second"}, bodies(c, text), "the later Put wins")
	}
}

func TestSweepAndCountAgree(t *testing.T) {
	c, m := newCache(t, 64<<20), invalidation.NewMarks()
	for i := range 100 {
		text := fmt.Sprintf("/v1/segments/%s/ctas/c%d", []string{"b2b", "b2c"}[i%2], i)
		c.Put(text, slot(t, m, text, "x", "", fmt.Sprintf("doc:d%d", i%10)))
	}
	c.Put("edge.test/a/b", slot(t, m, "edge.test/a/b", "x", ""))
	for sel, want := range map[string]int{
		"segment=b2b": 50, "tags=doc:d3": 10, "prefix=edge.test/a/": 1, "host=edge.test": 1,
		"keys=/v1/segments/b2b/ctas/c0": 1, "tags=doc:none": 0, "all": 101,
	} {
		s, err := cachekey.ParseSelector(sel)
		require.NoError(t, err, sel)
		require.Equal(t, want, c.Count(s), sel)
	}
	tag := cachekey.Selector{Tags: []string{"doc:d3"}}
	require.Zero(t, c.Sweep(tag), "nothing is purged yet")
	m.Raise(tag, invalidation.ModeHard)
	require.Zero(t, c.Count(tag), "what is purged no longer counts")
	c.Put("/v1/segments/b2c/ctas/c3", slot(t, m, "/v1/segments/b2c/ctas/c3", "new", "", "doc:d3"))
	require.Equal(t, 9, c.Sweep(tag), "what was stored since stays")
	require.Equal(t, []string{"new"}, bodies(c, "/v1/segments/b2c/ctas/c3"))
	require.EqualValues(t, 92, c.Stats().Entries)
}

func TestBytesStayAtTheBound(t *testing.T) {
	const bound = 1 << 20
	c, m := newCache(t, bound), invalidation.NewMarks()
	body := make([]byte, 4<<10)
	for i := range 5000 {
		text := fmt.Sprintf("edge.test/%d", i)
		s := slot(t, m, text, "", "")
		s.Art.Body = body
		c.Put(text, s)
		require.LessOrEqual(t, c.Stats().Bytes, int64(bound))
	}
	// An entry that grows is bounded too, though the advisor is not told again.
	for i := range 500 {
		s := slot(t, m, "edge.test/grows", "", fmt.Sprintf(" x=%d", i))
		s.Art.Body = body
		c.Put("edge.test/grows", s)
		require.LessOrEqual(t, c.Stats().Bytes, int64(bound))
	}
	require.Positive(t, c.Stats().Evicted)
	require.Positive(t, c.Stats().Entries)
}

func TestBytesAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, err := New(Config{MaxBytes: 1 << 30})
		require.NoError(t, err)
		defer c.Close()
		m := invalidation.NewMarks()
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			text := rapid.SampledFrom([]string{"edge.test/a", "edge.test/b", "edge.test/c"}).Draw(t, "text")
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0, 1:
				key, _ := cachekey.ParseText(text)
				stamp, _ := m.Stamp(key, nil, m.Epoch())
				s := edge.NewSlot(edge.NewArtifact(200, make([]byte, rapid.IntRange(0, 999).Draw(t, "size"))), nil, nil,
					rapid.SampledFrom([]string{"", " x=1", " x=2"}).Draw(t, "variant"))
				s.Stamp = stamp
				c.Put(text, s)
			case 2:
				if s := newest(c, text); s != nil {
					c.Remove(text, s)
				}
			case 3:
				sel := cachekey.Selector{Keys: []string{text}}
				m.Raise(sel, invalidation.ModeHard)
				c.Sweep(sel)
			}
		}
		var bytes, entries int64
		c.index.each(func(_ uint64, e *edge.Entry) bool {
			entries++
			bytes += entryCost(e.Text())
			for s := range e.Slots() {
				bytes += s.Size()
			}
			return true
		})
		require.Equal(t, bytes, c.Stats().Bytes)
		require.Equal(t, entries, c.Stats().Entries)
	})
}

// The hash is an index, never the identity: entries under one hash are told
// apart by their text.
func TestCollidingHashesAreToldApart(t *testing.T) {
	var ix index
	const hash = 42
	a, added := ix.getOrAdd(hash, "a")
	require.True(t, added)
	b, added := ix.getOrAdd(hash, "b")
	require.True(t, added)
	require.Same(t, a, ix.get(hash, "a"))
	require.Same(t, b, ix.get(hash, "b"))
	require.Nil(t, ix.get(hash, "c"))
	require.True(t, ix.remove(hash, a))
	require.False(t, ix.remove(hash, a))
	require.Nil(t, ix.get(hash, "a"))
	require.Same(t, b, ix.get(hash, "b"))
}

// A rejection or eviction of an entry that has been replaced takes nothing out.
func TestVerdictsNameAnEntry(t *testing.T) {
	c, m := newCache(t, 1<<20), invalidation.NewMarks()
	c.Put("edge.test/a", slot(t, m, "edge.test/a", "old", ""))
	old := c.Get("edge.test/a")
	hash := maphash.String(c.seed, "edge.test/a")
	c.unwanted(hash, old)
	require.Nil(t, c.Get("edge.test/a"))
	c.Put("edge.test/a", slot(t, m, "edge.test/a", "new", ""))
	c.unwanted(hash, old)
	require.Equal(t, []string{"new"}, bodies(c, "edge.test/a"))
}

func TestHitForMissKeepsAnEntryWithoutSlots(t *testing.T) {
	c, m := newCache(t, 1<<20), invalidation.NewMarks()
	c.Mark("edge.test/a", 1<<62)
	require.NotNil(t, c.Get("edge.test/a"))
	s := slot(t, m, "edge.test/a", "x", "")
	c.Put("edge.test/a", s)
	c.Remove("edge.test/a", s)
	require.NotNil(t, c.Get("edge.test/a"), "the mark is still there")
	c.Mark("edge.test/b", 1)
	s = slot(t, m, "edge.test/b", "x", "")
	c.Put("edge.test/b", s)
	c.Remove("edge.test/b", s)
	require.Nil(t, c.Get("edge.test/b"), "nothing is left, and the mark has ended")
}

func TestConcurrentUse(t *testing.T) {
	c, m := newCache(t, 256<<10), invalidation.NewMarks()
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 3000 {
				text := fmt.Sprintf("edge.test/%d", (i*7+g)%400)
				switch i % 5 {
				case 0:
					c.Put(text, slot(t, m, text, text, ""))
				case 1:
					if s := newest(c, text); s != nil {
						c.Remove(text, s)
					}
				default:
					for _, b := range bodies(c, text) {
						if b != text {
							panic(b + " under " + text)
						}
					}
				}
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, c.Stats().Bytes, int64(256<<10))
}

func TestGetAllocatesNothing(t *testing.T) {
	c, m := newCache(t, 1<<20), invalidation.NewMarks()
	c.Put("edge.test/a", slot(t, m, "edge.test/a", "x", ""))
	require.Zero(t, testing.AllocsPerRun(10_000, func() {
		if c.Get("edge.test/a") == nil {
			panic("gone")
		}
	}))
}

func BenchmarkGet(b *testing.B) {
	c, m := newCache(b, 64<<20), invalidation.NewMarks()
	texts := make([]string, 10_000)
	for i := range texts {
		texts[i] = fmt.Sprintf("edge.test/%d", i)
		c.Put(texts[i], slot(b, m, texts[i], "x", ""))
	}
	b.ReportAllocs()
	i := 0
	var e *edge.Entry
	for b.Loop() {
		e = c.Get(texts[i%len(texts)])
		i++
	}
	runtime.KeepAlive(e)
}
