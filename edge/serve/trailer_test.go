package serve

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// Trailer fields follow the content that they came with, on each protocol; where
// there is no place for them they are left out, and over HTTP/3 where nobody has asked
// for them: TestChromiumReadsTrailedAnswers in bench/behaviour says why.
func TestTrailers(t *testing.T) {
	core := coreFunc(func(_ context.Context, x *edge.Exchange) {
		content := strings.NewReader("content")
		x.Rep.Status, x.Rep.Length, x.Rep.Stream = 200, -1, io.NopCloser(content)
		x.Rep.Announced = []string{"X-Sum", "X-Two", "X-None"}
		x.Rep.Trailer = func() []edge.Field {
			if content.Len() > 0 {
				return nil // asked before the end
			}
			return []edge.Field{{Name: "X-Sum", Value: "1"}, {Name: "X-Two", Value: "a"}, {Name: "X-Two", Value: "b"}}
		}
		x.Rep.Passed = []edge.Field{{Name: "X-A", Value: "b"}}
		if x.Req.Target == "/known" {
			x.Rep.Length = 7
		}
	})
	r := start(t, core)
	r.over(t, func(t *testing.T, c client) {
		req, err := http.NewRequest("GET", c.base+"/x", nil)
		require.NoError(t, err)
		if c.proto == edge.H3 {
			a := c.do(t, "GET", "/x", nil)
			require.NoError(t, a.err)
			require.Equal(t, "content", a.body)
			require.Empty(t, a.trailer)
			req.Header.Set("Te", "trailers")
		}
		resp, err := c.Do(req)
		require.NoError(t, err)
		require.Empty(t, resp.Header.Get("X-Sum"))
		require.Contains(t, resp.Trailer, "X-None", "announced")
		content, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, "content", string(content))
		require.Equal(t, "b", resp.Header.Get("X-A"))
		require.Equal(t, "1", resp.Trailer.Get("X-Sum"))
		require.Equal(t, "a, b", strings.Join(resp.Trailer["X-Two"], ", "))

		resp, err = c.Head(c.base + "/x")
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Empty(t, resp.Trailer)

		for _, req := range [][2]string{{"HEAD", "/x"}, {"GET", "/known"}} {
			a := c.do(t, req[0], req[1], nil)
			require.NoError(t, a.err)
			require.Equal(t, http.StatusOK, a.status)
			require.Equal(t, "b", a.header.Get("X-A"))
		}
	})
	old, _ := r.exchange(t, "GET /x HTTP/1.0\r\nHost: a\r\n\r\n")
	require.Len(t, old, 1)
	require.Empty(t, old[0].Header.Get("X-Sum"))
}
