package spread

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestMajority(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	m := newMajority([]string{"a", "b", "c"})
	known := func(index uint64) bool { _, ok := m.since(index, now); return ok }
	m.told("a", 5, now)
	m.told("x", 9, now)
	require.False(t, known(1), "one voter of three, and a node that is none")
	now = now.Add(time.Second)
	m.told("b", 3, now)
	require.True(t, known(3))
	require.False(t, known(4))
	now = now.Add(time.Second)
	m.told("c", 7, now)
	require.True(t, known(5))
	require.False(t, known(6))
	m.told("c", 1, now) // a report of a former process, late
	now = now.Add(time.Second)
	for index, want := range map[uint64]time.Duration{1: 2 * time.Second, 3: 2 * time.Second, 4: time.Second, 5: time.Second} {
		got, ok := m.since(index, now)
		require.True(t, ok)
		require.Equal(t, want, got, index)
	}
}

// However many indexes there were, what is told is never longer ago than it was.
func TestMajorityForgets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMajority([]string{"a", "b", "c"})
		now := time.Unix(1_800_000_000, 0)
		learned := map[uint64]time.Time{}
		said := map[string]uint64{}
		for range rapid.IntRange(1, 4*maxSteps).Draw(t, "reports") {
			now = now.Add(time.Millisecond)
			v := []string{"a", "b", "c"}[now.UnixMilli()%3]
			said[v] += uint64(now.UnixMilli()%5) % 3
			m.told(v, said[v], now)
			for index := uint64(len(learned) + 1); ; index++ {
				n := 0
				for _, s := range said {
					if s >= index {
						n++
					}
				}
				if n < 2 {
					break
				}
				learned[index] = now
			}
		}
		require.LessOrEqual(t, len(m.steps), maxSteps)
		for index, at := range learned {
			d, ok := m.since(index, now)
			require.True(t, ok)
			require.LessOrEqual(t, d, now.Sub(at))
		}
		_, ok := m.since(uint64(len(learned)+1), now)
		require.False(t, ok)
	})
}
