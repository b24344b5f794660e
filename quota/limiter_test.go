package quota

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// drain takes tokens one by one until it is refused, and returns how many it got.
func drain(l *Limiter) int {
	n := 0
	for l.Take(1).Allowed {
		n++
	}
	return n
}

func TestLimiterStartsEmpty(t *testing.T) {
	c := newClock()
	l := NewLimiter(c.Now, 10, 20)
	require.Zero(t, drain(l))
	c.Advance(500 * time.Millisecond)
	require.Equal(t, 5, drain(l))
	c.Advance(time.Hour)
	require.Equal(t, 20, drain(l))
}

func TestLimiterRaisingACapAddsNothing(t *testing.T) {
	c := newClock()
	l := NewLimiter(c.Now, 10, 20)
	c.Advance(time.Hour)
	require.Equal(t, c.Now(), l.SetBurst(50))
	require.Equal(t, 20, drain(l))
	c.Advance(time.Hour)
	require.Equal(t, 50, drain(l))
}

func TestLimiterLoweringACapDestroys(t *testing.T) {
	c := newClock()
	l := NewLimiter(c.Now, 10, 20)
	c.Advance(time.Hour)
	l.SetBurst(5)
	l.SetBurst(20)
	require.Equal(t, 5, drain(l))
}

func TestLimiterLapse(t *testing.T) {
	c := newClock()
	l := NewLimiter(c.Now, 10, 20)
	c.Advance(time.Hour)
	l.SetBurst(0)
	c.Advance(time.Hour)
	require.Zero(t, drain(l))
	l.SetBurst(20)
	require.Zero(t, drain(l))
	c.Advance(time.Second)
	require.Equal(t, 10, drain(l))
}

func TestLimiterRateOfThePast(t *testing.T) {
	c := newClock()
	l := NewLimiter(c.Now, 1, 1000)
	c.Advance(10 * time.Second)
	l.SetRate(100)
	require.Equal(t, 10, drain(l), "ten seconds at the former rate")
	l.SetRate(0)
	c.Advance(time.Hour)
	require.Zero(t, drain(l))
}

func TestLimiterClockGoesBack(t *testing.T) {
	c := newClock()
	l := NewLimiter(c.Now, 1, 100)
	c.Advance(10 * time.Second)
	at := l.Take(1).At
	c.Advance(-5 * time.Second)
	v := l.Take(1)
	require.True(t, v.Allowed)
	require.Equal(t, at, v.At, "never behind the last reading")
	c.Advance(5 * time.Second)
	require.Equal(t, 8, drain(l), "no second is credited twice")
}

func TestLimiterBatches(t *testing.T) {
	c := newClock()
	l := NewLimiter(c.Now, 10, 20)
	c.Advance(time.Hour)
	require.False(t, l.Take(21).Allowed, "more than the burst")
	require.True(t, l.Take(15).Allowed)
	require.False(t, l.Take(6).Allowed, "a refused batch takes nothing")
	require.True(t, l.Take(-100).Allowed, "counts as one; a negative number must not add tokens")
	require.True(t, l.Take(0).Allowed)
	require.Equal(t, 3, drain(l))
}

func TestVerdictWait(t *testing.T) {
	for _, c := range []struct {
		tokens, rps float64
		burst, n    int
		want        int64
	}{
		{0, 1, 2, 1, 1},
		{0.5, 1, 2, 1, 1},
		{0, 0.5, 1, 1, 2},
		{0.5, 0.25, 1, 1, 2},
		{0, 10, 20, 20, 2},
		{0, 10, 20, 100, 2}, // as many as it can hold
		{0, 10, 20, -3, 1},
		{5, 10, 20, 1, 1},
		{0, 1e-300, 1, 1, maxSeconds},
		{0, 0, 0, 1, 1}, // no share: see Gate.SetShare
		{0, 0, 1, 1, 1},
	} {
		v := Verdict{Tokens: c.tokens, RPS: c.rps, Burst: c.burst}
		require.Equal(t, c.want, v.wait(c.n), "%+v", c)
	}
}

// Waiting as long as told helps whoever is alone with the quota.
func TestVerdictWaitIsLongEnough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		rps := math.Pow(10, rapid.Float64Range(-6, 7).Draw(t, "exponent"))
		l := NewLimiter(c.Now, rps, rapid.IntRange(1, 1000).Draw(t, "burst"))
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			c.Advance(time.Duration(rapid.Int64Range(0, int64(3*time.Second)).Draw(t, "pause")))
			n := rapid.IntRange(1, l.burst).Draw(t, "n")
			v := l.Take(n)
			if v.Allowed {
				continue
			}
			c.Advance(time.Duration(v.wait(n)) * time.Second)
			require.True(t, l.Take(n).Allowed, "after %d s", v.wait(n))
		}
	})
}
