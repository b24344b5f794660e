package invalidation

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/gossip"
)

func TestStatesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(t, config())
		count := func() []int {
			s := r.engine.States()
			require.Len(t, s, 3)
			return []int{s["pending"], s["partial"], s["complete"]}
		}
		require.Equal(t, []int{0, 0, 0}, count())
		one, two := r.purge(t), r.purge(t)
		require.Equal(t, []int{2, 0, 0}, count())
		for _, m := range r.now() {
			r.engine.Observe(report(m.ID, one))
		}
		require.Equal(t, []int{1, 0, 1}, count())
		time.Sleep(DefaultTimeout)
		require.Equal(t, []int{0, 1, 1}, count())
		for _, m := range r.now() {
			r.engine.Observe(report(m.ID, two))
		}
		require.Equal(t, []int{0, 0, 2}, count())
	})
}

// Each receipt of another node is measured once, and only by the process that
// accepted the purge.
func TestReceiptsAreMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(t, config())
		var after []time.Duration
		r.engine.SubscribeAnswered(func(d time.Duration) { after = append(after, d) })
		dot := r.purge(t)
		r.engine.Observe(report("tokyo-1", dot))
		require.Empty(t, after, "this node's own")
		time.Sleep(3 * time.Millisecond)
		r.engine.Observe(report("paris-1", dot))
		r.engine.Observe(report("paris-1", dot))
		time.Sleep(4 * time.Millisecond)
		r.engine.Observe(report("lima-1", dot))
		require.Equal(t, []time.Duration{3 * time.Millisecond, 7 * time.Millisecond}, after)

		// Of another process of this node, and of another node.
		rec, ok := r.engine.known.get(dot.String())
		require.True(t, ok)
		payload, err := encode(rec)
		require.NoError(t, err)
		for _, foreign := range []gossip.Dot{{Node: dot.Node, Incarnation: dot.Incarnation + 1, Seq: 1}, {Node: "lima-2", Incarnation: 1, Seq: 1}} {
			_, err := r.engine.Deliver(foreign, payload)
			require.NoError(t, err)
			r.engine.Observe(report("paris-2", foreign))
		}
		require.Len(t, after, 2)
	})
}
