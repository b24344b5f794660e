package quota

import "sync/atomic"

// jitter is a source of random numbers that many goroutines may draw from
// without a lock: the SplitMix64 generator (Steele, Lea, Flood: Fast splittable
// pseudorandom number generators, 2014), whose state is a counter. math/rand/v2's
// sources are not safe for concurrent use, and its global one has no seed.
type jitter struct{ state atomic.Uint64 }

func newJitter(seed uint64) *jitter {
	j := &jitter{}
	j.state.Store(seed)
	return j
}

func (j *jitter) next() uint64 {
	z := j.state.Add(0x9e3779b97f4a7c15)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
