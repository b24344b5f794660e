package serve

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/edgetest"
	"github.com/letteros/letteredge/edge/serve/gate"
)

const originDate = "Tue, 15 Nov 1994 08:12:31 GMT"

// closer counts how often it is closed.
type closer struct {
	io.Reader
	closed chan struct{}
}

func newCloser(r io.Reader) *closer { return &closer{r, make(chan struct{}, 8)} }

func (c *closer) Close() error { c.closed <- struct{}{}; return nil }

// chunks is a stream of parts that come one by one.
type chunks struct{ parts []string }

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.parts) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.parts[0])
	c.parts[0] = c.parts[0][n:]
	if c.parts[0] == "" {
		c.parts = c.parts[1:]
	}
	return n, nil
}

func TestSameAnswers(t *testing.T) {
	t.Parallel()
	art := edgetest.Artifact(t, strings.Repeat("body ", 3000), "Content-Type", "text/plain", "Date", originDate,
		"Etag", `"x"`, "X-Many", "a", "X-Many", "b", "X-Many", "c", "X-Many", "", "Content-Encoding", "gzip",
		"Content-Language", "en", "Content-Language", "ja")
	replies := map[string]func(x *edge.Exchange){
		"/artifact": func(x *edge.Exchange) {
			x.Rep.Status, x.Rep.Art, x.Rep.Body, x.Rep.Length = 200, art, art.Body, int64(len(art.Body))
			x.Rep.Extra.Add("Age", []byte("12"))
			x.Rep.Extra.Add("RateLimit", []byte(`"b2b";r=1`))
		},
		"/range": func(x *edge.Exchange) {
			x.Rep.Status, x.Rep.Art, x.Rep.Body, x.Rep.Length = 206, art, art.Body[10:20], 10
			x.Rep.Extra.Add("Content-Range", []byte("bytes 10-19/15000"))
		},
		"/own": func(x *edge.Exchange) {
			x.Rep.Status, x.Rep.Art, x.Rep.Skip = 206, art, edge.SkipType
			x.Rep.Body = []byte("own memory")
			x.Rep.Length = 10
			x.Rep.Extra.Add("Content-Type", []byte("multipart/byteranges; boundary=x"))
			x.Rep.Extra.Add("X-Many", []byte("d"))
		},
		"/not-modified": func(x *edge.Exchange) {
			x.Rep.Status, x.Rep.Art, x.Rep.Length = 304, art, int64(len(art.Body))
		},
		"/no-content": func(x *edge.Exchange) {
			x.Rep.Status, x.Rep.Passed = 204, edgetest.Lines("X-A", "1", "Date", originDate)
			x.Rep.Length = 0
		},
		"/head-known":   func(x *edge.Exchange) { x.Rep.Status, x.Rep.Art, x.Rep.Length = 200, art, 15000 },
		"/head-unknown": func(x *edge.Exchange) { x.Rep.Status, x.Rep.Length = 200, -1 },
		"/empty":        func(x *edge.Exchange) { x.Rep.Status = 200 },
		"/no-type": func(x *edge.Exchange) {
			x.Rep.Status, x.Rep.Body, x.Rep.Length = 200, []byte("<html>guess me"), 14
		},
		"/passed": func(x *edge.Exchange) {
			x.Rep.Status = 200
			x.Rep.Passed = edgetest.Lines("Set-Cookie", "a=1; Path=/", "X-B", "1", "Set-Cookie", "b=2", "X-B", "2",
				"Set-Cookie", "a=3; HttpOnly", "Server", "origin", "Content-Type", "text/html", "Vary", "Accept", "Vary", "Cookie",
				"Date", originDate, "Connection", "close", "Transfer-Encoding", "chunked", "Alt-Svc", `h3=":1"`,
				"Content-Length", "999", "X-Empty", "")
			x.Rep.Body, x.Rep.Length = []byte("passed"), 6
		},
		"/stream-known": func(x *edge.Exchange) {
			x.Rep.Status, x.Rep.Passed, x.Rep.Length = 200, edgetest.Lines("Content-Type", "text/plain"), 9
			x.Rep.Stream = newCloser(&chunks{[]string{"abc", "def", "ghi"}})
		},
		"/stream": func(x *edge.Exchange) {
			x.Rep.Status, x.Rep.Passed, x.Rep.Length = 200, edgetest.Lines("Content-Type", "text/plain"), -1
			x.Rep.Stream = newCloser(&chunks{[]string{"abc", strings.Repeat("d", 100_000), "ghi"}})
		},
		"/stream-empty": func(x *edge.Exchange) {
			x.Rep.Status, x.Rep.Length = 200, -1
			x.Rep.Stream = newCloser(&chunks{})
		},
		"/451":  func(x *edge.Exchange) { x.Rep.Status, x.Rep.Body, x.Rep.Length = 451, []byte("no"), 2 },
		"/425":  func(x *edge.Exchange) { x.Rep.Status, x.Rep.Body, x.Rep.Length = 425, []byte("no"), 2 },
		"/odd":  func(x *edge.Exchange) { x.Rep.Status, x.Rep.Body, x.Rep.Length = 599, []byte("no"), 2 },
		"/move": func(x *edge.Exchange) { x.Rep.Status, x.Rep.Passed = 301, edgetest.Lines("Location", "/empty") },
	}
	core := coreFunc(func(_ context.Context, x *edge.Exchange) {
		replies[x.Req.Target](x)
		if x.Req.Method == edge.MethodHead {
			x.Rep.Body = nil
		}
	})
	r := start(t, core)
	clients := r.clients()
	for target := range replies {
		for _, method := range []string{"GET", "HEAD"} {
			if method == "GET" && strings.HasPrefix(target, "/head") {
				continue
			}
			t.Run(method+target, func(t *testing.T) {
				var first string
				for _, c := range clients {
					a := c.do(t, method, target, nil)
					require.NoError(t, a.err, c.name)
					alt := a.header.Values("Alt-Svc")
					if c.proto == edge.H3 {
						require.Empty(t, alt)
					} else {
						require.Equal(t, []string{fmt.Sprintf(`h3=":%d"; ma=300`, r.Addrs().Secure.Port())}, alt)
					}
					got := describe(a)
					if first == "" {
						first = got
						t.Log(got)
					}
					require.Equal(t, first, got, c.name)
				}
			})
		}
	}
}

