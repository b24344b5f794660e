//go:build !race

// The race detector's pools drop what they are given, so there is nothing to count with it.

package serve

import (
	"context"
	"io"
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
	require.Equal(t, originDate, string(ctx.Response.Header.Peek("Date")))
	require.Len(t, ctx.Response.Header.PeekAll("Vary"), 2)
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

// TestOrdinaryHitAllocatesNothing is a hit from the bytes of its request to those of
// its answer, written to a socket, whether in one piece or in two.
func TestOrdinaryHitAllocatesNothing(t *testing.T) {
	for _, size := range []int{1 << 10, 16 << 10} {
		h, _ := h1Bench(t)
		up := &edgetest.Upstream{FetchFunc: func(context.Context, *edge.Fetch) (*edge.Answer, error) {
			return edgetest.Answer(200, strings.Repeat("x", size), "Cache-Control", "max-age=600",
				"Content-Type", "application/json", "Vary", "Accept-Language"), nil
		}}
		core := edgetest.NewCore(t, up)
		h.core = core
		c := &h1Conn{TCPConn: drained(t), h: h}
		request := []byte(strings.NewReplacer("/v1/segments/b2b/ctas/trial?lang=ja", "/page?x=1", "gzip, deflate, br, zstd", "identity").Replace(browserRequest))
		b := make([]byte, len(request))
		copy(b, request)
		require.Equal(t, notAnswered, c.answer(b), "it has to be fetched first")
		core.Finish(t.Context(), &c.begun.Exchange)
		if stream := c.begun.Rep.Stream; stream != nil {
			_, err := io.Copy(io.Discard, stream)
			require.NoError(t, err)
			require.NoError(t, stream.Close())
		}
		require.Zero(t, testing.AllocsPerRun(1000, func() {
			copy(b, request)
			if c.answer(b) != wasAnswered {
				panic("not a hit")
			}
		}))
		require.Equal(t, 1, up.Calls())
	}
}
