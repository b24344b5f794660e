package load

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFetch(t *testing.T) {
	eachProto(t, func(t *testing.T, proto Proto) {
		seen := make(chan *http.Request, 1)
		cfg := serve(t, proto, func(w http.ResponseWriter, r *http.Request) {
			seen <- r.Clone(context.Background())
			w.Header()["Cache-Groups"] = []string{`"a"`, `"b"`}
			w.Header().Set("Content-Type", "text/plain")
			_, _ = w.Write([]byte("body"))
		})
		cfg.URLs[0] += "%2Fb?x=1&x=%20"
		cfg.Header = []Field{{"Host", "edge.test"}, {"X-One", "1"}, {"x-one", "2"}}
		a, err := Fetch(t.Context(), cfg)
		require.NoError(t, err)
		got := <-seen
		require.Equal(t, 200, a.Status)
		require.Equal(t, "body", string(a.Body))
		var groups []string
		for _, f := range a.Fields {
			if f.is("Cache-Groups") {
				groups = append(groups, f.Value)
			}
		}
		require.Equal(t, []string{`"a"`, `"b"`}, groups)
		require.Equal(t, "edge.test", got.Host)
		require.Equal(t, "/a%2Fb?x=1&x=%20", got.RequestURI)
		require.Equal(t, []string{"1", "2"}, got.Header["X-One"])
		require.Equal(t, userAgent, got.UserAgent())
		require.Empty(t, got.Header["Accept-Encoding"])
	})
}

func TestHead(t *testing.T) {
	eachProto(t, func(t *testing.T, proto Proto) {
		cfg := serve(t, proto, func(w http.ResponseWriter, r *http.Request) {
			require.Equal(t, "HEAD", r.Method)
			w.Header().Set("Content-Length", "1000")
		})
		cfg.Method, cfg.Requests = "HEAD", 40
		res, err := Run(t.Context(), cfg)
		require.NoError(t, err)
		require.EqualValues(t, 40, res.Answered)
		require.Zero(t, res.Bytes)
	})
}

// A server may end its connections politely after each answer: no request fails.
func TestConnectionClose(t *testing.T) {
	for _, proto := range []Proto{H1, H2} {
		var asked atomic.Int64
		cfg := serve(t, proto, func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.Header().Set("Connection", "close") // over HTTP/2: GOAWAY
		})
		cfg.Requests, cfg.Connections, cfg.Streams = 20, 2, 1
		res, err := Run(t.Context(), cfg)
		require.NoError(t, err)
		require.EqualValues(t, 20, res.Answered, "%s: %v", proto, res.Failures)
		require.EqualValues(t, 20, asked.Load())
	}
}

// RFC 9112 §9.5: a connection that is closed while idle is replaced unnoticed.
func TestIdleClose(t *testing.T) {
	var server *httptest.Server
	var asked atomic.Int64
	server = httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer server.Close()
	p, err := Config{URLs: []string{server.URL}}.plan()
	require.NoError(t, err)
	d, err := p.resolve(t.Context())
	require.NoError(t, err)
	c := newH1Conn(d)
	defer c.close()
	for range 3 {
		a, err := c.do(t.Context(), p.targets[0], nil)
		require.NoError(t, err)
		require.Equal(t, 200, a.status)
		server.CloseClientConnections()
	}
	require.EqualValues(t, 3, asked.Load())
}

func TestWrongCertificate(t *testing.T) {
	for _, proto := range []Proto{H2, H3} {
		cfg := serve(t, proto, func(http.ResponseWriter, *http.Request) {})
		ca := cfg.CA
		cfg.CA = nil
		_, err := Fetch(t.Context(), cfg)
		require.ErrorIs(t, err, ErrUnreachable)
		require.Contains(t, err.Error(), "certificate")
		cfg.Insecure = true
		_, err = Fetch(t.Context(), cfg)
		require.NoError(t, err)
		cfg.Insecure, cfg.CA = false, ca
		cfg.URLs[0] = strings.Replace(cfg.URLs[0], "127.0.0.1", "localhost", 1)
		_, err = Fetch(t.Context(), cfg)
		require.Error(t, err, "the certificate names 127.0.0.1, not localhost")
	}
}

// Fresh: no connection carries a second request.
func TestFresh(t *testing.T) {
	var conns atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.True(t, r.Close)
		_, _ = w.Write([]byte("x"))
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	res, err := Run(t.Context(), Config{URLs: []string{s.URL}, Fresh: true, Requests: 20, Connections: 2})
	require.NoError(t, err)
	require.EqualValues(t, 20, res.Answered)
	require.GreaterOrEqual(t, conns.Load(), int64(20))
}
