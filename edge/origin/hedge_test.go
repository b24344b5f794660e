package origin

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// slowServer answers after a while, unless it is cancelled.
type slowServer struct {
	after            time.Duration
	status           int
	asked, cancelled int
	ctx              context.Context
	closed           int
}

func (s *slowServer) Fetch(ctx context.Context, _ *edge.Fetch) (*edge.Answer, error) {
	s.asked++
	s.ctx = ctx
	select {
	case <-time.After(s.after):
		return &edge.Answer{Status: s.status, Body: s}, nil
	case <-ctx.Done():
		s.cancelled++
		return nil, ctx.Err()
	}
}

func (s *slowServer) Read([]byte) (int, error) { return 0, io.EOF }
func (s *slowServer) Close() error             { s.closed++; return nil }

func race(hedge time.Duration, a, b *slowServer) *Pool {
	return newPool(PoolConfig{HedgeAfter: hedge, Failures: 1}, []*server{{name: "a", up: a, weight: 0.5}, {name: "b", up: b, weight: 0.5}})
}

func TestHedge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, fast := &slowServer{after: 9 * time.Second, status: 200}, &slowServer{after: time.Second, status: 204}
		p := race(2*time.Second, slow, fast)
		begin := time.Now()
		a, err := p.Fetch(t.Context(), get("/a"))
		require.NoError(t, err)
		require.Equal(t, 204, a.Status)
		require.Equal(t, 3*time.Second, time.Since(begin))
		synctest.Wait()
		require.Equal(t, 1, slow.cancelled, "the loser is cancelled")
		require.NoError(t, fast.ctx.Err(), "the body is still to be read")
		require.NoError(t, a.Body.Close())
		require.Error(t, fast.ctx.Err())
		figures, again := p.Figures().Servers, p.Figures().Retries
		require.EqualValues(t, 1, again)
		require.False(t, figures[0].Paused, "being slower than another is no failure")
		require.NoError(t, p.Close())
	})
}

func TestHedgeThatFailsLeavesTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, broken := &slowServer{after: 5 * time.Second, status: 200}, &slowServer{status: 503}
		p := race(2*time.Second, slow, broken)
		a, err := p.Fetch(t.Context(), get("/a"))
		require.NoError(t, err)
		require.Equal(t, 200, a.Status)
		require.Equal(t, 1, broken.closed)
		require.NoError(t, a.Body.Close())
		require.NoError(t, p.Close())
	})
}

func TestWhatIsNotHedged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, other := &slowServer{after: 5 * time.Second, status: 200}, &slowServer{status: 200}
		p := race(2*time.Second, slow, other)
		_, err := p.Fetch(t.Context(), &edge.Fetch{Method: "POST", Target: "/a"})
		require.NoError(t, err)
		require.Equal(t, []int{1, 0}, []int{slow.asked, other.asked})

		p = race(2*time.Second, slow, other)
		p.budget = 0
		_, err = p.Fetch(t.Context(), get("/a"))
		require.NoError(t, err)
		require.Equal(t, []int{2, 0}, []int{slow.asked, other.asked}, "no budget")

		p = race(2*time.Second, slow, other)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = p.Fetch(ctx, get("/a"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, p.Close())
	})
}
