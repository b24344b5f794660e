package serve

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/letteros/letteredge/edge"
)

// soon is less than any bound that a server has when nothing is said about it.
const soon = 9 * time.Second

// small are bounds that a test can wait for.
func small(c *Config) {
	c.HeaderTimeout, c.BodyTimeout = 150*time.Millisecond, 150*time.Millisecond
	c.WriteTimeout, c.IdleTimeout = 300*time.Millisecond, 300*time.Millisecond
	c.MaxBody = 1000
}

func readBody(_ context.Context, x *edge.Exchange) {
	x.Rep.Status = 200
	if x.Req.Body != nil {
		n, err := io.Copy(io.Discard, x.Req.Body)
		x.Rep.Passed = []edge.Field{{Name: "X-Read", Value: fmt.Sprint(n)}}
		if err != nil {
			x.Rep.Status = 502
		}
	}
}

// Content that stops coming is waited for so long, and its request is told that.
func TestContentThatStopsComing(t *testing.T) {
	t.Parallel()
	r := start(t, coreFunc(readBody), func(c *Config) { c.BodyTimeout = 150 * time.Millisecond })
	r.over(t, func(t *testing.T, c client) {
		for _, length := range []int{-1, 100} {
			pr, pw := io.Pipe()
			go func() { _, _ = pw.Write([]byte("some")) }()
			req, err := http.NewRequest("POST", c.base+"/", pr)
			require.NoError(t, err)
			req.ContentLength, req.Host = int64(length), "edge.test"
			resp, err := c.Do(req)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, 408, resp.StatusCode)
			require.Equal(t, "application/problem+json", resp.Header.Get("Content-Type"))
			require.NoError(t, pw.Close())
		}
	})
}

func TestTooMuchContent(t *testing.T) {
	t.Parallel()
	r := start(t, coreFunc(readBody), func(c *Config) { c.MaxBody = 1000 })
	r.over(t, func(t *testing.T, c client) {
		for _, unknown := range []bool{false, true} {
			for _, size := range []int{1000, 1001} {
				var body io.Reader = strings.NewReader(strings.Repeat("x", size))
				if unknown {
					body = io.MultiReader(body)
				}
				a := c.do(t, "POST", "/", body)
				if size == 1000 {
					require.Equal(t, 200, a.status)
					require.Equal(t, "1000", a.header.Get("X-Read"))
					continue
				}
				require.Equal(t, 413, a.status, "unknown=%v", unknown)
				require.Equal(t, "application/problem+json", a.header.Get("Content-Type"))
				require.Contains(t, a.body, "at most 1000 bytes")
			}
		}
	})
	// A length that is too much is refused whether or not the content follows.
	conn := r.raw(t)
	_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\nx")
	require.NoError(t, err)
	status, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, status, " 413 ")
}

func TestTooMuchHeader(t *testing.T) {
	t.Parallel()
	r := start(t, coreFunc(readBody))
	r.over(t, func(t *testing.T, c client) {
		a := c.do(t, "GET", "/", nil, "X-Big", strings.Repeat("x", 30<<10))
		require.Equal(t, 200, a.status)
		for _, n := range []int{40 << 10, 100 << 10} {
			req, err := http.NewRequest("GET", c.base+"/", nil)
			require.NoError(t, err)
			req.Header.Set("X-Big", strings.Repeat("x", n))
			resp, err := c.Do(req)
			if err != nil && c.proto != edge.H3 {
				continue // closed before all was sent; on HTTP/2 Go's client itself heeds the limit
			}
			require.NoError(t, err)
			_ = resp.Body.Close()
			require.Equal(t, 431, resp.StatusCode)
		}
	})
}

// TestTooMuchHeaderOverRawHTTP2 is a client that does not heed the limit.
func TestTooMuchHeaderOverRawHTTP2(t *testing.T) {
	t.Parallel()
	r := start(t, coreFunc(readBody))
	conn, err := tls.Dial("tcp", r.Addrs().Secure.String(), &tls.Config{RootCAs: r.roots, ServerName: "localhost", NextProtos: []string{"h2"}})
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	_, err = io.WriteString(conn, http2.ClientPreface)
	require.NoError(t, err)
	fr := http2.NewFramer(conn, conn)
	fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	require.NoError(t, fr.WriteSettings())
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}, {"x-big", strings.Repeat("x", 100<<10)}} {
		require.NoError(t, enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}))
	}
	rest := block.Bytes()
	first := rest[:16<<10]
	require.NoError(t, fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: first, EndStream: true}))
	for rest = rest[len(first):]; len(rest) > 0; {
		n := min(len(rest), 16<<10)
		if err := fr.WriteContinuation(1, n == len(rest), rest[:n]); err != nil {
			break // closed already
		}
		rest = rest[n:]
	}
	for {
		f, err := fr.ReadFrame()
		if err != nil {
			return // closed
		}
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			require.Equal(t, "431", f.PseudoValue("status"))
			return
		case *http2.GoAwayFrame:
			return
		}
	}
}

