package origin

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// fakeServer answers with status, or fails where it is 0.
type fakeServer struct {
	mu     sync.Mutex
	status int
	asked  int
}

func (s *fakeServer) Fetch(context.Context, *edge.Fetch) (*edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.status == 0 {
		return nil, errors.New("connection refused")
	}
	return &edge.Answer{Status: s.status, Body: io.NopCloser(strings.NewReader(""))}, nil
}

func (s *fakeServer) set(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

func poolOf(cfg PoolConfig, weights []float64, servers ...*fakeServer) *Pool {
	var list []*server
	for i, s := range servers {
		list = append(list, &server{name: string(rune('a' + i)), up: s, weight: weights[i]})
	}
	return newPool(cfg, list)
}

func TestWeightsAreShares(t *testing.T) {
	a, b := &fakeServer{status: 200}, &fakeServer{status: 200}
	p := poolOf(PoolConfig{}, []float64{0.75, 0.25}, a, b)
	for range 400 {
		_, err := p.Fetch(t.Context(), get("/a"))
		require.NoError(t, err)
	}
	require.Equal(t, []int{300, 100}, []int{a.asked, b.asked})
}

func TestRetryAsksAnotherServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := &fakeServer{}, &fakeServer{status: 200}
		p := poolOf(PoolConfig{Retries: 1, Failures: 3}, []float64{0.9, 0.1}, a, b)
		for range 20 {
			answer, err := p.Fetch(t.Context(), get("/a"))
			require.NoError(t, err)
			require.Equal(t, 200, answer.Status)
		}
		require.Equal(t, []int{3, 20}, []int{a.asked, b.asked}, "the failing server is paused after three")
		retries := p.Figures().Retries
		require.EqualValues(t, 3, retries)
	})
}

func TestWhatIsNotRetried(t *testing.T) {
	for name, f := range map[string]*edge.Fetch{
		"unsafe":    {Method: "POST", Target: "/a"},
		"with body": {Method: "GET", Target: "/a", Body: strings.NewReader("x"), Length: 1},
		"no retry":  {Method: "DELETE", Target: "/a"},
	} {
		s := &fakeServer{}
		_, err := poolOf(PoolConfig{Retries: 3}, []float64{1}, s).Fetch(t.Context(), f)
		require.Error(t, err, name)
		require.Equal(t, 1, s.asked, name)
	}
	s := &fakeServer{status: 500}
	a, err := poolOf(PoolConfig{Retries: 3}, []float64{1}, s).Fetch(t.Context(), get("/a"))
	require.NoError(t, err)
	require.Equal(t, []int{500, 1}, []int{a.Status, s.asked}, "500 is the answer of what was asked for")
}

// However much fails, retries stay a tenth of the load.
func TestRetriesHaveABudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeServer{status: 503}
		p := poolOf(PoolConfig{Retries: 3}, []float64{1}, s)
		for range 1000 {
			a, err := p.Fetch(t.Context(), get("/a"))
			require.NoError(t, err)
			require.Equal(t, 503, a.Status)
		}
		require.LessOrEqual(t, s.asked, 1000+100+int(saved))
		require.Greater(t, s.asked, 1050)
	})
}

// A dead server is asked for one fetch each pause; the recovered one sees at most
// twice what it had before.
func TestRecoveredServerIsSpared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeServer{status: 200}
		p := poolOf(PoolConfig{Failures: 5}, []float64{1}, s)
		ask := func(perSecond int, length time.Duration) (worst int) {
			for range int(length / time.Second) {
				before := s.asked
				for range perSecond {
					_, err := p.Fetch(t.Context(), get("/a"))
					if err != nil && s.status != 0 {
						require.ErrorIs(t, err, edge.ErrUpstreamBusy)
					}
					<-time.After(time.Second / time.Duration(perSecond))
				}
				worst = max(worst, s.asked-before)
			}
			return worst
		}
		require.InDelta(t, 100, ask(100, 10*time.Second), 1)

		s.status, s.asked = 0, 0
		ask(5000, 60*time.Second)
		require.Equal(t, 5+5, s.asked, "five failures, then probes after 1, 2, 4, 8 and 16 s: the next would come at 61")

		s.status = 200
		require.LessOrEqual(t, ask(5000, 30*time.Second), 200)
		figures := p.Figures().Servers
		require.False(t, figures[0].Paused)
		require.Equal(t, 100, ask(100, 5*time.Second), "steady again")
	})
}

// A fetch that its reader gave up says nothing of the server, and does not keep
// the next probe away.
func TestProbeThatIsGivenUp(t *testing.T) {
	b := breaker{failures: 1, pause: time.Second, maxPause: time.Second}
	now := time.Unix(0, 0)
	require.True(t, b.done(b.take(now), bad, now))
	require.False(t, b.admits(now))
	now = now.Add(time.Second)
	require.True(t, b.admits(now))
	p := b.take(now)
	require.False(t, b.admits(now), "one at a time")
	require.False(t, b.done(p, unknown, now))
	require.True(t, b.admits(now))
	require.True(t, b.done(b.take(now), good, now))
	require.Equal(t, recovering, b.state)
}
