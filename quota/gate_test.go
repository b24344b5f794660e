package quota

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// gateWith returns a gate whose buckets have had an hour to fill.
func gateWith(t testing.TB, quotas ...Quota) (*Gate, *clock) {
	t.Helper()
	c := newClock()
	g := NewSeededGate(c.Now, 1)
	for _, q := range quotas {
		_, err := g.Set(q)
		require.NoError(t, err)
	}
	c.Advance(time.Hour)
	return g, c
}

func takes(g *Gate, segment string) int {
	n := 0
	for g.Take(segment, 1).Allowed {
		n++
	}
	return n
}

func TestGateWithoutQuota(t *testing.T) {
	g, _ := gateWith(t)
	require.Equal(t, Decision{Allowed: true}, g.Take("b2b", 1))
	require.Equal(t, Decision{Allowed: true}, g.Take("", 1))
}

func TestGateDefaultStandsIn(t *testing.T) {
	g, c := gateWith(t, New("b2b", 1), New(Default, 2))
	require.Equal(t, "b2b", g.Take("b2b", 1).Segment)
	for range 4 {
		d := g.Take("", 1)
		require.Equal(t, Default, d.Segment)
		require.Equal(t, `"_default";q=2;w=1`, d.Policy)
		require.True(t, d.Allowed)
	}
	require.False(t, g.Take("", 1).Allowed)
	for _, segment := range []string{"b2c", strings.Repeat("x", 1000)} {
		require.False(t, g.Take(segment, 1).Governed, "it governs routes that name no segment (SEMANTICS §7), not segments without a quota")
	}
	require.True(t, g.Take("b2b", 1).Allowed)
	c.Advance(time.Second)
	_, ok := g.Remove(Default)
	require.True(t, ok)
	require.False(t, g.Take("", 1).Governed)
	require.True(t, g.Take("b2b", 1).Governed)
}

func TestGateSetKeepsTokensAndCounters(t *testing.T) {
	q := New("b2b", 10)
	g, c := gateWith(t, q)
	require.Equal(t, 20, takes(g, "b2b"))
	q.Burst = 100
	at, err := g.Set(q)
	require.NoError(t, err)
	require.Equal(t, c.Now(), at)
	require.Zero(t, takes(g, "b2b"), "a raised cap brings no tokens")
	c.Advance(time.Second)
	require.Equal(t, 10, takes(g, "b2b"))
	require.Equal(t, []Usage{{q, 30, 3, 0}}, slices.Collect(g.Usage()))
}

func TestGateRemoveAndSetAnewStartsEmpty(t *testing.T) {
	g, c := gateWith(t, New("b2b", 10))
	at, ok := g.Remove("b2b")
	require.True(t, ok)
	require.Equal(t, c.Now(), at)
	_, ok = g.Remove("b2b")
	require.False(t, ok)
	require.Empty(t, slices.Collect(g.Usage()))
	_, err := g.Set(New("b2b", 10))
	require.NoError(t, err)
	require.Zero(t, takes(g, "b2b"))
}

func TestGateSetRefusesWhatIsInvalid(t *testing.T) {
	g, _ := gateWith(t, New("b2b", 10))
	_, err := g.Set(Quota{Segment: "b2b", RPS: -1})
	require.ErrorContains(t, err, "rps must be")
	require.Equal(t, `"b2b";q=10;w=1`, g.Take("b2b", 1).Policy)
	_, err = g.Set(Quota{Segment: "b2c", RPS: 0.25})
	require.NoError(t, err, "a burst of 0 is the default")
	require.Equal(t, `"b2c";q=1;w=4`, g.Take("b2c", 1).Policy)
}

func TestGateShadow(t *testing.T) {
	q := New("b2b", 10)
	q.Mode = ModeShadow
	g, _ := gateWith(t, q)
	for range 20 {
		require.False(t, g.Take("b2b", 1).Shadow)
	}
	d := g.Take("b2b", 5)
	require.True(t, d.Governed && d.Allowed && d.Shadow)
	require.Zero(t, d.RetryAfter)
	require.Zero(t, d.Remaining)
	require.Equal(t, []Usage{{q, 20, 0, 5}}, slices.Collect(g.Usage()))
}

// A Take that found its entry before a change decides by the changed quota: the
// old entry is refused by the limiter, and the new table is there already.
func TestGateTakeUnderWayObeysAChange(t *testing.T) {
	g, _ := gateWith(t, New("b2b", 10))
	old := g.table.Load().find("b2b")
	_, current := old.limiter.takeAs(old.revision, 1)
	require.True(t, current)

	_, err := g.Set(New("b2b", 20))
	require.NoError(t, err)
	_, current = old.limiter.takeAs(old.revision, 1)
	require.False(t, current)
	changed := g.table.Load().find("b2b")
	_, current = changed.limiter.takeAs(changed.revision, 1)
	require.True(t, current)

	g.Remove("b2b")
	_, current = changed.limiter.takeAs(changed.revision, 1)
	require.False(t, current)
	require.Zero(t, drain(changed.limiter), "its tokens are gone")
}

// Once Set or Remove has returned, no later Take decides by the former quota.
func TestGateChangesUnderLoad(t *testing.T) {
	g := NewSeededGate(time.Now, 1)
	q := New("b2b", 1e-6) // one request in eleven days: whatever is admitted, shadow admitted it
	q.Burst = 1
	stop := make(chan struct{})
	var load sync.WaitGroup
	for range 2 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					g.Take("b2b", 1)
				}
			}
		})
	}
	for range 300 {
		q.Mode = ModeShadow
		_, err := g.Set(q)
		require.NoError(t, err)
		require.True(t, g.Take("b2b", 1).Shadow)
		q.Mode = ModeEnforce
		_, err = g.Set(q)
		require.NoError(t, err)
		require.False(t, g.Take("b2b", 1).Allowed)
		g.Remove("b2b")
		require.False(t, g.Take("b2b", 1).Governed)
	}
	close(stop)
	load.Wait()
}

// The segment is a view of a transport's buffer, which is overwritten later.
func TestGateKeepsNoView(t *testing.T) {
	g, _ := gateWith(t, New("b2b", 10))
	buffer := []byte("b2b")
	d := g.Take(view(buffer), 1)
	copy(buffer, "\xdb\xdb\xdb")
	require.Equal(t, "b2b", d.Segment)
	require.Equal(t, `"b2b";r=19;t=1`, string(d.AppendRateLimit(nil)))
	require.True(t, g.Take("b2b", 1).Governed)
}

// On the real clock, as time.Now gives it: 10/s from empty, for ten seconds.
func TestGateOnTheWallClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(time.Now)
		_, err := g.Set(New("b2b", 10))
		require.NoError(t, err)
		admitted := 0
		for range 1000 {
			time.Sleep(10 * time.Millisecond)
			if g.Take("b2b", 1).Allowed {
				admitted++
			}
		}
		require.Equal(t, 100, admitted)
	})
}

func TestUsageStopsEarly(t *testing.T) {
	g, _ := gateWith(t, New("b2b", 10), New("b2c", 10))
	for range g.Usage() {
		break
	}
}
