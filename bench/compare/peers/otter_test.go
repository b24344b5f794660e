package peers

import (
	"math/rand/v2"
	"testing"

	"github.com/maypok86/otter/v2"
)

// trace is that of edge/cache's BenchmarkHitRatio.
func trace(seed uint64, keys, scanEvery, scan int, yield func(n uint64) bool) {
	rnd := rand.New(rand.NewPCG(seed, 2))
	zipf := rand.NewZipf(rnd, 1.01, 1, uint64(keys-1))
	next := uint64(keys)
	for i := 1; ; i++ {
		if !yield(zipf.Uint64()) {
			return
		}
		if scanEvery == 0 || i%scanEvery != 0 {
			continue
		}
		for range scan {
			next++
			if !yield(next) {
				return
			}
		}
	}
}

// TestOtter tells otter's hit ratio, mean of five seeds, at a tenth of the keys.
func TestOtter(t *testing.T) {
	const keys, warm, counted = 100_000, 300_000, 300_000
	for _, c := range []struct {
		name            string
		scanEvery, scan int
	}{{"zipf", 0, 0}, {"scan", 20_000, 10_000}} {
		mean := 0.0
		for seed := range uint64(5) {
			cache := otter.Must(&otter.Options[uint64, uint64]{MaximumSize: keys / 10, Executor: func(f func()) { f() }})
			i, hits, of := 0, 0, 0
			trace(seed, keys, c.scanEvery, c.scan, func(n uint64) bool {
				_, hit := cache.GetIfPresent(n)
				if !hit {
					cache.Set(n, n)
				}
				if i++; i <= warm || n >= keys {
					return true
				}
				of++
				if hit {
					hits++
				}
				return i < warm+counted
			})
			mean += float64(hits) / float64(of) / 5
		}
		t.Logf("%s %.4f", c.name, mean)
		if mean < 0.6 || mean > 0.9 {
			t.Errorf("%s: %v is no such trace's hit ratio", c.name, mean)
		}
	}
}
