//go:build !race

// The race detector's pools drop what they are given, so there is nothing to count with it.

package serve

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/edgetest"
)

func TestHitAllocatesNothing(t *testing.T) {
	h, ctx := h1Bench(t)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		h.serve(ctx)
		reset(ctx)
	}))
	h.serve(ctx)
	require.Equal(t, 200, ctx.Response.StatusCode())
	lines := string(ctx.Response.Header.Header()) // all of them are one to fasthttp, see block
	require.Contains(t, lines, "\r\nDate: "+originDate+"\r\n")
	require.Equal(t, 2, strings.Count(lines, "\r\nVary: "))
}

// TestRealHitAllocatesNothing is a hit through the handler and a real core.
func TestRealHitAllocatesNothing(t *testing.T) {
	up := &edgetest.Upstream{FetchFunc: func(context.Context, *edge.Fetch) (*edge.Answer, error) {
		return edgetest.Answer(200, strings.Repeat("x", 1024), "Cache-Control", "max-age=600",
			"Content-Type", "application/json", "Vary", "Accept-Language"), nil
	}}
	h, ctx := h1Bench(t)
	h.core = edgetest.NewCore(t, up)
	ctx.Request.Header.SetRequestURI("/page?x=1")
	h.serve(ctx) // fills
	reset(ctx)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		h.serve(ctx)
		reset(ctx)
	}))
	h.serve(ctx)
	require.Contains(t, string(ctx.Response.Header.Header()), "; hit")
	require.Equal(t, 1, up.Calls())
}
