package edge_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/edgetest"
)

// owned is an upstream that says whose a key is.
type owned struct {
	*upstream
	mine atomic.Bool
}

func (o *owned) Owns(string) bool { return o.mine.Load() }

// hot is a node that refreshes ahead in the last tenth of a lifetime, and numbers
// its origin's answers.
func hot(t *testing.T, change ...func(*edge.Config, *edge.Deps)) (*node, *owned) {
	up := &owned{}
	up.mine.Store(true)
	n := newNode(t, append([]func(*edge.Config, *edge.Deps){func(c *edge.Config, _ *edge.Deps) {
		c.RefreshAhead, c.RefreshAheadHits = 0.1, 3
		up.upstream = c.Routes[0].Upstream.(*upstream)
		c.Routes[0].Upstream = up
	}}, change...)...)
	n.up.set(numbered(n))
	return n, up
}

func numbered(n *node) func(context.Context, *edge.Fetch) (*edge.Answer, error) {
	return func(context.Context, *edge.Fetch) (*edge.Answer, error) {
		a := answer(200, fmt.Sprint("edition ", n.up.n.Load()), "Cache-Control: max-age=100")
		a.RequestAt, a.ResponseAt = n.now(), n.now() // of the clock that the test turns
		return a, nil
	}
}

func (n *node) at(age time.Duration) { n.skew.Store(int64(age)) }

// What many want is fetched anew before it ends, once, and nobody waits for it;
// what few want is not.
func TestHotKeyIsRefreshedAhead(t *testing.T) {
	n, _ := hot(t)
	n.get("/hot")
	n.at(80 * time.Second)
	for range 20 {
		require.Equal(t, "edition 1", n.get("/hot").body, "it has a fifth of its lifetime left")
	}
	n.at(95 * time.Second)
	for range 2 {
		n.get("/hot")
	}
	require.EqualValues(t, 1, n.up.n.Load(), "two hits are not enough")
	g := newGated(n)
	require.Contains(t, n.get("/hot").cacheStatus(), "; hit; ttl=")
	<-g.asked
	for range 20 {
		require.Equal(t, "edition 1", n.get("/hot").body, "nobody waits for it")
	}
	g.answer <- func(f *edge.Fetch) (*edge.Answer, error) { return numbered(n)(nil, f) }
	eventually(t, func() bool { return n.get("/hot").body == "edition 2" }, "the new one")
	require.EqualValues(t, 2, n.up.n.Load())
	require.EqualValues(t, 1, n.core.Fills().Ahead)
	n.at(150 * time.Second)
	require.Contains(t, n.get("/hot").cacheStatus(), "; hit; ttl=4", "its lifetime begins anew")
}

// Only the owner of a key asks ahead: others get the new copy from it.
func TestOnlyTheOwnerRefreshesAhead(t *testing.T) {
	n, up := hot(t)
	up.mine.Store(false)
	n.get("/hot")
	n.at(95 * time.Second)
	for range 20 {
		n.get("/hot")
	}
	n.core.Close() // and no fill is under way
	require.EqualValues(t, 1, n.up.n.Load())
}

// Nothing waits for a place among the fills ahead of need, and it is tried again.
func TestRefreshAheadWaitsForNoPlace(t *testing.T) {
	n, _ := hot(t, func(c *edge.Config, _ *edge.Deps) { c.MaxFills, c.RefreshBackoff = 1, time.Hour })
	n.get("/hot")
	n.at(95 * time.Second)
	g := newGated(n)
	var wg sync.WaitGroup
	wg.Go(func() { n.get("/other") })
	<-g.asked // the only place is taken
	for range 30 {
		n.get("/hot")
	}
	n.up.set(numbered(n)) // for who gets the place at once when it is given back
	g.answer <- func(f *edge.Fetch) (*edge.Answer, error) { return numbered(n)(nil, f) }
	wg.Wait()
	eventually(t, func() bool { return n.core.Fills().UnderWay == 0 }, "the place is given back")
	eventually(t, func() bool {
		n.get("/hot") // one alone may come while the last that found no place is still at it
		return n.up.n.Load() == 3
	}, "it is refreshed when there is a place")
}

// An origin that fails ahead of need has cost nobody anything.
func TestFailedRefreshAheadKeepsTheCopy(t *testing.T) {
	n, _ := hot(t)
	n.get("/hot")
	n.at(95 * time.Second)
	n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) { return nil, errors.New("down") })
	for range 50 {
		r := n.get("/hot")
		require.Equal(t, "edition 1", r.body)
		require.Empty(t, r.header.Get("Edge-Degraded"))
	}
	eventually(t, func() bool { return n.up.n.Load() == 2 && n.core.Fills().UnderWay == 0 }, "one try, and a pause")
}

// Nobody asks ahead for what does not end, for a rollout's checks, and where the
// answer could not be believed.
func TestWhatIsNotRefreshedAhead(t *testing.T) {
	always := func(c *edge.Config, _ *edge.Deps) { c.RefreshAhead, c.RefreshAheadHits = 0.1, 1 }
	t.Run("managed", func(t *testing.T) {
		n := newManaged(t, always)
		n.get(trial)
		n.standing.SetAge(28 * time.Second) // of the 30 that a reader may keep it
		for range 20 {
			require.Contains(t, n.get(trial).cacheStatus(), "; hit")
		}
		n.core.Close()
		require.EqualValues(t, 1, n.up.n.Load())
	})
	t.Run("looked at by a check", func(t *testing.T) {
		n := newNode(t, always, func(_ *edge.Config, d *edge.Deps) { d.Previewer = edgetest.Previewer{"reader": nil} })
		n.up.set(sound)
		n.get(trial)
		n.at(58 * time.Second) // of 60
		for range 20 {
			require.Contains(t, n.get(trial, "Edge-Preview: reader").cacheStatus(), "; hit")
		}
		n.core.Close()
		require.EqualValues(t, 1, n.up.n.Load())
	})
	t.Run("isolated", func(t *testing.T) {
		standing := &cutOff{}
		n, _ := hot(t, always, func(_ *edge.Config, d *edge.Deps) { d.Standing = standing })
		n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) {
			a := answer(200, "x", "Cache-Control: max-age=8")
			a.RequestAt, a.ResponseAt = n.now(), n.now()
			return a, nil
		})
		n.get("/hot")
		n.at(7500 * time.Millisecond)
		standing.Store(true)
		for range 20 {
			require.Contains(t, n.get("/hot").cacheStatus(), "; hit")
		}
		n.core.Close()
		require.EqualValues(t, 1, n.up.n.Load())
	})
}
