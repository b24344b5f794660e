package invalidation

import (
	"fmt"
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTableKeepsValuesInPlace(t *testing.T) {
	seed, tab := maphash.MakeSeed(), table[floor]{}
	require.Nil(t, tab.get(seed, "x"))
	require.Zero(t, tab.keep(func(*floor) bool { return true }))
	at := map[int]*floor{}
	for i := range 1000 {
		at[i] = tab.put(seed, fmt.Sprint(i))
		at[i].raise(ModeHard, Epoch(i))
	}
	for i, f := range at {
		require.Same(t, f, tab.get(seed, fmt.Sprint(i)))
		require.Same(t, f, tab.put(seed, fmt.Sprint(i)))
	}
	require.Equal(t, 10, tab.keep(func(f *floor) bool { return f.top() >= 990 }))
	require.Nil(t, tab.get(seed, "989"))
	require.Same(t, at[990], tab.get(seed, "990"))
	require.Len(t, *tab.slots.Load(), 16)
	require.Zero(t, tab.keep(func(*floor) bool { return false }))
	require.Nil(t, tab.get(seed, "990"))
}

func TestTableReadersBesideAWriter(t *testing.T) {
	seed, tab := maphash.MakeSeed(), table[floor]{}
	var published atomic.Int64
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				n := published.Load()
				for i := max(0, n-8); i < n; i++ {
					f := tab.get(seed, fmt.Sprint(i))
					if f == nil && published.Load() > i+50 {
						continue // dropped meanwhile
					}
					if f == nil || f.top() != Epoch(i+1) {
						t.Errorf("%d of %d is missing", i, n)
						return
					}
				}
				if n == 5000 {
					return
				}
			}
		})
	}
	for i := range 5000 {
		tab.put(seed, fmt.Sprint(i)).raise(ModeSoft, Epoch(i+1))
		published.Store(int64(i + 1))
		if i%500 == 499 {
			tab.keep(func(f *floor) bool { return f.top() > Epoch(i-100) })
		}
	}
	wg.Wait()
}

func TestTrieDropsEmptyLevels(t *testing.T) {
	seed, tr := maphash.MakeSeed(), trie{}
	tr.put(seed, "h/a/b/c/").raise(ModeHard, 5)
	tr.put(seed, "h/a/").raise(ModeHard, 2)
	tr.put(seed, "h/x/y/").raise(ModeHard, 1)
	alive := func(least Epoch) func(*floor) bool { return func(f *floor) bool { return f.top() >= least } }
	tr.keep(alive(2))
	require.Equal(t, Valid, tr.over(seed, "h/x/y/z", 0))
	require.Equal(t, Hard, tr.over(seed, "h/a/z", 1))
	tr.keep(alive(3))
	require.Equal(t, Hard, tr.over(seed, "h/a/b/c/d", 4))
	require.NotNil(t, tr.root.kids.get(seed, "h").kids.get(seed, "a"), "leads to a floor that lives")
	tr.keep(alive(6))
	require.Nil(t, tr.root.kids.slots.Load())
}

func TestATooDeepPrefixPurgesMoreNotLess(t *testing.T) {
	seed, tr := maphash.MakeSeed(), trie{}
	deep := "h/" + strings.Repeat("a/", 40)
	tr.put(seed, deep).raise(ModeHard, 1)
	require.Equal(t, Hard, tr.over(seed, deep+"x", 0))
	require.Equal(t, Hard, tr.over(seed, "h/"+strings.Repeat("a/", 15)+"x", 0))
	require.Equal(t, Valid, tr.over(seed, "h/a/b", 0))
}
