package edge

import (
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// An entry behaves as a slice that its slots are put before.
func TestEntryIsAListOfItsSlots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, bytes := NewEntry("edge.test/a"), int64(0)
		var want []*Slot
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0, 1:
				s := NewSlot(NewArtifact(200, make([]byte, rapid.IntRange(0, 99).Draw(t, "body"))), nil, nil, strconv.Itoa(rapid.IntRange(0, 80).Draw(t, "variant")))
				s.Vector = rapid.SampledFrom([]string{"", "a=1"}).Draw(t, "vector")
				if len(want) > 0 && rapid.IntRange(0, 9).Draw(t, "again") == 0 {
					s = rapid.SampledFrom(want).Draw(t, "which")
				}
				delta, ok := e.Put(s)
				require.True(t, ok)
				bytes += delta
				want = slices.DeleteFunc(want, func(o *Slot) bool { return o.Vector == s.Vector && o.Variant() == s.Variant() })
				want = append([]*Slot{s}, want...)
				want = want[:min(len(want), maxSlots)]
			case 2:
				if len(want) > 0 {
					i := rapid.IntRange(0, len(want)-1).Draw(t, "which")
					delta, left := e.Remove(want[i])
					bytes += delta
					want = slices.Delete(want, i, i+1)
					require.Equal(t, len(want), left)
				}
			case 3:
				keep := rapid.IntRange(0, 80).Draw(t, "keep")
				gone := func(s *Slot) bool { return s.Variant() > strconv.Itoa(keep) }
				delta, left := e.RemoveFunc(gone)
				bytes += delta
				want = slices.DeleteFunc(want, gone)
				require.Equal(t, len(want), left)
			}
			require.True(t, slices.Equal(want, slices.Collect(e.Slots())))
		}
		require.Equal(t, bytes, e.Kill())
		_, ok := e.Put(NewSlot(NewArtifact(200, nil), nil, nil, ""))
		require.False(t, ok)
	})
}
