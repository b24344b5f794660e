package origin

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, other := &fakeServer{status: 200}, &fakeServer{status: 200}
		p := newPool(PoolConfig{Failures: 2, Health: Health{Path: "/healthz", Interval: 5 * time.Second}},
			[]*server{{name: "a", up: s, weight: 0.5}, {name: "b", up: other, weight: 0.5}})
		up := func() bool {
			synctest.Wait()
			figures := p.Figures().Servers
			return !figures[0].Paused
		}
		<-time.After(6 * time.Second)
		require.True(t, up())
		s.set(500)
		<-time.After(5 * time.Second)
		require.True(t, up(), "one failure is none")
		<-time.After(5 * time.Second)
		require.False(t, up(), "without any reader")
		s.set(200)
		<-time.After(5 * time.Second)
		require.True(t, up())
		require.NoError(t, p.Close())
	})
}

// A server that says it is well and fails readers is paused all the same.
func TestHealthDoesNotHideFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeServer{}
		p := newPool(PoolConfig{Failures: 2, Health: Health{Path: "/healthz", Interval: time.Second}}, []*server{{name: "a", up: s, weight: 1}})
		for range 2 {
			s.set(0)
			_, err := p.Fetch(t.Context(), get("/a"))
			require.Error(t, err)
			s.set(200)
			if figures := p.Figures().Servers; figures[0].Paused {
				break
			}
			<-time.After(1500 * time.Millisecond)
			synctest.Wait()
		}
		_, err := p.Fetch(t.Context(), get("/a"))
		require.ErrorIs(t, err, ErrPaused)
		require.NoError(t, p.Close())
	})
}
