package origin

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// load sends n fetches and returns how many each server got.
func load(t *testing.T, p *Pool, n int, servers ...*fakeServer) []int {
	t.Helper()
	before := make([]int, len(servers))
	for i, s := range servers {
		before[i] = s.asked
	}
	for range n {
		if a, err := p.Fetch(t.Context(), get("/a")); err == nil {
			require.NoError(t, a.Body.Close())
		}
	}
	for i, s := range servers {
		before[i] = s.asked - before[i]
	}
	return before
}

// A server that fails too often gets nothing for a while, then its share again; each
// further ejection is longer, until it has been well.
func TestOutlierIsEjected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := &fakeServer{status: 200}, &fakeServer{status: 200}
		p := poolOf(PoolConfig{Outlier: Outlier{Ratio: 0.5}}, []float64{0.5, 0.5}, a, b)
		load(t, p, 60)
		b.set(503)
		got := load(t, p, 100, a, b)
		// It had 30 good answers in this interval: with 30 bad ones it is half.
		require.Equal(t, []int{70, 30}, got)
		require.True(t, p.Figures().Servers[1].Ejected)
		require.False(t, p.Figures().Panic)
		time.Sleep(29 * time.Second)
		require.Equal(t, []int{100, 0}, load(t, p, 100, a, b))
		time.Sleep(2 * time.Second)
		require.Equal(t, 20, load(t, p, 100, a, b)[1], "it fails still, and is judged anew")
		time.Sleep(59 * time.Second)
		require.Equal(t, 0, load(t, p, 100, a, b)[1], "for twice as long")
		b.set(200)
		time.Sleep(2 * time.Second)
		require.Equal(t, 50, load(t, p, 100, a, b)[1])
		for range 3 { // well for some intervals
			time.Sleep(11 * time.Second)
			load(t, p, 100)
		}
		b.set(0)
		load(t, p, 100)
		require.True(t, p.Figures().Servers[1].Ejected)
		time.Sleep(31 * time.Second)
		require.False(t, p.Figures().Servers[1].Ejected, "as long as the first")
	})
}

// Few requests say nothing, nor do failures that are fewer than the ratio.
func TestWhatIsNoOutlier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := &fakeServer{status: 200}, &fakeServer{status: 503}
		p := poolOf(PoolConfig{Outlier: Outlier{Ratio: 0.5}}, []float64{0.5, 0.5}, a, b)
		for range 10 {
			load(t, p, 38) // 19 each in an interval
			time.Sleep(10 * time.Second)
		}
		require.False(t, p.Figures().Servers[1].Ejected)
		for range 40 {
			b.set(200)
			load(t, p, 6)
			b.set(500) // an answer as any
			load(t, p, 2)
			b.set(503)
			load(t, p, 2)
		}
		require.False(t, p.Figures().Servers[1].Ejected)
		off := poolOf(PoolConfig{}, []float64{0.5, 0.5}, a, b)
		load(t, off, 1000)
		require.False(t, off.Figures().Servers[1].Ejected)
	})
}

// However many fail, no more than the share is ejected.
func TestEjectedShareHasACap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers := []*fakeServer{{status: 200}, {status: 503}, {status: 503}, {status: 503}}
		p := poolOf(PoolConfig{Outlier: Outlier{Ratio: 0.5, MaxEjected: 0.3}}, []float64{0.4, 0.2, 0.2, 0.2}, servers...)
		load(t, p, 1000)
		ejected := 0
		for _, s := range p.Figures().Servers {
			if s.Ejected {
				ejected++
			}
		}
		require.Equal(t, 1, ejected, "two would be 0.4 of the weights")
		require.False(t, p.Figures().Panic)
	})
}

// Where so few servers are left that they would get the load of all, ejections do
// not count; what gives no answer at all stays paused.
func TestPanicBringsTheEjectedBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers := []*fakeServer{{status: 200}, {status: 200}, {status: 200}, {status: 200}}
		p := poolOf(PoolConfig{Failures: 5, Pause: time.Hour, MaxPause: time.Hour, Outlier: Outlier{Ratio: 0.3, Requests: 10}},
			[]float64{0.25, 0.25, 0.25, 0.25}, servers...)
		half := servers[3]
		for range 40 { // one that fails every second time: the breaker does not see it
			half.set(200)
			load(t, p, 4)
			half.set(503)
			load(t, p, 4)
		}
		require.True(t, p.Figures().Servers[3].Ejected)
		half.set(200)
		require.Zero(t, load(t, p, 100, half)[0])
		servers[1].set(0)
		servers[2].set(0)
		load(t, p, 100)
		f := p.Figures()
		require.True(t, f.Servers[1].Paused)
		require.True(t, f.Servers[2].Paused)
		require.True(t, f.Panic, "a quarter is left")
		require.Equal(t, []int{50, 0, 0, 50}, load(t, p, 100, servers...))
	})
}

// By default half of the weights may be ejected, and no ejection is longer than the
// longest.
func TestBoundsOfEjections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers := []*fakeServer{{status: 200}, {status: 503}, {status: 503}, {status: 503}}
		p := poolOf(PoolConfig{Outlier: Outlier{Ratio: 0.5, MaxPause: 40 * time.Second}}, []float64{0.25, 0.25, 0.25, 0.25}, servers...)
		ejected := func() (n int) {
			for _, s := range p.Figures().Servers {
				if s.Ejected {
					n++
				}
			}
			return n
		}
		load(t, p, 1000)
		require.Equal(t, 2, ejected())
		time.Sleep(31 * time.Second)
		require.Zero(t, ejected())
		load(t, p, 1000)
		require.Equal(t, 2, ejected())
		time.Sleep(39 * time.Second)
		require.NotZero(t, ejected(), "for longer than the first time")
		time.Sleep(2 * time.Second)
		require.Zero(t, ejected(), "and not for twice as long")
	})
}

// What was under way when a server was ejected says nothing new of it.
func TestWhatEndsAfterAnEjection(t *testing.T) {
	o, r, now := Outlier{Ratio: 0.5}.withDefaults(), record{}, time.Now()
	for range o.Requests - 1 {
		require.False(t, r.count(bad, &o, now))
	}
	require.True(t, r.count(bad, &o, now))
	require.Equal(t, o.Pause, r.eject(&o, now))
	for range 2 * o.Requests {
		require.False(t, r.count(bad, &o, now.Add(time.Second)))
	}
	require.False(t, r.count(bad, &o, now.Add(o.Pause)), "the first of the next interval")
}