func TestExpectations(t *testing.T) {
	t.Parallel()
	r := start(t, coreFunc(readBody))
	r.over(t, func(t *testing.T, c client) {
		a := c.do(t, "POST", "/", strings.NewReader("x"), "Expect", "a miracle")
		require.Equal(t, 417, a.status)
	})
	conn := r.raw(t)
	_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\nConnection: close\r\n\r\n")
	require.NoError(t, err)
	got := make([]byte, 25)
	_, err = io.ReadFull(conn, got)
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 100 Continue\r\n\r\n", string(got))
	_, err = io.WriteString(conn, "x")
	require.NoError(t, err)
	rest, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Contains(t, string(rest), "HTTP/1.1 200 OK")
}

func TestSlowClients(t *testing.T) {
	t.Parallel()
	r := start(t, coreFunc(readBody), small)
	for name, sent := range map[string]string{
		"nothing":       "",
		"header":        "GET / HTTP/1.1\r\nHost: a\r\n",
		"content":       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc",
		"chunked":       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
		"after Expect":  "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n",
		"idle":          "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"second header": "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := r.raw(t)
			_, err := io.WriteString(conn, sent)
			require.NoError(t, err)
			began := time.Now()
			_, err = io.ReadAll(conn)
			if err != nil {
				require.Contains(t, err.Error(), "reset")
			}
			require.Less(t, time.Since(began), soon)
		})
	}
	t.Run("handshake", func(t *testing.T) {
		t.Parallel()
		conn, err := net.Dial("tcp", r.Addrs().Secure.String())
		require.NoError(t, err)
		defer conn.Close()
		require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
		_, err = io.Copy(io.Discard, conn)
		if err != nil {
			require.Contains(t, err.Error(), "reset")
		}
	})
}

// TestContentMayTakeLonger than a header section.
func TestContentMayTakeLonger(t *testing.T) {
	t.Parallel()
	r := start(t, coreFunc(readBody), func(c *Config) {
		c.Secure = ""
		c.HeaderTimeout, c.BodyTimeout = time.Second, time.Minute
	})
	pr, pw := io.Pipe()
	go func() {
		for range 4 {
			_, _ = pw.Write([]byte("abc"))
			<-time.After(300 * time.Millisecond)
		}
		_ = pw.Close()
	}()
	a := r.clients()[0].do(t, "POST", "/", pr)
	require.Equal(t, 200, a.status)
	require.Equal(t, "12", a.header.Get("X-Read"))
}

func TestConnectionCaps(t *testing.T) {
	t.Parallel()
	core := newHeld()
	r := startLoose(t, core, func(c *Config) { c.MaxConns = 2 })
	t.Run("h1", func(t *testing.T) {
		var conns []net.Conn
		for range 2 {
			conn := r.raw(t)
			_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			require.NoError(t, err)
			<-core.begun
			conns = append(conns, conn)
		}
		third := r.raw(t)
		got, _ := io.ReadAll(third)
		require.Contains(t, string(got), "HTTP/1.1 503")
		require.Contains(t, r.Refused(), Refused{"tcp", "connections", 1})
		_ = conns
	})
	t.Run("h3", func(t *testing.T) {
		addr := r.Addrs().Secure.String()
		try := func() (*quic.Conn, error) {
			conn, err := quic.DialAddr(context.Background(), addr,
				&tls.Config{RootCAs: r.roots, ServerName: "localhost", NextProtos: []string{"h3"}}, &quic.Config{})
			if err == nil {
				t.Cleanup(func() { _ = conn.CloseWithError(0, "") })
			}
			return conn, err
		}
		dial := func() *quic.Conn {
			conn, err := try()
			require.NoError(t, err)
			return conn
		}
		one, two := dial(), dial()
		require.Eventually(t, func() bool { return r.Connections().QUIC == 2 }, 30*time.Second, time.Millisecond)
		requireTooMany(t, try)
		require.Contains(t, r.Refused(), Refused{"quic", "connections", 1})
		require.NoError(t, one.CloseWithError(0, ""))
		require.Eventually(t, func() bool { return r.Connections().QUIC == 1 }, 30*time.Second, time.Millisecond)
		require.NoError(t, dial().Context().Err())
		require.NoError(t, two.Context().Err())
	})
	close(core.release)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := r.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		require.NoError(t, err)
	}
	<-r.done
}

