package h3

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/edgetest"
)

// A hit, a miss, what is passed on and what is refused, through a real core.
func TestServesACore(t *testing.T) {
	content := strings.Repeat("0123456789", 100)
	up := &edgetest.Upstream{FetchFunc: func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		return edgetest.Answer(200, content, "Cache-Control", "max-age=60", "Content-Type", "text/plain", "Etag", `"x"`), nil
	}}
	r := start(t, edgetest.NewCore(t, up))
	c := r.client()
	for i := range 3 {
		a := r.do(t, c, "GET", "/page", nil)
		require.NoError(t, a.err)
		require.Equal(t, 200, a.status)
		require.Equal(t, content, a.body)
		require.Equal(t, "text/plain", a.header.Get("Content-Type"))
		require.NotEmpty(t, a.header.Get("Date"))
		require.Equal(t, i > 0, strings.Contains(a.header.Get("Cache-Status"), "; hit"), a.header)
	}
	require.Equal(t, 1, up.Calls())

	a := r.do(t, c, "HEAD", "/page", nil)
	require.Equal(t, "200 1000 ", fmt.Sprint(a.status, " ", a.length, " ", a.body))
	a = r.do(t, c, "GET", "/page", nil, "If-None-Match", `"x"`)
	require.Equal(t, 304, a.status)
	a = r.do(t, c, "GET", "/page", nil, "Range", "bytes=10-19")
	require.Equal(t, "206 0123456789", fmt.Sprint(a.status, " ", a.body))
	a = r.do(t, c, "POST", "/form", strings.NewReader("a=b"))
	require.Equal(t, 200, a.status)
}

func TestAnswersOfAllSizes(t *testing.T) {
	sizes := []int{0, 1, 100, 1200, 1400, 1452, 1500, 5000, 16 << 10, 20 << 10, 21 << 10, 100 << 10, 3 << 20}
	core := coreFunc{serve: func(_ context.Context, x *edge.Exchange) {
		var n int
		_, _ = fmt.Sscanf(x.Req.Target, "/%d", &n)
		says(x, strings.Repeat("x", n))
	}}
	r := start(t, core)
	c := r.client()
	var all sync.WaitGroup
	for range 3 {
		for _, n := range sizes {
			all.Go(func() {
				a := r.do(t, c, "GET", fmt.Sprintf("/%d", n), nil)
				require.NoError(t, a.err)
				require.Equal(t, n, len(a.body))
				require.EqualValues(t, n, a.length)
			})
		}
	}
	all.Wait()
}

func TestContentOfRequests(t *testing.T) {
	core := coreFunc{
		waits: func(x *edge.Exchange) bool { return x.Req.Body != nil },
		serve: func(_ context.Context, x *edge.Exchange) {
			if x.Req.Body == nil {
				says(x, "none")
				return
			}
			b, err := io.ReadAll(x.Req.Body)
			says(x, fmt.Sprint(len(b), " ", x.Req.Length, " ", err))
		}}
	r := start(t, core)
	c := r.client()
	big := strings.Repeat("x", 300_000)
	require.Equal(t, "none", r.do(t, c, "POST", "/", nil).body)
	require.Equal(t, "3 3 <nil>", r.do(t, c, "POST", "/", strings.NewReader("abc")).body)
	require.Equal(t, "300000 300000 <nil>", r.do(t, c, "PUT", "/", strings.NewReader(big)).body)
	require.Equal(t, "300000 -1 <nil>", r.do(t, c, "PUT", "/", io.MultiReader(strings.NewReader(big))).body)
	require.Equal(t, "3 3 <nil>", r.do(t, c, "POST", "/", strings.NewReader("abc"), "Expect", "100-continue").body)
	require.Equal(t, "none", r.do(t, c, "GET", "/", io.MultiReader(strings.NewReader("abc"))).body, "it has no meaning")
	require.Equal(t, 413, r.do(t, c, "POST", "/", strings.NewReader(strings.Repeat("x", 2<<20))).status)
}
