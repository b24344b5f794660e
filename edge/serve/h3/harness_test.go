package h3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/edgetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// coreFunc is a core made of a function; waits says which requests are left to Finish.
type coreFunc struct {
	serve func(ctx context.Context, x *edge.Exchange)
	waits func(x *edge.Exchange) bool
}

func (f coreFunc) Begin(x *edge.Exchange) bool {
	if f.waits != nil && f.waits(x) {
		return false
	}
	f.serve(context.Background(), x)
	return true
}

func (f coreFunc) Finish(ctx context.Context, x *edge.Exchange) { f.serve(ctx, x) }

// says answers 200 with a text.
func says(x *edge.Exchange, text string) {
	x.Rep.Status, x.Rep.Body, x.Rep.Length = 200, []byte(text), int64(len(text))
}

func testConfig() Config {
	return Config{
		MaxHeaderBytes: 32 << 10, MaxBody: 1 << 20, MaxStreams: 128,
		HeaderTimeout: 10 * time.Second, BodyTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: 30 * time.Second,
		Admission: &atMost{places: 100},
	}
}

// atMost admits so many connections.
type atMost struct {
	mu     sync.Mutex
	places int // that are left
}

func (a *atMost) Enter(netip.Addr) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.places == 0 {
		return false
	}
	a.places--
	return true
}

func (a *atMost) Leave(netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.places++
}

func (a *atMost) Busy(netip.Addr) bool { return false }

// rig is a server on loopback.
type rig struct {
	*Server
	t     testing.TB
	addr  string
	roots *x509.CertPool
	done  chan error
}

// start serves until the test ends, and demands a clean shutdown.
func start(t testing.TB, core Core, change ...func(*Config)) *rig {
	t.Helper()
	r := startLoose(t, core, change...)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		require.NoError(t, r.Shutdown(ctx))
		require.NoError(t, r.Close())
		require.NoError(t, <-r.done)
	})
	return r
}

func startLoose(t testing.TB, core Core, change ...func(*Config)) *rig {
	t.Helper()
	cfg := testConfig()
	for _, c := range change {
		c(&cfg)
	}
	cert, roots := edgetest.Certificate(t)
	return startAs(t, core, cfg, &tls.Config{Certificates: []tls.Certificate{cert}}, roots)
}

// startAs is startLoose with a TLS configuration.
func startAs(t testing.TB, core Core, cfg Config, config *tls.Config, roots *x509.CertPool) *rig {
	t.Helper()
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	s, err := New(udp, config, cfg, core, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	r := &rig{Server: s, t: t, addr: udp.LocalAddr().String(), roots: roots, done: make(chan error, 1)}
	go func() { r.done <- s.Serve() }()
	return r
}

func (r *rig) tls() *tls.Config {
	return &tls.Config{RootCAs: r.roots, ServerName: "localhost", NextProtos: []string{"h3"}}
}

// client is quic-go's.
func (r *rig) client() *http.Client {
	tr := &http3.Transport{DisableCompression: true, TLSClientConfig: r.tls()}
	r.t.Cleanup(func() { _ = tr.Close() })
	return &http.Client{Transport: tr}
}

// dial opens a QUIC connection that says nothing by itself.
func (r *rig) dial(t testing.TB) *quic.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	q, err := quic.DialAddr(ctx, r.addr, r.tls(), &quic.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = q.CloseWithError(0x100, "") })
	return q
}

// answer is what a client saw.
type answer struct {
	status int
	header http.Header
	body   string
	length int64
	err    error // of reading the content
}

func (r *rig) do(t testing.TB, c *http.Client, method, target string, body io.Reader, header ...string) answer {
	t.Helper()
	req, err := http.NewRequest(method, "https://"+r.addr+target, body)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	req.Host = "edge.test"
	resp, err := c.Do(req)
	require.NoError(t, err)
	content, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	return answer{resp.StatusCode, resp.Header, string(content), resp.ContentLength, err}
}

// open opens a stream and writes to it.
func open(t *testing.T, q *quic.Conn, sent string) *quic.Stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	str, err := q.OpenStreamSync(ctx)
	require.NoError(t, err)
	_, err = io.WriteString(str, sent)
	require.NoError(t, err)
	return str
}
