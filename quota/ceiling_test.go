package quota

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"
	"pgregory.net/rapid"
)

// admission is a decision in favour of n requests and the limit it was made
// under; or, with n 0, the moment from which a limit is in force.
type admission struct {
	at    int64 // nanoseconds
	n     int
	rps   float64
	burst int
}

// violation is a stretch of time between two admissions in which more was admitted
// than the ceiling of SEMANTICS §7 allows.
type violation struct {
	from, to       int64
	admitted       int
	allowed        float64
	rps            float64
	burst, entries int
}

// checkCeiling looks at every window between two entries, given in the order of
// their readings: admitted ≤ R×W + B with the largest R and B in force in it.
func checkCeiling(log []admission) *violation {
	for i := range log {
		admitted, rps, burst := 0, 0.0, 0
		for j := i; j < len(log); j++ {
			admitted += log[j].n
			rps, burst = max(rps, log[j].rps), max(burst, log[j].burst)
			// A reading stands for a whole nanosecond.
			w := float64(log[j].at-log[i].at+1) / 1e9
			if allowed := rps*w + float64(burst); float64(admitted) > allowed*(1+1e-12) {
				return &violation{log[i].at, log[j].at, admitted, allowed, rps, burst, j - i + 1}
			}
		}
	}
	return nil
}

// Any sequence of takes, pauses, changes, removals and clock steps back keeps the
// ceiling.
func TestCeiling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		g := NewSeededGate(c.Now, 1)
		var (
			log    []admission
			now    = &Quota{}
			credit float64 // what the rate alone has brought since the bucket was new
			spent  int
		)
		newest, last := c.Now().UnixNano(), c.Now().UnixNano()
		credited := func() {
			newest = max(newest, c.Now().UnixNano())
			if at := c.Now().UnixNano(); at > last {
				credit += now.RPS * float64(at-last) / 1e9
				last = at
			}
		}
		set := func(t *rapid.T) {
			q := New("b2b", rapid.SampledFrom([]float64{0.1, 0.5, 1, 7.3, 1000, 1e6, MaxRPS}).Draw(t, "rps"))
			q.Burst = rapid.SampledFrom([]int{1, 2, 5, 100}).Draw(t, "burst")
			credited()
			if now.RPS == 0 {
				credit, spent = 0, 0
			}
			_, err := g.Set(q)
			require.NoError(t, err)
			now = &q
			log = append(log, admission{newest, 0, q.RPS, q.Burst})
		}
		set(t)
		t.Repeat(map[string]func(*rapid.T){
			"set": set,
			"remove": func(t *rapid.T) {
				if _, ok := g.Remove("b2b"); !ok {
					t.Skip("nothing to remove")
				}
				credited()
				now = &Quota{}
			},
			"pause": func(t *rapid.T) {
				c.Advance(time.Duration(rapid.SampledFrom([]int64{1, 99, 1e3, 1e6, 5e8, 1e9, 3e9, 3600e9}).Draw(t, "pause")))
			},
			"step back": func(t *rapid.T) {
				c.Advance(-time.Duration(rapid.Int64Range(0, 1e9).Draw(t, "step")))
			},
			"take": func(t *rapid.T) {
				for range rapid.IntRange(1, 30).Draw(t, "times") {
					n := rapid.IntRange(-1, 6).Draw(t, "n")
					d := g.Take("b2b", n)
					if !d.Governed {
						continue
					}
					credited()
					if !d.Allowed {
						continue
					}
					spent += max(n, 1)
					log = append(log, admission{newest, max(n, 1), now.RPS, now.Burst})
				}
			},
			"": func(t *rapid.T) {
				require.Nil(t, checkCeiling(log))
				require.LessOrEqual(t, float64(spent), credit+MaxRPS*1e-9+1e-6, "it began empty")
			},
		})
	})
}

