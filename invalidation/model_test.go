package invalidation

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/letteros/letteredge/cachekey"
)

// A small world, so that random selectors and subjects meet often.
var (
	worldTags   = []string{"a", "b", "c", "segment:b2b", "segment:b2c", "cta:trial", "kind:proof"}
	worldTexts  = worldKeys()
	worldPrefix = []string{"/", "/v1/segments/", "/v1/segments/b2b/", "/v1/segments/b2b/ctas/trial/", "x.example/", "x.example/a/", "x.example/a/b/", "y.example:81/a/"}
)

func worldKeys() []string {
	var texts []string
	for _, segment := range []string{"b2b", "b2c"} {
		for _, cta := range []string{"trial", "demo"} {
			path := "/v1/segments/" + segment + "/ctas/" + cta
			texts = append(texts, path, path+"?lang=ja", path+"/proofs/p1", path+"/summary?lang=en")
		}
		texts = append(texts, "/v1/segments/"+segment+"/campaigns/spring")
	}
	for _, host := range []string{"x.example", "y.example:81"} {
		texts = append(texts, host+"/", host+"/a", host+"/a/", host+"/a/b?q=/1", host+"/a/b/c", "POST "+host+"/a/b/c")
	}
	return texts
}

func mustKey(t require.TestingT, text string) cachekey.Key {
	k, err := cachekey.ParseText(text)
	require.NoError(t, err, text)
	return k
}

func genSelector(t *rapid.T) cachekey.Selector {
	var sel cachekey.Selector
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0:
		sel.All = true
	case 1, 2, 3:
		sel.Tags = rapid.SliceOfNDistinct(rapid.SampledFrom(worldTags), 1, 3, rapid.ID).Draw(t, "tags")
	case 4:
		sel.Segment = rapid.SampledFrom([]string{"b2b", "b2c"}).Draw(t, "segment")
	case 5:
		sel.Host = rapid.SampledFrom([]string{"x.example", "y.example:81"}).Draw(t, "host")
	case 6, 7:
		sel.Keys = rapid.SliceOfNDistinct(rapid.SampledFrom(worldTexts), 1, 3, rapid.ID).Draw(t, "keys")
	default:
		sel.Prefix = rapid.SampledFrom(worldPrefix).Draw(t, "prefix")
	}
	sel, err := sel.Canonical()
	require.NoError(t, err)
	return sel
}

// world is Marks beside a naive list of what was raised.
type world struct {
	marks  *Marks
	raises []struct {
		epoch Epoch
		sel   cachekey.Selector
		mode  Mode
	}
	copies  []copied
	flights []Epoch
}

type copied struct {
	stamp *Stamp
	key   cachekey.Key
	tags  []string
	last  State
}

func (w *world) state(k cachekey.Key, tags []string, after, upTo Epoch) State {
	worst := Valid
	for _, r := range w.raises {
		if r.epoch <= after || r.epoch > upTo || !r.sel.Matches(cachekey.Subject{Key: &k, Tags: tags}) {
			continue
		}
		if r.mode == ModeHard {
			return Hard
		}
		worst = Soft
	}
	return worst
}

func (w *world) genKey(t *rapid.T) (cachekey.Key, []string) {
	k := mustKey(t, rapid.SampledFrom(worldTexts).Draw(t, "key"))
	tags := rapid.SliceOfNDistinct(rapid.SampledFrom(worldTags), 0, 3, rapid.ID).Draw(t, "tags")
	return k, tags
}

func (w *world) born(t *rapid.T) Epoch {
	if len(w.flights) > 0 && rapid.Bool().Draw(t, "of a flight") {
		return rapid.SampledFrom(w.flights).Draw(t, "flight")
	}
	return Epoch(rapid.Uint64Range(0, uint64(w.marks.Epoch())).Draw(t, "born"))
}

// oldest is what a cache that forgets nothing gives to Reclaim.
func (w *world) oldest() Epoch {
	least := w.marks.Epoch()
	for _, c := range w.copies {
		c.stamp.State()
		least = min(least, c.stamp.Checked())
	}
	for _, f := range w.flights {
		least = min(least, f)
	}
	return least
}

