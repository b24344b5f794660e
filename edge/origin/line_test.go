package origin

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// lateServer answers as a fakeServer does, after a while.
type lateServer struct {
	fakeServer
	takes time.Duration
}

func (s *lateServer) Fetch(ctx context.Context, f *edge.Fetch) (*edge.Answer, error) {
	<-time.After(s.takes)
	return s.fakeServer.Fetch(ctx, f)
}

func (s *lateServer) asks() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func waits(target string) *edge.Fetch {
	f := get(target)
	f.Waits = true
	return f
}

// downPool is a pool of one server that is paused for a second, and asked 5 times.
func downPool(t *testing.T) (*Pool, *lateServer) {
	s := &lateServer{}
	p := newPool(PoolConfig{Failures: 5}, []*server{{name: "a", up: s, weight: 1}})
	for range 5 {
		_, err := p.Fetch(t.Context(), get("/a"))
		require.Error(t, err)
	}
	return p, s
}

// atOnce makes n fetches at one time and counts those that were answered and those
// that were refused, when all are there.
func atOnce(ctx context.Context, p *Pool, f *edge.Fetch, n int) (answered, refused func() int) {
	var good, bad atomic.Int64
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			if _, err := p.Fetch(ctx, f); err == nil {
				good.Add(1)
			} else {
				bad.Add(1)
			}
		})
	}
	count := func(n *atomic.Int64) func() int {
		return func() int { all.Wait(); return int(n.Load()) }
	}
	return count(&good), count(&bad)
}

// The pause is over long ago, and nobody has asked since. Who comes first is the probe;
// those who come with it, and have nothing else, wait for what it tells.
func TestThoseWithNothingWaitForTheProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := downPool(t)
		s.set(200)
		s.takes = time.Second
		<-time.After(time.Hour)
		answered, refused := atOnce(t.Context(), p, waits("/a"), 10)
		synctest.Wait()
		_, err := p.Fetch(t.Context(), get("/a"))
		require.ErrorIs(t, err, ErrPaused, "who has a copy shows it")
		require.ErrorIs(t, err, edge.ErrUpstreamSpared)
		require.Equal(t, []int{10, 0}, []int{answered(), refused()})
		require.Equal(t, 5+10, s.asks())
	})
}

func TestAProbeThatFailsEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := downPool(t)
		s.takes = time.Second
		<-time.After(time.Hour)
		began := time.Now()
		_, refused := atOnce(t.Context(), p, waits("/a"), 2*maxWaiting)
		require.Equal(t, 2*maxWaiting, refused())
		require.Equal(t, 5+1, s.asks())
		require.Equal(t, time.Second, time.Since(began))

		_, err := p.Fetch(t.Context(), waits("/a"))
		require.ErrorIs(t, err, ErrPaused)
		require.Equal(t, time.Second, time.Since(began), "while the pause runs there is nothing to wait for")
	})
}

func TestAProbeThatHangsIsNotWaitedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := downPool(t)
		s.takes = time.Minute
		<-time.After(time.Hour)
		atOnce(t.Context(), p, get("/a"), 1)
		synctest.Wait()
		began := time.Now()
		_, err := p.Fetch(t.Context(), waits("/a"))
		require.ErrorIs(t, err, ErrPaused)
		require.Equal(t, patience, time.Since(began))
		<-time.After(time.Minute)
	})
}

// A probe that its reader gave up is followed by one of those who wait.
func TestAProbeThatIsGivenUpIsMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := downPool(t)
		s.set(200)
		<-time.After(time.Hour)
		p.mu.Lock()
		given := p.servers[0].breaker.take(time.Now())
		p.mu.Unlock()
		answered, _ := atOnce(t.Context(), p, waits("/a"), 3)
		synctest.Wait()
		require.Equal(t, 5, s.asks())
		p.done(p.servers[0], given, unknown)
		require.Equal(t, 3, answered())
	})
}

// In a recovery they form a line, which moves as fast as the server may be asked, and
// is no longer than what it gets through in their patience.
func TestThoseWithNothingFormALine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := downPool(t)
		s.set(200)
		<-time.After(time.Hour)
		_, err := p.Fetch(t.Context(), get("/a"))
		require.NoError(t, err)
		before := s.asks()
		began := time.Now()
		answered, refused := atOnce(t.Context(), p, waits("/a"), 100)
		synctest.Wait()
		require.Equal(t, int(leastBurst), s.asks()-before)
		for second := range int(patience / time.Second) {
			<-time.After(time.Second)
			synctest.Wait()
			require.InDelta(t, int(leastBurst)+(second+1)*int(leastRate), s.asks()-before, 1)
			if second == 0 {
				_, err = p.Fetch(t.Context(), get("/a"))
				require.ErrorIs(t, err, ErrPaused, "nobody comes in before those in the line")
			}
		}
		line := int(leastBurst + leastRate*patience.Seconds())
		require.Equal(t, []int{line, 100 - line}, []int{answered(), refused()})
		require.Equal(t, patience, time.Since(began))
	})
}

// Who leaves the line gives back the place, and who is in it when the server fails
// again does not ask it.
func TestLeavingTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := downPool(t)
		s.set(200)
		<-time.After(time.Hour)
		_, err := p.Fetch(t.Context(), get("/a"))
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		_, refused := atOnce(ctx, p, waits("/a"), 50)
		synctest.Wait()
		cancel()
		require.Equal(t, 50-int(leastBurst), refused())
		_, err = p.Fetch(ctx, waits("/a"))
		require.ErrorIs(t, err, context.Canceled)

		began := time.Now()
		_, err = p.Fetch(t.Context(), waits("/a"))
		require.NoError(t, err)
		require.Equal(t, time.Duration(float64(time.Second)/leastRate), time.Since(began))

		answered, refused := atOnce(t.Context(), p, waits("/a"), 20)
		s.set(0)
		require.Equal(t, []int{0, 20}, []int{answered(), refused()})
		require.Equal(t, 5+1+int(leastBurst)+1+5, s.asks())
		require.True(t, p.Figures().Servers[0].Paused)
	})
}