// crowd calls take from many goroutines that are descheduled at any point, and
// returns the admissions in the order of their readings.
func crowd(goroutines, times int, take func(r *rand.Rand) (admission, bool)) []admission {
	var (
		mu  sync.Mutex
		log []admission
		wg  sync.WaitGroup
	)
	for i := range goroutines {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 1))
			for range times {
				if a, ok := take(r); ok {
					mu.Lock()
					log = append(log, a)
					mu.Unlock()
				}
				if r.IntN(4) == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	wg.Wait()
	slices.SortStableFunc(log, func(a, b admission) int { return int(a.at - b.at) })
	return log
}

const (
	crowdRPS   = 1000
	crowdBurst = 5
)

// crowdClock never goes back. It moves on by 100 µs with a reading, at times by 5
// ms, and a goroutine may be descheduled right after its reading: the worst
// moment there is.
func crowdClock(c *clock) func() time.Time {
	var random jitter
	return func() time.Time {
		r, step := random.next(), 100*time.Microsecond
		if r%8 == 0 {
			step = 5 * time.Millisecond
		}
		at := time.Unix(0, c.tick(step))
		if r>>32%3 == 0 {
			runtime.Gosched()
		}
		return at
	}
}

func TestCeilingInACrowd(t *testing.T) {
	c := newClock()
	start := c.Now()
	l := NewLimiter(crowdClock(c), crowdRPS, crowdBurst)
	log := crowd(8, 500, func(*rand.Rand) (admission, bool) {
		v := l.Take(1)
		return admission{v.At.UnixNano(), 1, v.RPS, v.Burst}, v.Allowed
	})
	require.Nil(t, checkCeiling(log))
	require.Greater(t, float64(len(log)), 0.5*crowdRPS*c.Now().Sub(start).Seconds(), "nor is much withheld")
}

func TestCeilingInACrowdWithChanges(t *testing.T) {
	c := newClock()
	l := NewLimiter(crowdClock(c), crowdRPS, crowdBurst)
	log := crowd(8, 500, func(r *rand.Rand) (admission, bool) {
		switch r.IntN(50) {
		case 0:
			rps := crowdRPS * (1 + r.Float64())
			return admission{l.SetRate(rps).UnixNano(), 0, rps, 0}, true
		case 1:
			burst := r.IntN(crowdBurst + 1)
			return admission{l.SetBurst(burst).UnixNano(), 0, 0, burst}, true
		}
		n := 1 + r.IntN(3)
		v := l.Take(n)
		return admission{v.At.UnixNano(), n, v.RPS, v.Burst}, v.Allowed
	})
	require.Nil(t, checkCeiling(log))
	require.NotEmpty(t, log)
}

// The test above would see a clock that is read outside the lock.
func TestCeilingInACrowdSeesAReadingOutsideTheLock(t *testing.T) {
	for range 50 {
		c := newClock()
		bucket := rate.NewLimiter(crowdRPS, 0)
		bucket.SetBurstAt(c.Now(), crowdBurst)
		now := crowdClock(c)
		log := crowd(8, 500, func(*rand.Rand) (admission, bool) {
			at := now()
			return admission{at.UnixNano(), 1, crowdRPS, crowdBurst}, bucket.AllowN(at, 1)
		})
		if checkCeiling(log) != nil {
			return
		}
	}
	t.Fatal("rate.Limiter kept the ceiling with times read outside its lock; if it does so now by itself, Limiter can be simplified")
}

// The interleaving that Limiter's comment tells, with the library alone.
func TestRateLimiterCreditsASecondTwice(t *testing.T) {
	second := func(s int64) time.Time { return time.Unix(s, 0) }
	l := rate.NewLimiter(1, 0)
	l.SetBurstAt(second(99), 2)
	require.Equal(t, 1.0, l.TokensAt(second(100)))
	admitted := 0
	for _, at := range []int64{101, 100, 101} {
		if l.AllowN(second(at), 1) {
			admitted++
		}
	}
	require.Equal(t, 3, admitted, "one token and one second are two")
}
