package serve

import (
	"bufio"
	"context"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/edgetest"
)

// browserRequest is what a browser sends for an artifact.
const browserRequest = "GET /v1/segments/b2b/ctas/trial?lang=ja HTTP/1.1\r\nHost: edge.test\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36\r\n" +
	"accept: application/json\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: ja,en;q=0.8\r\n" +
	"Sec-Fetch-Mode: cors\r\nSec-Fetch-Site: same-origin\r\nReferer: https://edge.test/\r\nCookie: a=1; b=2\r\n\r\n"

// hitCore answers from a stored artifact, as a hit does.
func hitCore(tb testing.TB) Core {
	art := edgetest.Artifact(tb, strings.Repeat("x", 1024), "Content-Type", "application/json", "Date", originDate,
		"Etag", `"x"`, "Docs-Version", "trial=42, core-message=7", "Cache-Groups", `"segment:b2b", "cta:trial"`,
		"Vary", "Accept-Encoding", "Vary", "Accept-Language")
	age, status, limit := []byte("17"), []byte("tokyo-1; hit; ttl=43"), []byte(`"b2b";r=150;t=1`)
	policy := []byte(`"b2b";q=200;w=1`)
	return coreFunc(func(_ context.Context, x *edge.Exchange) {
		if x.Req.Fields.Combined("Accept-Language") == "" || x.Req.Fields.Get("If-None-Match") != "" {
			panic("not the request that was sent")
		}
		x.Rep.Status, x.Rep.Art, x.Rep.Body, x.Rep.Length = 200, art, art.Body, int64(len(art.Body))
		x.Rep.Extra.Add("Age", age)
		x.Rep.Extra.Add("Cache-Status", status)
		x.Rep.Extra.Add("RateLimit-Policy", policy)
		x.Rep.Extra.Add("RateLimit", limit)
	})
}

// h1Bench is the handler with one parsed request.
func h1Bench(tb testing.TB) (*h1, *fasthttp.RequestCtx) {
	cfg, err := Config{Plain: "127.0.0.1:0"}.withDefaults()
	require.NoError(tb, err)
	h := newH1(context.Background(), hitCore(tb), cfg, `h3=":443"; ma=300`, nil)
	ctx := &fasthttp.RequestCtx{}
	ctx.Init(&fasthttp.Request{}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1234}, nil)
	require.NoError(tb, ctx.Request.Read(bufio.NewReader(strings.NewReader(browserRequest))))
	ctx.Response.Header.SetNoDefaultContentType(true)
	return h, ctx
}