// requireTooMany: a QUIC connection that is dialled is one too many.
func requireTooMany(t *testing.T, dial func() (*quic.Conn, error)) {
	t.Helper()
	conn, err := dial()
	if err == nil {
		select {
		case <-conn.Context().Done():
			err = context.Cause(conn.Context())
		case <-time.After(30 * time.Second):
			require.Fail(t, "a connection too many")
		}
	}
	// The code, or before the handshake is complete that there is one.
	if app, ok := errors.AsType[*quic.ApplicationError](err); ok {
		require.Equal(t, quic.ApplicationErrorCode(http3.ErrCodeExcessiveLoad), app.ErrorCode)
	} else {
		require.ErrorContains(t, err, "APPLICATION_ERROR (remote)")
	}
}

func TestConnectionsOfOneAddress(t *testing.T) {
	t.Parallel()
	r := start(t, coreFunc(readBody), func(c *Config) { c.MaxConnsPerIP = 2 })
	r.over(t, func(t *testing.T, c client) { // TLS and ALPN are seen through fasthttp's wrapper
		require.Equal(t, 200, c.do(t, "POST", "/", strings.NewReader("x")).status)
	})
	for range 2 { // beside the client's kept one
		_ = r.raw(t)
	}
	got, _ := io.ReadAll(r.raw(t))
	require.Contains(t, string(got), "HTTP/1.1 429")
	require.Contains(t, string(got), "Retry-After: 1\r\n")
	require.Contains(t, string(got), `"field":"connections"`)
}

// TestConnectionsOfOneAddressMakeRoom when they end, over TCP and TLS, and a hit on them is
// answered ahead of fasthttp all the same.
func TestConnectionsOfOneAddressMakeRoom(t *testing.T) {
	t.Parallel()
	r := start(t, readyCore(func(x *edge.Exchange) { x.Rep.Status = 204 }), func(c *Config) { c.MaxConnsPerIP = 2 })
	r.ends(t, func(t *testing.T, dial func() net.Conn) {
		for range 5 {
			one, two := dial(), dial()
			for _, conn := range []net.Conn{one, two} {
				require.Equal(t, 204, ask(t, conn, bufio.NewReader(conn), plainRequest, 1).StatusCode)
			}
			three := dial()
			_, _ = io.WriteString(three, plainRequest)
			resp, err := http.ReadResponse(bufio.NewReader(three), nil)
			require.True(t, err != nil || resp.StatusCode == 429)
			require.NoError(t, one.Close())
			require.NoError(t, two.Close())
			require.Eventually(t, func() bool { return r.Connections().TCP == 0 }, 30*time.Second, time.Millisecond)
		}
	})
	plain, theirs := ordinaryRig(t, 1000, func(c *Config) { c.MaxConnsPerIP = 1 })
	conn := plain.raw(t)
	ask(t, conn, bufio.NewReader(conn), plainRequest, 1)
	require.Zero(t, theirs.Load())
}

// TestSlowReader: a client that does not read what it asked for loses its
// connection, on each protocol, and the content is closed.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{}, 1)
	core := coreFunc(func(_ context.Context, x *edge.Exchange) {
		x.Rep.Status, x.Rep.Length = 200, -1
		x.Rep.Stream = &closer{endless{}, closed}
	})
	r := start(t, core, func(c *Config) { c.WriteTimeout = 200 * time.Millisecond })
	r.over(t, func(t *testing.T, c client) {
		resp, err := c.Get(c.base + "/")
		if err == nil { // else it was gone before this client came to read the header
			defer resp.Body.Close()
		}
		select {
		case <-closed:
		case <-time.After(30 * time.Second):
			require.Fail(t, "the stream is still open")
		}
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
		}
		require.Error(t, err)
	})
}

// endless content.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
