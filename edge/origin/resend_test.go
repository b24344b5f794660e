package origin

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// breaking is an origin that keeps its connections, and ends them on requests for
// /drop, without an answer, or after some bytes of one: those for /part.
type breaking struct {
	*rawOrigin
	t  *testing.T
	cA string

	mu   sync.Mutex
	seen map[string]int
	// answers says how often a request for /drop is answered after all, on
	// connections that have had no other.
	answers int
	warm    *sync.WaitGroup // what requests for /warm wait for
}

func newBreaking(t *testing.T, secure bool) *breaking {
	b := &breaking{t: t, seen: map[string]int{}, warm: new(sync.WaitGroup)}
	var config *tls.Config
	if secure {
		s := httptest.NewUnstartedServer(nil)
		s.StartTLS()
		config = s.TLS.Clone()
		config.NextProtos = nil
		b.cA = filepath.Join(t.TempDir(), "ca.pem")
		require.NoError(t, os.WriteFile(b.cA, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600))
		s.Close()
	}
	b.rawOrigin = newRawOrigin(t, func(c net.Conn, r *bufio.Reader) {
		if secure {
			c = tls.Server(c, config)
			defer c.Close()
			r = bufio.NewReader(c)
		}
		for n := 0; ; n++ {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			b.mu.Lock()
			b.seen[req.RequestURI]++
			answered := n == 0 && b.answers > 0
			if answered && req.RequestURI == "/drop" {
				b.answers--
			}
			warm := b.warm
			b.mu.Unlock()
			switch {
			case req.RequestURI == "/warm":
				warm.Done()
				warm.Wait()
			case req.RequestURI == "/part":
				_, _ = io.WriteString(c, "HTTP/1.1 200")
				return
			case req.RequestURI == "/drop" && !answered:
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
		}
	})
	return b
}

func (b *breaking) URL() string {
	if b.cA != "" {
		return "https://" + b.ln.Addr().String()
	}
	return b.rawOrigin.URL()
}

func (b *breaking) count(target string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seen[target]
}

// keep makes the client keep n connections.
func (b *breaking) keep(up edge.Upstream, n int) {
	b.mu.Lock()
	b.warm = new(sync.WaitGroup)
	b.warm.Add(n)
	b.mu.Unlock()
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			a, err := up.Fetch(context.Background(), get("/warm"))
			if err != nil {
				b.t.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, a.Body)
			_ = a.Body.Close()
		})
	}
	wg.Wait()
}