func TestMarksAgreeWithAListOfPurges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{marks: NewMarks()}
		w.marks.past.maxRaises = rapid.IntRange(1, 40).Draw(t, "history")
		careless := rapid.Bool().Draw(t, "careless reclaim")
		end := ^Epoch(0)
		t.Repeat(map[string]func(*rapid.T){
			"raise": func(t *rapid.T) {
				sel, mode := genSelector(t), Mode(rapid.IntRange(0, 1).Draw(t, "mode"))
				before := w.marks.Epoch()
				e := w.marks.Raise(sel, mode)
				require.Equal(t, before+1, e)
				w.raises = append(w.raises, struct {
					epoch Epoch
					sel   cachekey.Selector
					mode  Mode
				}{e, sel, mode})
			},
			"begin flight": func(*rapid.T) { w.flights = append(w.flights, w.marks.Epoch()) },
			"end flight": func(t *rapid.T) {
				if len(w.flights) > 0 {
					i := rapid.IntRange(0, len(w.flights)-1).Draw(t, "i")
					w.flights = slices.Delete(w.flights, i, i+1)
				}
			},
			"stamp": func(t *rapid.T) {
				k, tags := w.genKey(t)
				born := w.born(t)
				s, ok := w.marks.Stamp(k, tags, born)
				reclaimed := Epoch(w.marks.reclaimed.Load())
				require.Equal(t, born >= reclaimed, ok, "born %d reclaimed %d", born, reclaimed)
				if !ok {
					require.Nil(t, s)
					return
				}
				require.Equal(t, born, s.born)
				w.copies = append(w.copies, copied{stamp: s, key: k, tags: tags})
			},
			"drop copy": func(t *rapid.T) {
				if len(w.copies) > 0 {
					i := rapid.IntRange(0, len(w.copies)-1).Draw(t, "i")
					w.copies = slices.Delete(w.copies, i, i+1)
				}
			},
			"look": func(t *rapid.T) {
				for i, c := range w.copies {
					if rapid.Bool().Draw(t, fmt.Sprint("look at ", i)) {
						w.look(t, i, c)
					}
				}
			},
			"reclaim": func(t *rapid.T) {
				var least Epoch
				if careless {
					least = Epoch(rapid.Uint64Range(0, uint64(w.marks.Epoch())+1).Draw(t, "min"))
				} else {
					least = w.oldest()
				}
				before := Epoch(w.marks.reclaimed.Load())
				w.marks.Reclaim(least)
				if after := Epoch(w.marks.reclaimed.Load()); after != before {
					require.Greater(t, after, before)
					require.Less(t, after, least)
				}
			},
			"": func(t *rapid.T) {
				k, tags := w.genKey(t)
				born := w.born(t)
				truth := w.state(k, nil, born, end)
				if got := w.marks.KeyState(k, born); born < Epoch(w.marks.reclaimed.Load()) {
					require.Equal(t, Hard, got)
				} else {
					require.Equal(t, truth, got, "%s born %d", k.Text, born)
				}
				upTo := Epoch(rapid.Uint64Range(0, uint64(w.marks.Epoch())).Draw(t, "upTo"))
				hit := w.state(k, tags, born, upTo) != Valid
				got := w.marks.RaisedBetween(k, tags, born, upTo)
				switch {
				case upTo <= born:
					require.False(t, got)
				case born >= w.marks.past.gone:
					require.Equal(t, hit, got)
				default:
					later := w.state(k, tags, born, end) != Valid || born < Epoch(w.marks.reclaimed.Load())
					require.Equal(t, later, got)
					require.True(t, got || !hit)
				}
			},
		})
		for i, c := range w.copies {
			if !careless {
				w.look(t, i, c)
			}
		}
	})
}

func (w *world) look(t *rapid.T, i int, c copied) {
	truth := w.state(c.key, c.tags, c.stamp.born, ^Epoch(0))
	missed := c.stamp.Checked() < Epoch(w.marks.reclaimed.Load()) && c.stamp.Checked() < w.marks.Epoch()
	got := c.stamp.State()
	if missed || c.last == Hard {
		require.Equal(t, Hard, got)
	} else {
		require.Equal(t, truth, got, "%s %v born %d", c.key.Text, c.tags, c.stamp.born)
	}
	require.GreaterOrEqual(t, got, truth)
	require.GreaterOrEqual(t, got, c.last)
	w.copies[i].last = got
}
