package load

import (
	"math/rand/v2"
	"time"
)

// scheduleStream and pickStream keep the random numbers of times and of
// choices apart, so that one does not change with the other.
const (
	scheduleStream = 1 << 32
	pickStream     = 1<<32 + 1
)

// schedule yields the arrivals of an open loop: when, and which URL. It is a
// function of the plan alone, never of the answers. It belongs to one
// goroutine, or to a lock.
type schedule struct {
	rate    float64
	spacing Spacing
	warmup  time.Duration
	end     time.Duration // warm-up and window
	left    int64         // measured arrivals still to come; negative: no limit
	rnd     *rand.Rand
	pick    *picker

	n    int64         // arrivals so far
	next time.Duration // since the start
	over bool
}

// arrival is one request to be made. Due is counted from the start of the run.
type arrival struct {
	due      time.Duration
	target   int
	measured bool
}

func (p *plan) newSchedule(sums []float64) *schedule {
	s := &schedule{
		rate: p.Rate, spacing: p.Spacing, warmup: p.Warmup, end: p.Warmup + p.Duration, left: -1,
		rnd: rand.New(rand.NewPCG(p.Seed, scheduleStream)), pick: p.newPicker(sums, pickStream),
	}
	if p.Requests > 0 {
		s.left = p.Requests
	}
	s.advance()
	return s
}

// take returns the next arrival; ok is false when there are no more.
func (s *schedule) take() (a arrival, ok bool) {
	if s.over || s.next >= s.end || s.left == 0 {
		return a, false
	}
	a = arrival{due: s.next, target: s.pick.pick(), measured: s.next >= s.warmup}
	if a.measured && s.left > 0 {
		s.left--
	}
	s.advance()
	return a, true
}

// advance finds the next time. Constant times are multiples, not sums, so that
// an hour at 3 per second does not drift by the rounding of a third.
func (s *schedule) advance() {
	if s.spacing == Poisson {
		gap := s.rnd.ExpFloat64() / s.rate * float64(time.Second)
		s.next += time.Duration(min(gap, float64(MaxDuration)*4))
	} else {
		s.next = time.Duration(float64(s.n) / s.rate * float64(time.Second))
	}
	s.n++
}

// stop ends the schedule at a time: what would be due later never was.
func (s *schedule) stop(at time.Duration) { s.end = min(s.end, at) }
