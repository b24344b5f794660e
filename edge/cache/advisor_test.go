package cache

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/invalidation"
)

// standing returns an advisor that knows of the hashes 7 and 8, whose loop stands
// still until it is let go, and whose buffer of Sets is full; and the entries that it
// has dropped.
func standing(t *testing.T) (a *advisor, let func(), dropped chan *edge.Entry) {
	t.Helper()
	gate, stands := make(chan struct{}), make(chan struct{}, 1)
	dropped = make(chan *edge.Entry, 1<<16)
	a, err := newAdvisor(1<<20, func(_ uint64, e *edge.Entry) {
		select {
		case stands <- struct{}{}:
		default:
		}
		<-gate
		dropped <- e
	})
	require.NoError(t, err)
	require.True(t, a.admit(7, edge.NewEntry("7"), 1))
	require.True(t, a.admit(8, edge.NewEntry("8"), 1))
	a.c.Wait()
	require.True(t, a.admit(1, edge.NewEntry("large"), 1<<40), "which is rejected")
	<-stands
	for n := uint64(1000); a.admit(n, edge.NewEntry("x"), 1); n++ {
	}
	return a, func() { close(gate) }, dropped
}

// A fill that lets an entry go waits for no step of ristretto's loop, whose buffer
// may be full: of the purge of a million objects, say.
func TestForgettingWaitsForNobody(t *testing.T) {
	a, let, dropped := standing(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.forget(7)
		a.forget(8)
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		let()
		t.Fatal("forgetting waits for ristretto")
	}
	// A newer entry under a hash that is being forgotten is not told of: what is
	// forgotten would be that one.
	require.False(t, a.admit(8, edge.NewEntry("newer"), 1))
	let()
	require.Eventually(t, func() bool { return a.admit(8, edge.NewEntry("newest"), 1) }, time.Minute, time.Millisecond)
	a.c.Wait()
	_, seven := a.c.Get(7)
	e, _ := a.c.Get(8)
	require.False(t, seven, "it is forgotten")
	require.Equal(t, "newest", e.Text())
	require.Len(t, dropped, 1)
	require.Equal(t, "large", (<-dropped).Text())
	a.close()
}

// What ristretto is too busy to hear of stays, and is let go by the index.
func TestWhatIsNotToldOfStays(t *testing.T) {
	const bound = 64 << 10
	c, m := newCache(t, bound), invalidation.NewMarks()
	c.advisor.close()
	var let func()
	c.advisor, let, _ = standing(t)
	t.Cleanup(let)
	for i := range 200 {
		text := fmt.Sprintf("edge.test/%d", i)
		if c.Put(text, slot(t, m, text, string(make([]byte, 1<<10)), "")); i < 30 {
			require.NotNil(t, c.Get(text))
		}
		require.LessOrEqual(t, c.Stats().Bytes, int64(bound))
	}
	require.Greater(t, c.Stats().Entries, int64(30))
	require.Positive(t, c.Stats().DroppedSets)
}
