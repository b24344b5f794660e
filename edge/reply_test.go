package edge_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/invalidation"
	"github.com/letteros/letteredge/quota"
)

// The list of lines made for one answer has a fixed size. No answer comes near
// it, not even those with the most to say.
func TestExtraLinesFit(t *testing.T) {
	n := newNode(t, func(c *edge.Config, _ *edge.Deps) { c.TimingOnHits = true })
	n.up.set(sound)
	_, err := n.gate.Set(quota.Quota{Segment: "b2b", RPS: 1, Burst: 2, Overflow: quota.OverflowStale})
	require.NoError(t, err)
	n.skew.Add(int64(10 * time.Second))
	most := 0
	count := func(target string, lines ...string) int {
		x := &edge.Exchange{Now: n.now()}
		x.Req = edge.Request{Method: edge.MethodGet, MethodText: "GET", Host: "edge.test", Target: target, Fields: fields(lines...)}
		n.core.Serve(context.Background(), x)
		most = max(most, len(x.Rep.Extra.Lines()))
		return x.Rep.Status
	}
	require.Equal(t, 200, count(trial))
	require.Equal(t, 206, count(trial, "Range: bytes=0-1"))
	require.Equal(t, 416, count(trial, "Range: bytes=99999-"))
	require.Equal(t, 429, count("/v1/segments/b2b/ctas/none"))
	n.skew.Add(int64(2 * time.Minute))
	n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) { return nil, errors.New("down") })
	require.Equal(t, 206, count(trial, "Range: bytes=0-1"), "stale, degraded, governed and a part")
	require.Equal(t, 502, count("/v1/segments/b2b/ctas/none"))
	require.LessOrEqual(t, most, 12)
	require.Greater(t, most, 6)
}

func TestExplainFetchesNothing(t *testing.T) {
	n := newNode(t)
	n.up.set(sound)
	e, err := n.core.Explain("edge.test", trial+"?lang=EN&x=1", fields())
	require.NoError(t, err)
	require.Equal(t, "miss", e.Outcome)
	require.Equal(t, trial+"?lang=en", e.Key.Text)
	require.Zero(t, n.up.n.Load())
	n.get(trial)
	e, err = n.core.Explain("edge.test", trial, fields())
	require.NoError(t, err)
	require.Equal(t, "hit", e.Outcome)
	require.Len(t, e.Copies, 1)
	require.Equal(t, invalidation.Valid, e.Copies[0].Slot.Stamp.State())
	require.Contains(t, e.Copies[0].Slot.Tags(), "doc:trial")
	_, err = n.core.Explain("edge.test", "/v1/segments/B/ctas/x", fields())
	require.Error(t, err)
	require.EqualValues(t, 1, n.up.n.Load())
}
