package pairs

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestMedian(t *testing.T) {
	require.Zero(t, Median(nil))
	require.InDelta(t, 2, Median([]float64{3, 1, 2}), 0)
	sample := []float64{4, 1, 3, 2}
	require.InDelta(t, 2.5, Median(sample), 0)
	require.Equal(t, []float64{4, 1, 3, 2}, sample, "the sample is not the function's to sort")
}

func TestIntervalLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sample := rapid.SliceOfN(rapid.Float64Range(0.1, 10), 1, 12).Draw(t, "sample")
		seed := rapid.Uint64().Draw(t, "seed")
		low, high := Interval(sample, seed)
		again, _ := Interval(sample, seed)
		require.InDelta(t, low, again, 0)
		require.LessOrEqual(t, low, Median(sample))
		require.GreaterOrEqual(t, high, Median(sample))
	})
	low, high := Interval([]float64{1, 1, 1}, 1)
	require.Equal(t, []float64{1, 1}, []float64{low, high})
	low, high = Interval(nil, 1)
	require.Equal(t, []float64{0, 0}, []float64{low, high})
}

// The interval covers the true median about as often as it says.
func TestIntervalCovers(t *testing.T) {
	covered := 0
	for i := range 60 {
		sample := make([]float64, 15)
		for j := range sample {
			sample[j] = float64((i*7919+j*104729+j*j*31)%1000) / 1000 // a scrambled grid on [0, 1)
		}
		low, high := Interval(sample, uint64(i))
		if low <= 0.5 && 0.5 <= high {
			covered++
		}
	}
	require.GreaterOrEqual(t, covered, 48)
}