// describe tells an answer in words, without what differs by protocol or time.
func describe(a answer) string {
	var b strings.Builder
	if gate.Bodiless(a.status) {
		a.length = 0 // the clients tell it differently
	}
	fmt.Fprintf(&b, "%d length=%d body=%d:%.20q\n", a.status, a.length, len(a.body), a.body)
	var names []string
	for name := range a.header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		switch {
		case name == "Alt-Svc":
		case name == "Date" && a.header.Get(name) != originDate:
			_, err := http.ParseTime(a.header.Get(name))
			fmt.Fprintf(&b, "Date: now, err=%v, %d\n", err, len(a.header[name]))
		default:
			fmt.Fprintf(&b, "%s: %q\n", name, a.header[name])
		}
	}
	return b.String()
}

func TestStoredAnswerOnTheWire(t *testing.T) {
	art := edgetest.Artifact(t, "hello", "Content-Type", "text/plain", "Date", originDate, "Etag", `"x"`)
	core := coreFunc(func(_ context.Context, x *edge.Exchange) {
		x.Rep.Status, x.Rep.Art, x.Rep.Body, x.Rep.Length = 200, art, art.Body, 5
		x.Rep.Extra.Add("Cache-Status", []byte("n; hit"))
	})
	r := start(t, core, func(c *Config) { c.Secure = "" })
	conn := r.raw(t)
	_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	require.NoError(t, err)
	all, err := io.ReadAll(conn)
	require.NoError(t, err)
	lines := strings.Split(string(all), "\r\n")
	slices.Sort(lines[1 : len(lines)-2])
	require.Equal(t, []string{"HTTP/1.1 200 OK", "Cache-Control: max-age=60", "Cache-Status: n; hit", "Connection: close",
		"Content-Length: 5", "Content-Type: text/plain", "Date: " + originDate, `Etag: "x"`, "", "hello"}, lines,
		"nothing invented, and no Alt-Svc without a listener for it")
}