// pooled returns a client for one server that is accounted for, closed with the test.
func pooled(t *testing.T, cfg PoolConfig, b *breaking) *Pool {
	cfg.CAFile = b.cA
	fill(&cfg.HeaderTimeout, 20*time.Second)
	cfg.Servers = []Server{{URL: b.URL(), Weight: 1}}
	p, err := NewPool(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// A request that an origin was sent goes out once more at most, however many
// connections are kept, and only where it may and the connection had served before.
func TestRequestIsResentOnceAtMost(t *testing.T) {
	const kept = 30
	key := edge.Field{Name: "Idempotency-Key", Value: "1"}
	for name, c := range map[string]struct {
		fetch edge.Fetch
		body  string
		kept  int
		sent  int
	}{
		"GET, nothing kept":    {fetch: *get("/drop"), kept: 0, sent: 1},
		"GET, one kept":        {fetch: *get("/drop"), kept: 1, sent: 2},
		"GET, many kept":       {fetch: *get("/drop"), kept: kept, sent: 2},
		"HEAD":                 {fetch: edge.Fetch{Method: "HEAD", Target: "/drop"}, kept: kept, sent: 2},
		"GET with content":     {fetch: edge.Fetch{Method: "GET", Target: "/drop"}, body: "x", kept: kept, sent: 1},
		"POST":                 {fetch: edge.Fetch{Method: "POST", Target: "/drop"}, body: "x", kept: kept, sent: 1},
		"POST without content": {fetch: edge.Fetch{Method: "POST", Target: "/drop", Fields: []edge.Field{key}}, kept: kept, sent: 1},
		"DELETE":               {fetch: edge.Fetch{Method: "DELETE", Target: "/drop", Fields: []edge.Field{key}}, kept: kept, sent: 1},
		"the answer had begun": {fetch: *get("/part"), kept: kept, sent: 1},
	} {
		for _, secure := range []bool{false, true} {
			scheme := map[bool]string{false: "http", true: "https"}[secure]
			t.Run(name+" over "+scheme, func(t *testing.T) {
				b := newBreaking(t, secure)
				p := pooled(t, PoolConfig{Failures: 2}, b)
				b.keep(p, c.kept)
				f := c.fetch
				if c.body != "" {
					f.Body, f.Length = strings.NewReader(c.body), int64(len(c.body))
				}
				_, err := p.Fetch(t.Context(), &f)
				require.Error(t, err)
				require.Equal(t, c.sent, b.count(c.fetch.Target), "%v", err)
				figures := p.Figures()
				require.EqualValues(t, c.sent-1, figures.Retries)
				require.False(t, figures.Servers[0].Paused, "one fetch failed")
				require.EqualValues(t, 1, figures.Servers[0].Failures)
				require.EqualValues(t, c.kept+1, figures.Servers[0].Requests)

				b.keep(p, c.kept)
				accepted := b.accepted()
				require.LessOrEqual(t, accepted, c.kept+3, "the other connections are still there")
			})
		}
	}
}

// What it is for: the origin ends a connection that was idle while the request is on
// its way.
func TestRequestIsResentOnAFreshConnection(t *testing.T) {
	for _, secure := range []bool{false, true} {
		b := newBreaking(t, secure)
		p := pooled(t, PoolConfig{}, b)
		b.keep(p, 8)
		b.answers = 1
		a, err := p.Fetch(t.Context(), get("/drop"))
		require.NoError(t, err)
		body, err := io.ReadAll(a.Body)
		require.NoError(t, err)
		require.NoError(t, a.Body.Close())
		require.Equal(t, "hi", string(body))
		require.Equal(t, 2, b.count("/drop"))
	}
}

// Sending again is a retry: all together at most a tenth of the load.
func TestResentRequestsHaveTheRetriesBudget(t *testing.T) {
	b := newBreaking(t, false)
	p := pooled(t, PoolConfig{}, b)
	const load = 60
	for range load {
		b.keep(p, 1)
		_, err := p.Fetch(t.Context(), get("/drop"))
		require.Error(t, err)
	}
	require.LessOrEqual(t, b.count("/drop"), load+2*load/10+int(saved))
	require.Greater(t, b.count("/drop"), load+int(saved))
}

// Connections that the origin has ended while they were idle cost nothing: neither
// the budget nor a request with content.
func TestConnectionsEndedWhileIdleCostNothing(t *testing.T) {
	for name, f := range map[string]func() *edge.Fetch{
		"GET": func() *edge.Fetch { return get("/a") },
		"POST": func() *edge.Fetch {
			return &edge.Fetch{Method: "POST", Target: "/a", Body: strings.NewReader("x"), Length: 1}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBreaking(t, false)
			p := pooled(t, PoolConfig{}, b)
			const rounds = 40
			for i := range rounds {
				b.keep(p, 3)
				b.rawOrigin.mu.Lock()
				for _, c := range b.conns {
					_ = c.Close()
				}
				b.rawOrigin.mu.Unlock()
				a, err := p.Fetch(t.Context(), f())
				require.NoError(t, err)
				_, _ = io.Copy(io.Discard, a.Body)
				require.NoError(t, a.Body.Close())
				require.Equal(t, i+1, b.count("/a"))
			}
			require.Zero(t, p.Figures().Retries)
		})
	}
}
