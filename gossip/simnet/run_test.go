package simnet

import (
	"os"
	"runtime"
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

// TestSeeds runs LETTEREDGE_SEEDS clusters (40), or the one of LETTEREDGE_SEED.
func TestSeeds(t *testing.T) {
	if one := number(t, "LETTEREDGE_SEED", 0); one > 0 {
		_, err := Run(one, Guards{})
		require.NoError(t, err)
		return
	}
	seeds := number(t, "LETTEREDGE_SEEDS", 40)
	var next, answers, marked, done, undone atomic.Uint64
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for seed := next.Add(1); seed <= seeds && !t.Failed(); seed = next.Add(1) {
				w, err := Run(seed, Guards{})
				if err != nil {
					t.Error(err)
				}
				answers.Add(uint64(w.Answers))
				marked.Add(uint64(w.Marked))
				done.Add(uint64(w.Done))
				undone.Add(uint64(w.Undone))
			}
		})
	}
	all.Wait()
	t.Logf("%d seeds, %d answers, %d of them marked; %d rollouts done, %d undone", seeds, answers.Load(), marked.Load(), done.Load(), undone.Load())
	require.Greater(t, answers.Load(), seeds*1000)
	require.Positive(t, marked.Load())
	require.Greater(t, done.Load(), seeds)
	require.Greater(t, undone.Load(), seeds/4)
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

// TestReproducible: a seed is a run.
func TestReproducible(t *testing.T) {
	a, _ := Run(7, Guards{})
	b, _ := Run(7, Guards{})
	require.Equal(t, a.Answers, b.Answers)
	require.Equal(t, a.count, b.count)
}