// echo tells the core's view of a request.
func echo(_ context.Context, x *edge.Exchange) {
	var b strings.Builder
	req := &x.Req
	fmt.Fprintf(&b, "%s %s %s tls=%v early=%v length=%d client=%s\n", req.MethodText, req.Host, req.Target, req.TLS, req.Early, req.Length, req.Client)
	var lines []string
	req.Fields.All(func(name, value string) bool {
		lines = append(lines, name+": "+value)
		return true
	})
	slices.Sort(lines)
	fmt.Fprintln(&b, strings.Join(lines, "\n"))
	fmt.Fprintf(&b, "get=%q combined=%q", req.Fields.Get("X-Many"), req.Fields.Combined("X-Many"))
	req.Fields.Each("X-Many", func(v string) bool { fmt.Fprintf(&b, " each=%q", v); return v != "b" })
	fmt.Fprintf(&b, " has=%v %v %v %v", req.Fields.Has("X-Many"), req.Fields.Has("X-Empty"), req.Fields.Has("X-None"), req.Fields.Has("Host"))
	fmt.Fprintf(&b, " absent=%q host=%q expect=%q\n", req.Fields.Combined("X-None"), req.Fields.Get("Host"), req.Fields.Get("Expect"))
	if req.Body != nil {
		content, err := io.ReadAll(req.Body)
		fmt.Fprintf(&b, "content=%d:%.10q err=%v\n", len(content), content, err)
	}
	x.Rep.Status, x.Rep.Body, x.Rep.Length = 200, []byte(b.String()), int64(b.Len())
}

func TestSameRequests(t *testing.T) {
	t.Parallel()
	r := start(t, coreFunc(echo))
	clients := r.clients()
	big := strings.Repeat("x", 300_000)
	cases := []struct {
		name, method, target string
		body                 func() io.Reader
		header               []string
	}{
		{name: "plain", method: "GET", target: "/a/%62/..%2F?x=1&x=2"},
		{name: "fields", method: "GET", target: "/", header: []string{"X-Many", "a", "x-many", "b", "X-Many", "c", "Cookie", "a=1; b=2", "Accept", "*/*"}},
		{name: "empty field", method: "GET", target: "/", header: []string{"X-Empty", ""}},
		{name: "small", method: "POST", target: "/", body: func() io.Reader { return strings.NewReader("content") }},
		{name: "form", method: "POST", target: "/", header: []string{"Content-Type", "multipart/form-data; boundary=x"},
			body: func() io.Reader { return strings.NewReader("--x junk") }},
		{name: "big", method: "PUT", target: "/", body: func() io.Reader { return strings.NewReader(big) }},
		{name: "chunked", method: "POST", target: "/", body: func() io.Reader { return io.MultiReader(strings.NewReader(big)) }},
		{name: "expect", method: "POST", target: "/", header: []string{"Expect", "100-continue"},
			body: func() io.Reader { return strings.NewReader("content") }},
		{name: "get with content", method: "GET", target: "/", body: func() io.Reader { return strings.NewReader("content") }},
		{name: "odd method", method: "BREW", target: "/"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var first string
			for _, over := range clients {
				var body io.Reader
				if c.body != nil {
					body = c.body()
				}
				a := over.do(t, c.method, c.target, body, append(c.header, "User-Agent", "test")...)
				require.Equal(t, 200, a.status)
				got := strings.ReplaceAll(a.body, "tls=false", "tls=true")
				got = strings.ReplaceAll(got, "client=::1", "client=127.0.0.1")
				if first == "" {
					first = got
					t.Log(got)
				}
				require.Equal(t, first, got, over.name)
			}
		})
	}
}

func TestClientGoneEndsTheContext(t *testing.T) {
	ended := make(chan struct{}, 1)
	begun := make(chan struct{}, 1)
	core := coreFunc(func(ctx context.Context, x *edge.Exchange) {
		begun <- struct{}{}
		<-ctx.Done()
		ended <- struct{}{}
		x.Rep.Status = 499
	})
	r := start(t, core)
	for _, c := range r.clients() {
		if c.proto == edge.H1 {
			continue // fasthttp cannot tell
		}
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			req, err := http.NewRequestWithContext(ctx, "GET", c.base+"/", nil)
			require.NoError(t, err)
			go func() {
				<-begun
				cancel()
			}()
			_, err = c.Do(req)
			require.ErrorIs(t, err, context.Canceled)
			select {
			case <-ended:
			case <-time.After(30 * time.Second):
				require.Fail(t, "the core was not told")
			}
		})
	}
}
