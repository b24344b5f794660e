package load

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func picks(choice Choice, seed, stream uint64, urls, n int) []int {
	p := &plan{Config: Config{Choice: choice, Seed: seed}, targets: make([]*target, urls)}
	k := p.newPicker(popularity(choice, urls, 1), stream)
	counts := make([]int, urls)
	for range n {
		counts[k.pick()]++
	}
	return counts
}

func TestChoices(t *testing.T) {
	for i, n := range picks(Uniform, 1, 0, 10, 100_000) {
		require.InDelta(t, 10_000, n, 500, "URL %d", i)
	}
	require.Equal(t, []int{4, 3, 3}, picks(Sequence, 1, 0, 3, 10))
	require.Equal(t, []int{3, 4, 3}, picks(Sequence, 1, 1, 3, 10), "streams begin at different URLs")
	require.Equal(t, []int{5}, picks(Zipf, 1, 0, 1, 5))

	harmonic := 0.0
	for i := range 100 {
		harmonic += 1 / float64(i+1)
	}
	counts := picks(Zipf, 1, 0, 100, 100_000)
	for _, i := range []int{0, 1, 9} {
		want := 100_000 / harmonic / float64(i+1)
		require.InEpsilon(t, want, counts[i], 0.1, "URL %d", i)
	}
	require.Equal(t, counts, picks(Zipf, 1, 0, 100, 100_000), "equal seeds draw equal sequences")
	require.NotEqual(t, counts, picks(Zipf, 2, 0, 100, 100_000))
}
