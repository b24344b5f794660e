package serve

import (
	"testing"

	"github.com/valyala/fasthttp"
)

// BenchmarkHit is the HTTP/1.1 handler with a core that costs nothing: request
// view, gate and rendering, without the socket.
func BenchmarkHit(b *testing.B) {
	h, ctx := h1Bench(b)
	b.ReportAllocs()
	for b.Loop() {
		h.serve(ctx)
		reset(ctx)
	}
}

// BenchmarkBare is fasthttp alone setting the same field lines.
func BenchmarkBare(b *testing.B) {
	h, ctx := h1Bench(b)
	h.serve(ctx)
	type line struct{ name, value []byte }
	var lines []line
	for name, value := range ctx.Response.Header.All() {
		lines = append(lines, line{append([]byte(nil), name...), append([]byte(nil), value...)})
	}
	body := ctx.Response.Body()
	reset(ctx)
	b.ReportAllocs()
	for b.Loop() {
		for i := range lines {
			ctx.Response.Header.SetCanonical(lines[i].name, lines[i].value)
		}
		ctx.Response.SetBodyRaw(body)
		reset(ctx)
	}
}

// BenchmarkGate is the strict pass over a browser's header section.
func BenchmarkGate(b *testing.B) {
	_, ctx := h1Bench(b)
	var f h1Fields
	b.ReportAllocs()
	for b.Loop() {
		if checkH1(&ctx.Request.Header, &f, 1<<20).Refused() {
			b.Fatal("refused")
		}
	}
}

func reset(ctx *fasthttp.RequestCtx) {
	ctx.Response.Header.Reset()
	ctx.Response.Header.SetNoDefaultContentType(true)
	ctx.Response.ResetBody()
}
