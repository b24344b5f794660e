package load

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func arrivals(t require.TestingT, cfg Config) []arrival {
	cfg.URLs = []string{"http://127.0.0.1/a", "http://127.0.0.1/b", "http://127.0.0.1/c"}
	p, err := cfg.plan()
	require.NoError(t, err)
	s := p.newSchedule(popularity(p.Choice, len(p.targets), p.ZipfS))
	var all []arrival
	for {
		a, ok := s.take()
		if !ok {
			return all
		}
		all = append(all, a)
	}
}

// Whatever the settings: times rise, end before the end, are measured after the
// warm-up, and are the same for the same seed.
func TestScheduleLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := Config{
			Rate:     rapid.Float64Range(0.5, 5000).Draw(t, "rate"),
			Spacing:  rapid.SampledFrom([]Spacing{Constant, Poisson}).Draw(t, "spacing"),
			Warmup:   time.Duration(rapid.IntRange(0, 500).Draw(t, "warmup")) * time.Millisecond,
			Duration: time.Duration(rapid.IntRange(1, 500).Draw(t, "duration")) * time.Millisecond,
			Requests: int64(rapid.SampledFrom([]int{0, 1, 7, 1000}).Draw(t, "requests")),
			Seed:     rapid.Uint64().Draw(t, "seed"),
		}
		all := arrivals(t, cfg)
		require.Equal(t, all, arrivals(t, cfg))
		last, measured := time.Duration(0), int64(0)
		for _, a := range all {
			require.GreaterOrEqual(t, a.due, last)
			require.Less(t, a.due, cfg.Warmup+cfg.Duration)
			require.Equal(t, a.due >= cfg.Warmup, a.measured)
			last = a.due
			if a.measured {
				measured++
			}
		}
		if cfg.Requests > 0 {
			require.LessOrEqual(t, measured, cfg.Requests)
		}
		if cfg.Spacing == Constant && cfg.Requests == 0 {
			require.InDelta(t, cfg.Rate*(cfg.Warmup+cfg.Duration).Seconds(), len(all), 1)
		}
	})
}

func TestPoissonSpacing(t *testing.T) {
	all := arrivals(t, Config{Rate: 1000, Spacing: Poisson, Duration: 100 * time.Second, Seed: 3})
	require.InDelta(t, 100_000, len(all), 1500, "five standard deviations are 1581")
	var sum, squares float64
	for i := 1; i < len(all); i++ {
		gap := (all[i].due - all[i-1].due).Seconds()
		sum, squares = sum+gap, squares+gap*gap
	}
	n := float64(len(all) - 1)
	mean := sum / n
	require.InDelta(t, 1, math.Sqrt(squares/n-mean*mean)/mean, 0.03, "deviation and mean of exponential gaps are equal")
}

func TestConstantSpacingDoesNotDrift(t *testing.T) {
	all := arrivals(t, Config{Rate: 3, Duration: time.Hour})
	require.Len(t, all, 3*3600)
	require.Equal(t, 3599*time.Second, all[3*3599].due)
}

func TestTimerAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		due := time.Now().Add(time.Hour)
		require.NoError(t, timerAlarm{}.until(ctx, due))
		require.Equal(t, due, time.Now())
		cancel()
		require.ErrorIs(t, timerAlarm{}.until(ctx, due.Add(time.Hour)), context.Canceled)
		require.Equal(t, due, time.Now())
	})
}

func TestAlarm(t *testing.T) {
	a := newAlarm()
	defer a.close()
	ctx, cancel := context.WithCancel(t.Context())
	for range 3 {
		due := time.Now().Add(3 * time.Millisecond)
		require.NoError(t, a.until(ctx, due))
		require.False(t, time.Now().Before(due))
	}
	require.NoError(t, a.until(ctx, time.Now().Add(-time.Second)))
	time.AfterFunc(5*time.Millisecond, cancel)
	require.ErrorIs(t, a.until(ctx, time.Now().Add(time.Hour)), context.Canceled)
}
