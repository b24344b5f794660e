package edge_test

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/invalidation"
)

func (s *cutOff) WatermarkAge(time.Time) time.Duration { return 0 }

// cutOff is a Standing that a test sets.
type cutOff struct{ atomic.Bool }

func (s *cutOff) Isolated(time.Time) bool { return s.Load() }

// An isolated node shows young copies as they are, validates older ones, and
// shows them, marked, where the origin does not answer.
func TestIsolated(t *testing.T) {
	standing := &cutOff{}
	n := newNode(t, func(_ *edge.Config, d *edge.Deps) { d.Standing = standing })
	fetches, down := 0, false
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		fetches++
		require.Equal(t, standing.Load(), f.Direct, "an isolated node asks no other node")
		if down {
			return nil, errors.New("down")
		}
		return answer(200, "x", "Cache-Control: max-age=3600"), nil
	})
	n.get("/a")
	standing.Store(true)
	n.skew.Add(int64(9 * time.Second))
	r := n.get("/a")
	require.Contains(t, r.cacheStatus(), "; hit")
	require.Empty(t, r.header.Get("Edge-Degraded"), "younger than the clamp")
	require.Equal(t, 1, fetches)

	n.skew.Add(int64(2 * time.Second))
	r = n.get("/a")
	require.NotContains(t, r.cacheStatus(), "; hit", "older: the origin is asked")
	require.Empty(t, r.header.Get("Edge-Degraded"))
	require.Equal(t, 2, fetches)

	n.skew.Add(int64(11 * time.Second))
	down = true
	r = n.get("/a")
	require.Equal(t, 200, r.status)
	require.Equal(t, "isolated", r.header.Get("Edge-Degraded"))
	require.Contains(t, r.cacheStatus(), "ttl=-")

	standing.Store(false)
	r = n.get("/a")
	require.Contains(t, r.cacheStatus(), "; hit")
	require.Empty(t, r.header.Get("Edge-Degraded"), "it has missed nothing after all")
}

func get(a *edge.Answer, name string) string {
	for _, f := range a.Fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

func TestServePeer(t *testing.T) {
	n := newNode(t)
	fetches := 0
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		fetches++
		require.True(t, f.Direct, "an owner asks no further peer")
		if f.Target == "/private" {
			return answer(200, "x", "Cache-Control: private"), nil
		}
		return answer(200, "x", "Cache-Control: max-age=60", "Cache-Tag: t"), nil
	})
	ask := func(target string) (*edge.Answer, error) {
		f := &edge.Fetch{Method: "GET", Host: "edge.test", Target: target}
		key, err := cachekey.ParseText("edge.test" + target)
		require.NoError(t, err)
		f.Key = key
		return n.core.ServePeer(t.Context(), f)
	}
	a, err := ask("/a")
	require.NoError(t, err)
	require.Equal(t, 200, a.Status)
	_, err = io.ReadAll(a.Body) // it may come while the fill is under way: who has read all finds a hit
	require.NoError(t, err)
	n.skew.Add(int64(20 * time.Second))
	a, err = ask("/a")
	require.NoError(t, err)
	require.Equal(t, 1, fetches, "from the cache")
	require.Equal(t, "20", get(a, "Age"))
	require.Contains(t, get(a, "Cache-Status"), "test-1; hit")

	// Soft counts as absent, and what is for one reader is for no other node.
	n.marks.Raise(cachekey.Selector{Tags: []string{"t"}}, invalidation.ModeSoft)
	_, err = ask("/a")
	require.NoError(t, err)
	require.Equal(t, 2, fetches)
	_, err = ask("/private")
	require.ErrorIs(t, err, edge.ErrNotShared)
}
