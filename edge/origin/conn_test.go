package origin

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"

// echoing answers each request with its target, and extra behind it in the same
// write.
func echoing(t *testing.T, extra func(n int) string) *rawOrigin {
	return newRawOrigin(t, func(c net.Conn, r *bufio.Reader) {
		for n := 0; ; n++ {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s%s", len(req.RequestURI), req.RequestURI, extra(n))
		}
	})
}

// An origin that answers more often than it was asked never gets one of these
// answers to a reader, however close the requests follow each other.
func TestUnsolicitedAnswers(t *testing.T) {
	for name, extra := range map[string]func(int) string{
		"behind every answer": func(int) string { return evil },
		"behind every third":  func(n int) string { return strings.Repeat(evil, n%3/2) },
		"part of one":         func(int) string { return evil[:len(evil)-2] },
	} {
		t.Run(name, func(t *testing.T) {
			o := connect(t, Config{URL: echoing(t, extra).URL()})
			var wg sync.WaitGroup
			for worker := range 4 {
				wg.Go(func() {
					for i := range 100 {
						target := fmt.Sprintf("/%d/%d", worker, i)
						_, body, err := read(t, o, get(target))
						if err != nil || body != target {
							t.Errorf("%s: got %q, %v", target, body, err)
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

// An answer comes late, on a connection that is idle, and the next request
// follows it at once.
func TestLateUnsolicitedAnswer(t *testing.T) {
	raw := echoing(t, func(int) string { return "" })
	o := connect(t, Config{URL: raw.URL()})
	for i := range 200 {
		target := fmt.Sprintf("/%d", i)
		_, body, err := read(t, o, get(target))
		require.NoError(t, err)
		require.Equal(t, target, body)
		_, _ = io.WriteString(raw.last(), evil)
	}
}

// An origin that speaks before it was asked.
func TestUnsolicitedAnswerOnAFreshConnection(t *testing.T) {
	raw := newRawOrigin(t, func(c net.Conn, r *bufio.Reader) {
		_, _ = io.WriteString(c, evil)
		_, _ = io.Copy(io.Discard, r)
	})
	o := connect(t, Config{URL: raw.URL()})
	for range 20 {
		// Where its bytes come after ours on the wire they are a quick answer;
		// nobody can tell. What came before is not.
		c, err := o.dial(t.Context(), "tcp", raw.ln.Addr().String())
		require.NoError(t, err)
		g := c.(*conn)
		read := make(chan error, 1)
		go func() {
			for !g.isGuarded() {
			}
			_, err := g.Read(make([]byte, 100))
			read <- err
		}()
		g.await(o.cfg.ConnectTimeout, nil, nil)
		for isEmpty(g.Conn) {
		}
		_, err = g.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
		require.ErrorIs(t, err, ErrUnsolicited)
		require.Error(t, <-read)
	}
}

// Bytes that come before the request never pass for its answer, whether they
// find the reader in the socket, on its way or parked.
func TestGuardedConnectionYieldsNothing(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	for range 300 {
		raw, err := net.Dial("tcp", ln.Addr().String())
		require.NoError(t, err)
		peer, err := ln.Accept()
		require.NoError(t, err)
		c := newConn(raw, func() {})
		expected := make(chan struct{}) // closed when an answer is expected
		read := make(chan struct{})
		go func() { // as the Transport reads
			defer close(read)
			n, _ := c.Read(make([]byte, 10))
			select {
			case <-expected:
				if n > 0 {
					t.Error("stray bytes came through")
				}
			default:
				_ = c.Close()
			}
		}()
		go func() { _, _ = peer.Write([]byte("stray")) }()
		c.await(5*time.Second, nil, nil)
		close(expected)
		for c.isGuarded() && isEmpty(raw) {
		}
		_, err = c.Write([]byte("request"))
		require.Error(t, err)
		<-read
		_ = peer.Close()
	}
}

func TestConnectionsAreKept(t *testing.T) {
	raw := echoing(t, func(int) string { return "" })
	o := connect(t, Config{URL: raw.URL()})
	for range 50 {
		_, _, err := read(t, o, get("/a"))
		require.NoError(t, err)
	}
	require.Equal(t, 1, raw.accepted())
}

// The connection ends between two requests: the next one goes on another.
func TestClosedIdleConnection(t *testing.T) {
	raw := newRawOrigin(t, func(c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
		}
	})
	o := connect(t, Config{URL: raw.URL()})
	for range 100 {
		_, body, err := read(t, o, get("/a"))
		require.NoError(t, err)
		require.Equal(t, "hi", body)
	}
}

func TestTLS(t *testing.T) {
	var connections atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto+r.URL.Path)
	}))
	s.EnableHTTP2 = true
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.StartTLS()
	defer s.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600))

	o := connect(t, Config{URL: s.URL, CAFile: ca})
	for i := range 50 {
		target := fmt.Sprintf("/%d", i)
		_, body, err := read(t, o, get(target))
		require.NoError(t, err)
		require.Equal(t, "HTTP/1.1"+target, body)
	}
	// One, or another after an answer that was there before the Transport knew that its
	// request is written.
	require.Less(t, connections.Load(), int32(10), "session tickets are no unsolicited answers")

	strange := connect(t, Config{URL: s.URL})
	_, err := strange.Fetch(context.Background(), get("/a"))
	var unknown *tls.CertificateVerificationError
	require.ErrorAs(t, err, &unknown)
}

// A second answer in a record of its own: what has not been read stands in TLS
// or in the socket.
func TestUnsolicitedAnswersOverTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		held := c.(*tls.Conn).NetConn().(*holdingConn)
		for req := r; err == nil; req, err = http.ReadRequest(rw.Reader) {
			held.hold = true
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(req.RequestURI), req.RequestURI)
			held.hold = false
			_, _ = io.WriteString(c, evil)
		}
	}))
	s.Listener = holdingListener{s.Listener}
	s.StartTLS()
	defer s.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600))
	o, err := New(Config{URL: s.URL, CAFile: ca})
	require.NoError(t, err)
	defer o.Close()
	for i := range 100 {
		target := fmt.Sprintf("/%d", i)
		_, body, err := read(t, o, get(target))
		require.NoError(t, err)
		require.Equal(t, target, body)
	}
}

// holdingConn sends what it held together with what comes after.
type holdingConn struct {
	net.Conn
	hold bool
	held []byte
}

func (c *holdingConn) Write(p []byte) (int, error) {
	c.held = append(c.held, p...)
	if c.hold {
		return len(p), nil
	}
	_, err := c.Conn.Write(c.held)
	c.held = nil
	return len(p), err
}

type holdingListener struct{ net.Listener }

func (l holdingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &holdingConn{Conn: c}, err
}

// isGuarded reports whether the connection is open and guarded.
func (c *conn) isGuarded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.guarded && !c.gone
}
