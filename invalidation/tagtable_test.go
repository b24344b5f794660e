package invalidation

import (
	"fmt"
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
)

func TestTagsLiveAsLongAsWhatCarriesThem(t *testing.T) {
	m := NewMarks()
	keep := stamp(t, m, trial, "doc:kept")
	for i := range 5000 {
		stamp(t, m, trial, fmt.Sprint("invented-", i)) // dropped at once
	}
	m.Raise(cachekey.Selector{Tags: []string{"doc:purged"}}, ModeHard)
	runtime.GC()
	left := m.tags.sweep()
	require.Less(t, left, 100)
	require.NotNil(t, m.tags.lookup("doc:kept"))
	require.NotNil(t, m.tags.lookup("doc:purged"), "the floor of a purge must outlive its copies")
	m.Raise(cachekey.Selector{Tags: []string{"doc:kept"}}, ModeHard)
	require.Equal(t, Hard, keep.State())

	m.Reclaim(m.Epoch() + 1)
	runtime.GC()
	m.tags.sweep()
	require.Nil(t, m.tags.lookup("doc:purged"))
	runtime.KeepAlive(keep)
}

func TestAnOriginsTagsDoNotPileUp(t *testing.T) {
	m := NewMarks()
	for i := range 60 {
		for j := range 1000 {
			stamp(t, m, trial, fmt.Sprint("invented-", i, "-", j))
		}
		runtime.GC()
	}
	names := 0
	for i := range m.tags.shards {
		names += len(m.tags.shards[i].floors)
	}
	require.Less(t, names, 3*tagShards*minSweep, "of 60,000 tags, without a Reclaim")
}

func TestATagKeepsNoBufferAlive(t *testing.T) {
	m := NewMarks()
	buffer := []byte("doc:pricing")
	f, _ := m.tags.intern(unsafe.String(&buffer[0], len(buffer)))
	buffer[0] = 'X'
	require.Same(t, f, m.tags.lookup("doc:pricing"))
}
