package serve

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/edgetest"
)

// broken is content that breaks off.
type broken struct {
	r   io.Reader
	err error
}

func (b broken) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err == io.EOF {
		if b.err == nil {
			panic("a stream that panics")
		}
		err = b.err
	}
	return n, err
}

// TestStreamsEndOnce: each stream is closed exactly once, whatever happens, and
// content that broke off never looks whole.
func TestStreamsEndOnce(t *testing.T) {
	t.Parallel()
	streams := make(chan *closer, 64) // a client may try again where nothing came
	kinds := map[string]struct {
		method string
		length int64
		r      func() io.Reader
		whole  bool
	}{
		"whole":              {"GET", 6, func() io.Reader { return strings.NewReader("abcdef") }, true},
		"whole, unknown":     {"GET", -1, func() io.Reader { return strings.NewReader("abcdef") }, true},
		"HEAD":               {"HEAD", 6, func() io.Reader { return strings.NewReader("abcdef") }, true},
		"not modified":       {"GET", -1, func() io.Reader { return strings.NewReader("") }, true},
		"short":              {"GET", 60_000, func() io.Reader { return strings.NewReader("abcdef") }, false},
		"long":               {"GET", 3, func() io.Reader { return strings.NewReader("abcdef") }, false},
		"breaks off":         {"GET", 60_000, func() io.Reader { return broken{strings.NewReader("abc"), errors.New("gone")} }, false},
		"breaks off unknown": {"GET", -1, func() io.Reader { return broken{strings.NewReader("abc"), errors.New("gone")} }, false},
		"panics":             {"GET", -1, func() io.Reader { return broken{strings.NewReader("abc"), nil} }, false},
	}
	core := coreFunc(func(_ context.Context, x *edge.Exchange) {
		kind := kinds[x.Req.Fields.Get("X-Kind")]
		x.Rep.Status, x.Rep.Length = 200, kind.length
		if x.Req.Fields.Get("X-Kind") == "not modified" {
			x.Rep.Status = 304
		}
		s := newCloser(kind.r())
		x.Rep.Stream = s
		streams <- s
	})
	r := start(t, core)
	clients := r.clients()
	for name, kind := range kinds {
		for _, c := range clients {
			t.Run(name+" "+c.name, func(t *testing.T) {
				req, err := http.NewRequest(kind.method, c.base+"/", nil)
				require.NoError(t, err)
				req.Header.Set("X-Kind", name)
				resp, err := c.Do(req)
				if err == nil {
					_, err = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
				switch {
				case kind.whole:
					require.NoError(t, err)
				case name == "long": // cut at what was announced, or broken off
				default:
					require.Error(t, err)
				}
				for s := range taken(streams) {
					select {
					case <-s.closed:
					case <-time.After(30 * time.Second):
						require.Fail(t, "never closed")
					}
					require.Empty(t, s.closed, "closed twice")
				}
			})
		}
	}
}

// taken yields the next of c, and what else is there.
func taken[T any](c chan T) func(yield func(T) bool) {
	return func(yield func(T) bool) {
		for ok := yield(<-c); ok && len(c) > 0; ok = yield(<-c) {
		}
	}
}

func TestEventsComeOneByOne(t *testing.T) {
	t.Parallel()
	pipes := make(chan *io.PipeWriter, 1)
	core := coreFunc(func(_ context.Context, x *edge.Exchange) {
		pr, pw := io.Pipe()
		x.Rep.Status, x.Rep.Length, x.Rep.Stream = 200, -1, pr
		x.Rep.Passed = []edge.Field{{Name: "Content-Type", Value: "text/event-stream"}}
		pipes <- pw
	})
	r := start(t, core)
	r.over(t, func(t *testing.T, c client) {
		resp, err := c.Get(c.base + "/") // the header section does not wait for content
		require.NoError(t, err)
		defer resp.Body.Close()
		pw := <-pipes
		lines := bufio.NewReader(resp.Body)
		for i := range 3 {
			_, err := fmt.Fprintf(pw, "data: %d\n", i)
			require.NoError(t, err)
			line, err := lines.ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, fmt.Sprintf("data: %d\n", i), line)
		}
		require.NoError(t, pw.Close())
		_, err = lines.ReadByte()
		require.ErrorIs(t, err, io.EOF)
	})
}

func TestStreamOutlivesOneTimeout(t *testing.T) {
	t.Parallel()
	core := coreFunc(func(_ context.Context, x *edge.Exchange) {
		x.Rep.Status, x.Rep.Length = 200, -1
		x.Rep.Stream = io.NopCloser(&ticks{left: 4, every: 350 * time.Millisecond})
	})
	r := start(t, core, func(c *Config) { c.WriteTimeout = time.Second })
	r.over(t, func(t *testing.T, c client) {
		a := c.do(t, "GET", "/", nil)
		require.NoError(t, a.err)
		require.Equal(t, "tick tick tick tick ", a.body)
	})
}

