package pairs

import (
	"math/rand/v2"
	"slices"
)

// Median returns the middle of a sample, 0 of an empty one.
func Median(sample []float64) float64 {
	if len(sample) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(sample))
	return middle(sorted)
}

func middle(sorted []float64) float64 {
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return sorted[n/2-1]/2 + sorted[n/2]/2
}

const resamples = 10_000

// Interval returns the 95 % confidence interval of the median by the
// percentile bootstrap: the medians of 10,000 samples drawn from the sample
// with replacement, from their 2.5th to their 97.5th percentile.
func Interval(sample []float64, seed uint64) (low, high float64) {
	if len(sample) == 0 {
		return 0, 0
	}
	rnd := rand.New(rand.NewPCG(seed, 0))
	medians := make([]float64, resamples)
	draw := make([]float64, len(sample))
	for i := range medians {
		for j := range draw {
			draw[j] = sample[rnd.IntN(len(sample))]
		}
		slices.Sort(draw)
		medians[i] = middle(draw)
	}
	slices.Sort(medians)
	return medians[resamples*25/1000], medians[resamples*975/1000-1]
}
