package edge

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAllocatedIsNearTheRuntimesClasses(t *testing.T) {
	for _, n := range []int{1, 8, 9, 24, 33, 100, 239, 1000, 1025, 5000, 20000, 32 << 10, 33 << 10, 100_000} {
		got, want := allocated(n), int64(cap(append([]byte(nil), make([]byte, n)...)))
		require.InEpsilon(t, want, got, 0.13, "%d bytes", n)
	}
	require.Zero(t, allocated(0))
}

// What has been made of an artifact since it was stored is told in its size once it
// has been counted, so that what a slot adds to its entry is what it takes away.
func TestFormsAreCountedWhereTheyAreStored(t *testing.T) {
	e := NewEntry("edge.test/a")
	s := NewSlot(NewArtifact(200, []byte("x"), Field{"Etag", `"x"`}), nil, nil, "")
	bytes, ok := e.Put(s)
	require.True(t, ok)
	require.False(t, s.Art.uncounted())
	encode := func(*Artifact) []byte { return make([]byte, 500) }
	s.Art.Form(H2, encode)
	s.Art.Form(H2, encode)
	require.True(t, s.Art.uncounted())
	require.Equal(t, bytes, s.Size())
	delta, ok := e.Grow(s, s.Art.count)
	require.True(t, ok)
	require.Greater(t, delta, int64(500))
	require.False(t, s.Art.uncounted())
	require.Equal(t, bytes+delta, e.Kill())
	_, ok = e.Grow(s, func() { t.Error("it is not there any more") })
	require.False(t, ok)
}
