package invalidation

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/gossip"
)

// entries is what GET shows as the count of each purge.
func entries(t *testing.T, e *Engine, seqs ...int) string {
	t.Helper()
	var out []string
	for _, seq := range seqs {
		v, err := e.Get(fmt.Sprintf("tokyo-1.0000000000000007.%d", seq))
		require.NoError(t, err)
		if n := v.Nodes[0].Entries; n != nil {
			out = append(out, fmt.Sprint(*n))
		} else {
			out = append(out, "null")
		}
	}
	return strings.Join(out, " ")
}

func mustPurge(t *testing.T, e *Engine, sel cachekey.Selector, mode Mode) {
	t.Helper()
	_, err := e.Purge(t.Context(), sel, mode, "ci")
	require.NoError(t, err)
}

func TestSweepsCountBehindPurges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, c, j := NewMarks(), &shelf{}, &memory{}
		for i := range 6 {
			c.put(t, m, fmt.Sprint("h.example/", i), []string{"a", "b"}[i%2])
		}
		e := newEngine(t, config(), m, j, c)
		dry, err := e.DryRun(tagged("a"))
		require.NoError(t, err)
		mustPurge(t, e, tagged("a"), ModeHard)
		mustPurge(t, e, tagged("b"), ModeSoft)
		c.put(t, m, "h.example/0", "a") // stored anew: not the purge's
		require.Equal(t, "null null", entries(t, e, 1, 2))

		ran := make(chan error)
		go func() { ran <- e.Run(t.Context()) }()
		synctest.Wait()
		require.Equal(t, "3 3", entries(t, e, 1, 2))
		require.Equal(t, 3, dry.Entries, "dry run and purge agree")
		require.Len(t, c.copies, 4, "soft ones stay, and what came since")

		mustPurge(t, e, cachekey.Selector{All: true}, ModeHard)
		synctest.Wait()
		require.Equal(t, "4", entries(t, e, 3))
		require.Error(t, e.Run(t.Context()), "twice")
		require.NoError(t, e.Close())
		require.NoError(t, <-ran)

		// The counts are found again by the next process.
		cfg := config()
		cfg.Incarnation = 8
		again := newEngine(t, cfg, NewMarks(), j, &shelf{})
		require.Equal(t, "3 3 4", entries(t, again, 1, 2, 3))
		first, _ := e.List("", 10)
		second, _ := again.List("", 10)
		require.Equal(t, first, second)
	})
}

func TestWhatAReplayFindsIsSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &memory{recs: []Record{{Dot: gossip.Dot{Node: "tokyo-1", Incarnation: 7, Seq: 1}, Selector: tagged("a"), At: time.Now()}}}
		for range 3 {
			time.Sleep(time.Minute) // the node is down
			e := newEngine(t, config(), NewMarks(), j, &shelf{})
			v, err := e.Get("tokyo-1.0000000000000007.1")
			require.NoError(t, err)
			require.Equal(t, 60_000.0, *v.Nodes[0].AppliedAfterMS, "the first start after the crash applied it")
			go func() { _ = e.Run(t.Context()) }()
			synctest.Wait()
			require.NoError(t, e.Close())
		}
	})
}

func TestWaitingSweepsShareAWalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, c, j := NewMarks(), &bulk{}, &memory{}
		for i := range 9 {
			c.put(t, m, fmt.Sprint("h.example/", i), []string{"a", "b", "c"}[i%3], "x")
		}
		e := newEngine(t, config(), m, j, c)
		for range 20 {
			mustPurge(t, e, tagged("a"), ModeHard)
		}
		mustPurge(t, e, tagged("a", "b"), ModeHard)
		mustPurge(t, e, tagged("c"), ModeSoft)
		mustPurge(t, e, tagged("c"), ModeSoft)
		go func() { _ = e.Run(t.Context()) }()
		synctest.Wait()
		require.Equal(t, "3 3 6 3 3", entries(t, e, 1, 20, 21, 22, 23))
		require.Equal(t, 2, c.walks, "one for all hard ones, one for the soft selector")
		require.Equal(t, 1, j.settled)
		require.NoError(t, e.Close())
	})
}

func TestAFullQueueIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		cfg.Queue = 2
		m, c := NewMarks(), &shelf{}
		c.put(t, m, "h.example/", "c")
		e := newEngine(t, cfg, m, &memory{}, c)
		for _, tag := range []string{"a", "b", "c"} {
			mustPurge(t, e, tagged(tag), ModeHard)
		}
		go func() { _ = e.Run(t.Context()) }()
		synctest.Wait()
		require.Equal(t, "0 0 null", entries(t, e, 1, 2, 3))
		require.Equal(t, uint64(1), e.Dropped())
		require.Equal(t, Hard, c.copies[0].stamp.State(), "purged it is all the same")
		require.NoError(t, e.Close())
	})
}

func TestCloseJoinsAndRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		j := &memory{appending: func(Record) error { <-hold; return nil }}
		e := newEngine(t, config(), NewMarks(), j, &shelf{})
		purged, closed := make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := e.Purge(t.Context(), tagged("a"), ModeHard, "ci")
			purged <- err
		}()
		synctest.Wait()
		go func() { closed <- e.Close() }()
		synctest.Wait()
		require.Empty(t, closed, "a purge is under way")
		_, err := e.Purge(t.Context(), tagged("a"), ModeHard, "ci")
		require.ErrorIs(t, err, ErrClosed)
		close(hold)
		require.NoError(t, <-purged)
		require.NoError(t, <-closed)
		require.NoError(t, e.Close())
		require.Error(t, e.Run(t.Context()))
	})
}

func TestCancelling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		j := &memory{appending: func(Record) error { cancel(); return nil }}
		m := NewMarks()
		e := newEngine(t, config(), m, j, &shelf{})
		_, err := e.Purge(ctx, tagged("a"), ModeHard, "ci")
		require.NoError(t, err, "once the journal was asked the purge is carried out")
		require.Equal(t, Epoch(1), m.Epoch())
		_, err = e.Purge(ctx, tagged("a"), ModeHard, "ci")
		require.ErrorIs(t, err, context.Canceled)
		require.Len(t, j.recs, 1)
		require.NoError(t, e.Run(ctx))
	})
}

func TestRunReclaims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMarks()
		cfg := config()
		cfg.Oldest = m.Epoch
		e := newEngine(t, cfg, m, &memory{}, &shelf{})
		for i := range 10 {
			mustPurge(t, e, cachekey.Selector{Host: fmt.Sprintf("h%d.example", i)}, ModeHard)
		}
		go func() { _ = e.Run(t.Context()) }()
		hosts := func() int {
			m.mu.Lock()
			defer m.mu.Unlock()
			return m.hosts.used
		}
		time.Sleep(59 * time.Second)
		require.Equal(t, 10, hosts())
		time.Sleep(2 * time.Second)
		require.Equal(t, 1, hosts())
		require.NoError(t, e.Close())
	})
}

func TestReceiptsThatCannotBeKeptAreLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		cfg := config()
		cfg.Log = slog.New(slog.NewTextHandler(&out, nil))
		e := newEngine(t, cfg, NewMarks(), &unsettled{}, &shelf{})
		mustPurge(t, e, tagged("a"), ModeHard)
		go func() { _ = e.Run(t.Context()) }()
		synctest.Wait()
		require.Equal(t, "0", entries(t, e, 1))
		require.NoError(t, e.Close())
		require.Equal(t, 1, strings.Count(out.String(), "\n"))
		require.Contains(t, out.String(), `msg="receipts of purges not kept" count=1 err="disk full"`)
	})
}

type unsettled struct{ memory }

func (*unsettled) Settle([]Record) error { return fmt.Errorf("disk full") }

// Whoever puts purged entries back is told after the count, or at once where
// there will be none.
func TestSweptIsToldAfterTheCount(t *testing.T) {
	m, c := NewMarks(), &shelf{}
	c.put(t, m, trial, "doc:pricing")
	cfg := config()
	cfg.Queue = 1
	e := newEngine(t, cfg, m, &memory{}, c)
	told := make(chan Record, 8)
	left := make(chan int, 8)
	e.SubscribeSwept(func(rec Record) {
		c.mu.Lock()
		left <- len(c.copies)
		c.mu.Unlock()
		told <- rec
	})
	mustPurge(t, e, tagged("doc:pricing"), ModeHard)
	require.Empty(t, told, "it waits for the sweep, which nobody runs yet")
	mustPurge(t, e, tagged("doc:other"), ModeHard)
	require.Equal(t, uint64(2), (<-told).Dot.Seq, "the queue is full: there will be no sweep")
	require.Equal(t, 1, <-left)

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	require.Equal(t, uint64(1), (<-told).Dot.Seq)
	require.Equal(t, 0, <-left, "what was purged has been taken out")
	cancel()
	require.NoError(t, <-done)
}
