package simnet

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// number reads a number from the environment.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err, name)
	return n
}

// TestSeeds runs LETTEREDGE_SEEDS clusters (24) from the seed LETTEREDGE_FIRST_SEED
// (1) on, or the one of LETTEREDGE_SEED.
func TestSeeds(t *testing.T) {
	if one := number(t, "LETTEREDGE_SEED", 0); one > 0 {
		_, err := Run(one, Guards{})
		require.NoError(t, err)
		return
	}
	seeds, first := number(t, "LETTEREDGE_SEEDS", 24), number(t, "LETTEREDGE_FIRST_SEED", 1)
	defer debug.SetGCPercent(debug.SetGCPercent(800)) // a run has little that lives, and leaves much behind
	var next, answers, marked, bound, done, undone atomic.Uint64
	next.Store(first - 1)
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for seed := next.Add(1); seed < first+seeds && !t.Failed(); seed = next.Add(1) {
				w, err := Run(seed, Guards{})
				if err != nil {
					t.Error(err)
				}
				answers.Add(uint64(w.Answers))
				marked.Add(uint64(w.Marked))
				bound.Add(uint64(w.Bound))
				done.Add(uint64(w.Done))
				undone.Add(uint64(w.Undone))
			}
		})
	}
	all.Wait()
	t.Logf("%d seeds from %d on, %d answers, %d of them marked; %d requests under a limit; %d rollouts done, %d undone", seeds, first, answers.Load(), marked.Load(), bound.Load(), done.Load(), undone.Load())
	require.Greater(t, answers.Load(), seeds*1000)
	require.Positive(t, marked.Load())
	require.Greater(t, bound.Load(), seeds*10)
	require.Positive(t, done.Load())
	require.Positive(t, undone.Load())
}

// TestEveryGuardIsNeeded: without any one of these rules some seed goes wrong.
func TestEveryGuardIsNeeded(t *testing.T) {
	for name, guards := range map[string]Guards{
		"the epoch is read before the request": {LateEpoch: true},
		"an owner hears what the asker has":    {UntoldOwner: true},
		"a process start has its own numbers":  {SameIncarnation: true},
		"who joins a fill is checked":          {BlindJoin: true},
		"a stage has receipts before the next": {BlindStages: true},
		"slots are named by versions":          {RoleSlots: true},
		"a Summary has one snapshot":           {SplitSnapshot: true},
		"a share of a quota ends":              {EndlessShares: true},
	} {
		t.Run(name, func(t *testing.T) {
			first := uint64(1)
			if guards.BlindStages {
				first = 60 // those before it do not show it: it takes a node that lags for long
			}
			for seed := first; seed <= 400; seed++ {
				if _, err := Run(seed, guards); err != nil {
					t.Logf("found by %v", err)
					return
				}
			}
			t.Fatal("no seed of 400 shows why this rule is there")
		})
	}
}

// TestReproducible: a seed is a run, on clusters of all shapes.
func TestReproducible(t *testing.T) {
	for seed := range uint64(6) {
		a, _ := Run(seed, Guards{})
		b, _ := Run(seed, Guards{})
		require.Equal(t, a.Answers, b.Answers, "seed %d", seed)
		require.Equal(t, a.count, b.count, "seed %d", seed)
		require.Equal(t, a.log, b.log, "seed %d", seed)
		require.Equal(t, a.rand.Uint64(), b.rand.Uint64(), "seed %d", seed)
	}
}
