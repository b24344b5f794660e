package quota

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// lease is a term that tests begin and end by hand.
type lease struct {
	began, until time.Time
}

func (l *lease) held(now time.Time) (time.Duration, bool) {
	switch {
	case l.until.IsZero():
		return Never, false
	case now.After(l.until):
		return now.Sub(l.until), false
	}
	return now.Sub(l.began), true
}

// renew is what a watermark does.
func (l *lease) renew(now, until time.Time) {
	if now.After(l.until) {
		l.began = now
	}
	l.until = until
}

func TestNothingIsSpentBeyondATerm(t *testing.T) {
	c, l := newClock(), &lease{}
	g := NewSeededGate(c.Now, 1).Within(l.held)
	_, err := g.Set(Quota{Segment: "b2b", RPS: 10, Burst: 5})
	require.NoError(t, err)
	take := func() (n int, last Decision) {
		for range 20 {
			if last = g.Take("b2b", 1); last.Allowed {
				n++
			}
		}
		return n, last
	}
	c.Advance(time.Minute)
	n, d := take()
	require.Zero(t, n, "before the first term")
	require.True(t, d.Governed)
	require.True(t, d.Lapsed)
	require.Equal(t, int64(0), d.Remaining)
	require.GreaterOrEqual(t, d.RetryAfter, 1)
	require.Equal(t, `"b2b";q=10;w=1`, d.Policy)

	l.renew(c.Now(), c.Now().Add(5*time.Second))
	n, d = take()
	require.Zero(t, n, "a bucket is empty when a term begins")
	require.False(t, d.Lapsed)
	c.Advance(5 * time.Second)
	n, _ = take()
	require.Equal(t, 5, n, "its end is within it")
	c.Advance(200 * time.Millisecond)
	n, _ = take()
	require.Zero(t, n, "the term is over, though two tokens would have come")

	// Renewed before it ends, it is one term: what was saved remains.
	l.renew(c.Now(), c.Now().Add(5*time.Second))
	c.Advance(300 * time.Millisecond)
	l.renew(c.Now(), c.Now().Add(5*time.Second))
	n, _ = take()
	require.Equal(t, 3, n)

	// A lapse that no request saw empties it all the same; what comes after the
	// new term's beginning counts.
	c.Advance(time.Minute)
	l.renew(c.Now(), c.Now().Add(5*time.Second))
	c.Advance(200 * time.Millisecond)
	n, _ = take()
	require.Equal(t, 2, n)

	// In shadow mode everything is admitted, and counted.
	_, err = g.Set(Quota{Segment: "b2b", RPS: 10, Burst: 5, Mode: ModeShadow})
	require.NoError(t, err)
	c.Advance(time.Minute)
	d = g.Take("b2b", 1)
	require.True(t, d.Allowed)
	require.True(t, d.Shadow)
	admitted, _ := g.TakeEach("b2b", 9)
	require.Equal(t, 9, admitted)
}

// Whatever terms begin and end, whenever, the bucket never holds more than what has
// come since the last began.
func TestATermAddsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, l := newClock(), &lease{}
		g := NewSeededGate(c.Now, 1).Within(l.held)
		q := Quota{Segment: "b2b", RPS: 10, Burst: 5}
		_, err := g.Set(q)
		require.NoError(t, err)
		var log []admission
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"take", "take", "pass", "pass", "renew", "set"}).Draw(t, "step") {
			case "take":
				d := g.Take("b2b", rapid.IntRange(1, 5).Draw(t, "n"))
				valid := !c.Now().After(l.until)
				require.Equal(t, !valid, d.Lapsed)
				require.False(t, d.Allowed && !valid)
				if d.Allowed {
					log = append(log, admission{c.Now().UnixNano(), 1, 10, 5})
					since := c.Now().Sub(l.began).Seconds()
					require.LessOrEqual(t, float64(d.Remaining)+1, min(5, 10*since)+1e-6, "more than came since the term began")
				}
			case "pass":
				c.Advance(time.Duration(rapid.IntRange(1, 3000).Draw(t, "ms")) * time.Millisecond)
			case "renew":
				l.renew(c.Now(), c.Now().Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "term"))*time.Millisecond))
			case "set":
				q.Priority = (q.Priority + 1) % 10
				_, err := g.Set(q)
				require.NoError(t, err)
			}
		}
		require.Nil(t, checkCeiling(log))
	})
}

// After its term a node goes on by a fiftieth, for ten minutes: what it has saved
// above that is gone, and a process that has never been within a term has nothing.
func TestBaseShares(t *testing.T) {
	c, l := newClock(), &lease{}
	g := NewSeededGate(c.Now, 1).Within(l.held)
	q := Quota{Segment: "b2b", RPS: 300, Burst: 600}
	part := func(q Quota) Share { return q.part(0, 3) }
	require.Equal(t, Share{RPS: 2, Burst: 4}, part(q.base()))
	_, err := g.set(q, part(q), part(q.base()))
	require.NoError(t, err)
	take := func() (n int) {
		for range 300 {
			d := g.Take("b2b", 1)
			require.Equal(t, `"b2b";q=300;w=1`, d.Policy)
			if d.Allowed {
				n++
			}
		}
		return n
	}
	c.Advance(time.Minute)
	require.Zero(t, take(), "it has never known what holds")
	l.renew(c.Now(), c.Now().Add(5*time.Second))
	require.Zero(t, take())
	c.Advance(6 * time.Second)
	require.Equal(t, 4, take(), "of 200 saved, a base share's burst is left")
	c.Advance(time.Second)
	require.Equal(t, 2, take())
	c.Advance(BaseTerm - 3*time.Second)
	require.Equal(t, 4, take())
	c.Advance(time.Second)
	require.Equal(t, 0, take(), "ten minutes after its term")
	l.renew(c.Now(), c.Now().Add(5*time.Second))
	require.Zero(t, take(), "empty")
	c.Advance(time.Second)
	require.Equal(t, 100, take())
	c.Advance(5 * time.Second)
	_, err = g.set(q, part(q), part(q.base()))
	require.NoError(t, err)
	require.Equal(t, 4, take(), "also after a definition that came meanwhile")

	for _, c := range []struct {
		was, is Quota
		want    bool
	}{
		{Quota{RPS: 300, Burst: 300}, Quota{RPS: 6, Burst: 6}, false},
		{Quota{RPS: 300, Burst: 300}, Quota{RPS: 5, Burst: 6}, true},
		{Quota{RPS: 300, Burst: 300}, Quota{RPS: 6, Burst: 5}, true},
		{Quota{RPS: 300, Burst: 300}, Quota{RPS: 300, Burst: 300, Scope: ScopeRegion}, true},
		{Quota{RPS: 300, Burst: 49}, Quota{RPS: 1, Burst: 1, Scope: ScopeRegion}, false},
	} {
		require.Equal(t, c.want, c.was.Outlasts(c.is), "%+v", c)
	}
}
