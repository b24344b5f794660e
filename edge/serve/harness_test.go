package serve

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/edgetest"
)

// fasthttp's pool cleaner wakes every 10 s and then sees that its server has
// stopped: it ends, but not at once. Its clock of the Date field, which it has
// where a header is written without a server, runs as long as the process.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(twice{m}, goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}

// leanly: servers are lean where they can be.
var leanly bool

// twice runs all tests over the stock stacks, and over the lean ones.
type twice struct{ *testing.M }

func (t twice) Run() int {
	code := t.M.Run()
	if leanly = true; code == 0 {
		code = t.M.Run()
	}
	return code
}

// coreFunc is a core made of a function.
type coreFunc func(ctx context.Context, x *edge.Exchange)

func (f coreFunc) Serve(ctx context.Context, x *edge.Exchange)  { f(ctx, x) }
func (f coreFunc) Begin(*edge.Exchange) bool                    { return false }
func (f coreFunc) Finish(ctx context.Context, x *edge.Exchange) { f(ctx, x) }

// readyCore is a core made of a function that waits for nothing.
type readyCore func(x *edge.Exchange)

func (f readyCore) Serve(_ context.Context, x *edge.Exchange) { f(x) }
func (f readyCore) Begin(x *edge.Exchange) bool               { f(x); return true }
func (f readyCore) Finish(context.Context, *edge.Exchange)    { panic("nothing is left") }

// loggingCore is a core whose server logs to a writer.
type loggingCore struct {
	Core
	to io.Writer
}

// rig is a server on loopback with a certificate of its own.
type rig struct {
	*Server
	t     testing.TB
	roots *x509.CertPool
	done  chan error
}

// start serves until the test ends, and demands a clean shutdown.
func start(t testing.TB, core Core, change ...func(*Config)) *rig {
	t.Helper()
	r := startLoose(t, core, change...)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, r.Shutdown(ctx))
		require.NoError(t, <-r.done)
	})
	return r
}

// startLoose serves and leaves the shutdown to the test.
func startLoose(t testing.TB, core Core, change ...func(*Config)) *rig {
	t.Helper()
	r := listening(t, core, change...)
	go func() { r.done <- r.Serve() }()
	return r
}

// listening is a server before Serve.
func listening(t testing.TB, core Core, change ...func(*Config)) *rig {
	t.Helper()
	cert, roots := edgetest.Certificate(t)
	cfg := Config{
		Plain: "127.0.0.1:0", Secure: "localhost:0",
		TLS: &tls.Config{Certificates: []tls.Certificate{cert}},
	}
	if leanly {
		cfg.H2, cfg.H3 = Lean, Lean
	}
	for _, c := range change {
		c(&cfg)
	}
	var logger *slog.Logger
	if l, ok := core.(loggingCore); ok {
		logger = slog.New(slog.NewTextHandler(l.to, nil))
	}
	s, err := New(cfg, core, logger)
	require.NoError(t, err)
	require.NoError(t, s.Listen())
	return &rig{Server: s, t: t, roots: roots, done: make(chan error, 1)}
}

// client is one protocol's way to the server.
type client struct {
	name  string
	base  string
	proto edge.Proto
	*http.Client
	close func()
}

// clients returns a client of each kind. They are closed with the test, before
// the server is.
func (r *rig) clients() []client {
	plain := &http.Transport{DisableCompression: true}
	secure := &http.Transport{DisableCompression: true, TLSClientConfig: &tls.Config{RootCAs: r.roots}}
	two := &http.Transport{DisableCompression: true, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: r.roots}}
	three := &http3.Transport{DisableCompression: true, TLSClientConfig: &tls.Config{RootCAs: r.roots}}
	port := r.Addrs().Secure.Port()
	https := fmt.Sprintf("https://localhost:%d", port)
	no := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	all := []client{
		{"h1", "http://" + r.Addrs().Plain.String(), edge.H1, &http.Client{Transport: plain, CheckRedirect: no}, plain.CloseIdleConnections},
		{"h1s", https, edge.H1, &http.Client{Transport: secure, CheckRedirect: no}, secure.CloseIdleConnections},
		{"h2", https, edge.H2, &http.Client{Transport: two, CheckRedirect: no}, two.CloseIdleConnections},
		{"h3", https, edge.H3, &http.Client{Transport: three, CheckRedirect: no}, func() { _ = three.Close() }},
	}
	for _, c := range all {
		r.t.Cleanup(c.close)
	}
	return all
}

// over runs a test over each protocol.
func (r *rig) over(t *testing.T, test func(t *testing.T, c client)) {
	for _, c := range r.clients() {
		t.Run(c.name, func(t *testing.T) { test(t, c) })
	}
}

// answer is what a client saw.
type answer struct {
	status  int
	header  http.Header
	body    string
	length  int64
	err     error // of reading the content
	trailer http.Header
}

func (c client) do(t testing.TB, method, target string, body io.Reader, header ...string) answer {
	t.Helper()
	req, err := http.NewRequest(method, c.base+target, body)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	req.Host = "edge.test"
	resp, err := c.Do(req)
	require.NoError(t, err)
	require.Equal(t, int(c.proto)+1, resp.ProtoMajor)
	content, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	return answer{resp.StatusCode, resp.Header, string(content), resp.ContentLength, err, resp.Trailer}
}

// raw opens a connection to the plain listener.
func (r *rig) raw(t testing.TB) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", r.Addrs().Plain.String())
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// exchange sends bytes and returns all answers until the connection is closed; closed
// tells whether it was by the server.
func (r *rig) exchange(t testing.TB, sent string) (answers []*http.Response, closed bool) {
	t.Helper()
	conn := r.raw(t)
	_, err := io.WriteString(conn, sent)
	require.NoError(t, err)
	all, err := io.ReadAll(conn)
	closed = err == nil || strings.Contains(err.Error(), "reset")
	rest := bufio.NewReader(strings.NewReader(string(all)))
	for {
		if _, err := rest.Peek(1); err != nil {
			return answers, closed
		}
		resp, err := http.ReadResponse(rest, nil)
		require.NoError(t, err, "%q", all)
		content, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		resp.Body = io.NopCloser(strings.NewReader(string(content)))
		answers = append(answers, resp)
	}
}
