package edge_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/edgetest"
)

// A transport that must not wait where it stands calls Begin there and Finish
// elsewhere: together they answer as Serve does, once.
func TestBeginAnswersHitsAndLeavesTheRest(t *testing.T) {
	n := newNode(t)
	n.up.set(sound)
	begin := func(method, target string) (*edge.Exchange, bool) {
		x := &edge.Exchange{Now: time.Now()}
		x.Req = edge.Request{
			Method: edge.ParseMethod(method), MethodText: method, Host: "edge.test", Target: target,
			Fields: &edgetest.Fields{}, Length: -1,
		}
		return x, n.core.Begin(x)
	}

	x, done := begin("GET", trial)
	require.False(t, done, "a miss waits for its fill")
	require.Zero(t, n.up.n.Load(), "Begin has asked nobody")
	n.core.Finish(context.Background(), x)
	require.Equal(t, 200, x.Rep.Status)
	require.EqualValues(t, 1, n.up.n.Load())

	x, done = begin("GET", trial)
	require.True(t, done, "a hit waits for nothing")
	require.Equal(t, 200, x.Rep.Status)
	require.True(t, x.Rep.Cache.Hit)

	x, done = begin("POST", "/list")
	require.False(t, done, "an unsafe method goes to the origin")
	n.core.Finish(context.Background(), x)
	require.EqualValues(t, 2, n.up.n.Load())
}

// A form is written anew until it has been asked for twice, and kept from then on.
func TestFormIsKeptFromItsSecondUse(t *testing.T) {
	n := newNode(t)
	n.up.set(sound)
	n.get(trial)
	x := &edge.Exchange{Now: time.Now()}
	x.Req = edge.Request{Method: edge.MethodGet, MethodText: "GET", Host: "edge.test", Target: trial, Fields: &edgetest.Fields{}}
	require.True(t, n.core.Begin(x))
	written := 0
	encode := func(*edge.Artifact) []byte { written++; return []byte{byte(written)} }
	for want := range []int{1, 2, 2, 2} {
		require.Equal(t, min(want+1, 2), int(x.Rep.Art.Form(edge.H2, encode)[0]))
	}
	require.Equal(t, byte(3), x.Rep.Art.Form(edge.H3, encode)[0], "each protocol has its own")
}