// ticks is content that comes slowly.
type ticks struct {
	left  int
	every time.Duration
}

func (s *ticks) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	s.left--
	<-time.After(s.every)
	return copy(p, "tick "), nil
}

func TestHTTP10(t *testing.T) {
	core := coreFunc(func(_ context.Context, x *edge.Exchange) {
		x.Rep.Status, x.Rep.Length = 200, -1
		n := 10
		if x.Req.Target == "/big" {
			n = maxUnframed + 1
		}
		var content io.Reader = strings.NewReader(strings.Repeat("x", n))
		if x.Req.Target == "/broken" {
			content = broken{content, errors.New("gone")}
		}
		x.Rep.Stream = newCloser(content)
	})
	r := start(t, core, func(c *Config) { c.Secure = "" })
	for target, want := range map[string]int{"/": 200, "/big": 505, "/broken": 502} {
		answers, closed := r.exchange(t, "GET "+target+" HTTP/1.0\r\nHost: a\r\n\r\n")
		require.True(t, closed)
		require.Len(t, answers, 1)
		require.Equal(t, want, answers[0].StatusCode)
		require.Empty(t, answers[0].TransferEncoding)
		require.Positive(t, answers[0].ContentLength)
	}
}

func TestPanics(t *testing.T) {
	t.Parallel()
	var logged lines
	core := coreFunc(func(_ context.Context, x *edge.Exchange) {
		if x.Req.Target == "/stream" {
			x.Rep.Status, x.Rep.Length = 200, -1
			x.Rep.Stream = newCloser(broken{strings.NewReader("abc"), nil})
			return
		}
		if x.Req.Target == "/panic" {
			x.Rep.Passed = []edge.Field{{Name: "X-Half", Value: "done"}}
			panic("of the core")
		}
		x.Rep.Status, x.Rep.Body, x.Rep.Length = 200, []byte("ok"), 2
	})
	r := start(t, loggingCore{core, &logged})
	r.over(t, func(t *testing.T, c client) {
		logged.n.Store(0)
		a := c.do(t, "GET", "/panic", nil)
		require.Equal(t, 500, a.status)
		require.Equal(t, "application/problem+json", a.header.Get("Content-Type"))
		require.NotContains(t, a.body, "of the core")
		require.Equal(t, int64(1), logged.n.Load(), "logged once")
		require.Contains(t, logged.text(), "of the core")
		a = c.do(t, "GET", "/", nil)
		require.Equal(t, "ok", a.body)
		logged.n.Store(0)
		resp, err := c.Get(c.base + "/stream")
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
		require.Error(t, err)
		require.Equal(t, int64(1), logged.n.Load(), "logged once")
	})
	answers, closed := r.exchange(t, "GET /panic HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
	require.Len(t, answers, 1)
	require.True(t, closed)
}

// lines counts what is logged.
type lines struct {
	n  atomic.Int64
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.n.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestOwnMemoryIsCopied: the exchange is back in the pool before fasthttp writes
// the answer, so only a stored body may be referred to.
func TestOwnMemoryIsCopied(t *testing.T) {
	art := edgetest.Artifact(t, "stored content")
	scratch := []byte("own")
	body := scratch
	core := coreFunc(func(_ context.Context, x *edge.Exchange) {
		x.Rep.Status, x.Rep.Body, x.Rep.Length = 200, body, int64(len(body))
		if x.Req.Target == "/art" {
			x.Rep.Art = art
		}
		x.Rep.Extra.Add("X-Own", scratch)
	})
	cfg, err := Config{Plain: "127.0.0.1:0"}.withDefaults()
	require.NoError(t, err)
	h := newH1(context.Background(), core, cfg, "", slog.New(slog.DiscardHandler))
	for _, target := range []string{"/", "/art"} {
		ctx := &fasthttp.RequestCtx{}
		ctx.Init(&fasthttp.Request{}, nil, nil)
		wire := "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n"
		require.NoError(t, ctx.Request.Read(bufio.NewReader(strings.NewReader(wire))))
		copy(scratch, "own")
		h.serve(ctx)
		copy(scratch, "\xDB\xDB\xDB")
		require.Equal(t, "own", string(ctx.Response.Body()))
		require.Equal(t, "own", string(ctx.Response.Header.Peek("X-Own")))
	}
	body = art.Body[7:]
	ctx := &fasthttp.RequestCtx{}
	ctx.Init(&fasthttp.Request{}, nil, nil)
	require.NoError(t, ctx.Request.Read(bufio.NewReader(strings.NewReader("GET /art HTTP/1.1\r\nHost: a\r\n\r\n"))))
	h.serve(ctx)
	require.Same(t, &art.Body[7], &ctx.Response.Body()[0], "a part of a stored body is not copied")
}
