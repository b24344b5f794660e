package edge_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/invalidation"
)

// neighbour lets a node ask another one for what it has stored.
type neighbour struct {
	of    *edge.Core
	asked atomic.Int64
}

func (n *neighbour) Stored(ctx context.Context, f *edge.Fetch) (*edge.Answer, error) {
	n.asked.Add(1)
	if !f.Stored {
		return nil, errors.New("not asked for what is stored")
	}
	return n.of.ServePeer(ctx, f)
}

func down(context.Context, *edge.Fetch) (*edge.Answer, error) { return nil, errors.New("down") }

// pair is a node that has a copy of /a, and one that has not.
func pair(t *testing.T, control string, change ...func(*edge.Config, *edge.Deps)) (has, lacks *node, between *neighbour) {
	has = newNode(t)
	has.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) {
		return answer(200, "x", "Cache-Control: "+control, "Cache-Tag: t"), nil
	})
	between = &neighbour{of: has.core}
	lacks = newNode(t, append(change, func(_ *edge.Config, d *edge.Deps) { d.Peers = between })...)
	lacks.up.set(down)
	require.Equal(t, 200, has.get("/a").status)
	has.up.set(down)
	return has, lacks, between
}

func TestWhatSomeNodeHasIsNoError(t *testing.T) {
	has, lacks, between := pair(t, "max-age=60")
	has.skew.Add(int64(20 * time.Second))
	r := lacks.get("/a")
	require.Equal(t, 200, r.status)
	require.Equal(t, "x", r.body)
	require.Equal(t, "20", r.header.Get("Age"), "it is as old as it was there")
	require.Empty(t, r.header.Get("Edge-Degraded"))
	require.Contains(t, lacks.get("/a").cacheStatus(), "; hit", "what is fresh is kept")
	require.EqualValues(t, 1, between.asked.Load())

	require.Equal(t, 502, lacks.get("/b").status, "nobody has it")
	require.EqualValues(t, 1, has.up.n.Load(), "and nobody fetches it for another")
}

func TestWhatIsStaleThereIsMarkedAndNotKept(t *testing.T) {
	for name, age := range map[string]func(*node){
		"by age":        func(n *node) { n.skew.Add(int64(5 * time.Minute)) },
		"by soft purge": func(n *node) { n.marks.Raise(cachekey.Selector{Tags: []string{"t"}}, invalidation.ModeSoft) },
	} {
		t.Run(name, func(t *testing.T) {
			has, lacks, between := pair(t, "max-age=60, stale-while-revalidate=3600")
			age(has)
			for i := range 2 {
				r := lacks.get("/a")
				require.Equal(t, 200, r.status)
				require.Equal(t, "stale", r.header.Get("Edge-Degraded"))
				require.NotContains(t, r.cacheStatus(), "stored")
				require.EqualValues(t, i+1, between.asked.Load())
			}
			lacks.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) {
				return answer(200, "new", "Cache-Control: max-age=60"), nil
			})
			require.Equal(t, "new", lacks.get("/a").body)
		})
	}
}

func TestWhatMayNotBeShownThereIsNotShownHere(t *testing.T) {
	has, lacks, _ := pair(t, "max-age=60, must-revalidate")
	has.skew.Add(int64(2 * time.Minute))
	require.Equal(t, 502, lacks.get("/a").status)

	has, lacks, _ = pair(t, "max-age=60")
	has.marks.Raise(cachekey.Selector{Tags: []string{"t"}}, invalidation.ModeHard)
	require.Equal(t, 502, lacks.get("/a").status)
}

// A copy of one's own goes before another's, and a purge that this node applies
// while it looks keeps what comes from its store.
func TestRescueLooksAtHomeFirst(t *testing.T) {
	_, lacks, between := pair(t, "max-age=60")
	lacks.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) {
		return answer(200, "own", "Cache-Control: max-age=60, stale-if-error=3600"), nil
	})
	require.Equal(t, "own", lacks.get("/a").body)
	lacks.up.set(down)
	lacks.skew.Add(int64(2 * time.Minute))
	r := lacks.get("/a")
	require.Equal(t, "own", r.body)
	require.Equal(t, "stale", r.header.Get("Edge-Degraded"))
	require.Zero(t, between.asked.Load())

	lacks.marks.Raise(cachekey.Selector{All: true}, invalidation.ModeHard)
	require.Equal(t, "x", lacks.get("/a").body, "the other has applied the purge, and fetched since")
	require.EqualValues(t, 1, between.asked.Load())
}

// A managed copy comes from another's store or disk, at the vector that is asked
// for; a candidate's checks ask the origin and nobody else.
func TestManagedRescue(t *testing.T) {
	has := newManaged(t)
	require.Equal(t, 200, has.get(trial).status)
	has.pinned(t, 1)
	has.restart(t)
	has.origin.down.Store(true)
	between := &neighbour{of: has.core}
	lacks := newManaged(t, func(_ *edge.Config, d *edge.Deps) { d.Peers = between })
	lacks.origin.down.Store(true)

	r := lacks.get(trial)
	require.Equal(t, 200, r.status)
	require.Contains(t, r.body, "v1")
	require.Empty(t, r.header.Get("Edge-Degraded"), "it is the target")
	lacks.pinned(t, 1)
	require.Contains(t, lacks.get(trial).cacheStatus(), "; hit")

	asked := between.asked.Load()
	require.Error(t, lacks.core.Fill(t.Context(), key(t, trial), "", at(2)))
	require.Equal(t, asked, between.asked.Load(), "a candidate is not looked for elsewhere")
	lacks.targets.Flip(at(2))
	require.Equal(t, 503, lacks.get(trial).status, "nobody has it")
	require.Equal(t, asked+1, between.asked.Load())
	require.False(t, strings.Contains(lacks.get(trial).body, "v1"))
}

// An isolated node looks for its targets too, and marks what it finds.
func TestIsolatedRescue(t *testing.T) {
	has := newManaged(t)
	require.Equal(t, 200, has.get(trial).status)
	between := &neighbour{of: has.core}
	lacks := newManaged(t, func(_ *edge.Config, d *edge.Deps) { d.Peers = between })
	lacks.origin.down.Store(true)
	lacks.standing.Isolate(true)
	r := lacks.get(trial)
	require.Equal(t, 200, r.status)
	require.Equal(t, "isolated", r.header.Get("Edge-Degraded"))
}

// spared refuses who does not wait.
func spared(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
	if !f.Waits {
		return nil, fmt.Errorf("fetch %s: %w", f.Target, edge.ErrUpstreamSpared)
	}
	return answer(200, "in turn", "Cache-Control: max-age=60"), nil
}

// Of an origin that is coming back, and is spared, only what nobody has is waited for.
func TestWhatNobodyHasWaitsForItsTurn(t *testing.T) {
	has, lacks, between := pair(t, "max-age=60, stale-if-error=3600")
	lacks.up.set(spared)
	require.Equal(t, "x", lacks.get("/a").body, "another node has it")
	require.EqualValues(t, 1, lacks.up.n.Load(), "and nothing was waited for")

	require.Equal(t, "in turn", lacks.get("/b").body)
	require.EqualValues(t, 2, between.asked.Load(), "after the others were asked")
	require.Contains(t, lacks.get("/b").cacheStatus(), "; hit")
	require.Equal(t, "in turn", lacks.do(t.Context(), "POST", "/b").body, "of which there can be no copy")

	has.up.set(spared)
	has.skew.Add(int64(2 * time.Minute))
	r := has.get("/a")
	require.Equal(t, []string{"x", "stale"}, []string{r.body, r.header.Get("Edge-Degraded")}, "a copy is shown at once")

	has.marks.Raise(cachekey.Selector{All: true}, invalidation.ModeHard)
	require.Equal(t, "in turn", has.get("/a").body, "what was purged is no copy")
}
