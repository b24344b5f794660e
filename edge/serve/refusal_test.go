package serve

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// refusedBy starts a server of one connection, of all or of one address, and takes it.
func refusedBy(t *testing.T, change func(*Config)) *rig {
	r := start(t, readyCore(func(x *edge.Exchange) { x.Rep.Status = 204 }), change)
	conn := r.raw(t)
	require.Equal(t, 204, ask(t, conn, bufio.NewReader(conn), plainRequest, 1).StatusCode)
	return r
}

// TestRefusedConnectionsAreTold why, and counted, each over its own bound; what their
// clients send after they were refused takes the answer from nobody.
func TestRefusedConnectionsAreTold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limit  string
		change func(*Config)
		status int
	}{
		{"connections", func(c *Config) { c.MaxConns = 1 }, 503},
		{"connections_per_ip", func(c *Config) { c.MaxConnsPerIP = 1 }, 429},
	} {
		t.Run(c.limit, func(t *testing.T) {
			r := refusedBy(t, c.change)
			conn := r.raw(t)
			in := bufio.NewReader(conn)
			_, err := in.Peek(1) // refused
			require.NoError(t, err)
			_, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n"+strings.Repeat("x", 4_000_000))
			require.NoError(t, err)
			resp, err := http.ReadResponse(in, nil)
			require.NoError(t, err)
			require.Equal(t, c.status, resp.StatusCode)
			require.Equal(t, "1", resp.Header.Get("Retry-After"))
			require.Equal(t, "application/problem+json", resp.Header.Get("Content-Type"))
			content, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.Contains(t, string(content), `"field":"connections"`)
			require.True(t, resp.Close)
			_, err = in.ReadByte()
			require.Equal(t, io.EOF, err)
			for _, f := range r.Refused() {
				want := uint64(0)
				if f.Transport == "tcp" && f.Limit == c.limit {
					want = 1
				}
				require.Equal(t, want, f.Count, f)
			}
		})
	}
}

// TestRefusedConnectionsLingerBounded: of many, all are told, and few are waited for.
func TestRefusedConnectionsLingerBounded(t *testing.T) {
	t.Parallel()
	r := refusedBy(t, func(c *Config) { c.MaxConns = 1 })
	var waited int
	for range 3 * mostRefusedLinger {
		resp, err := http.ReadResponse(bufio.NewReader(r.raw(t)), nil)
		require.NoError(t, err)
		require.Equal(t, 503, resp.StatusCode)
		waited = max(waited, len(r.refused.places))
	}
	require.Positive(t, waited)
	require.LessOrEqual(t, waited, mostRefusedLinger)
}

// TestConnectionsAreBoundedOnAllSockets: localhost has two, and one bound.
func TestConnectionsAreBoundedOnAllSockets(t *testing.T) {
	t.Parallel()
	r := start(t, readyCore(func(x *edge.Exchange) { x.Rep.Status = 204 }), func(c *Config) {
		c.Plain, c.MaxConns = "localhost:0", 1
	})
	if len(r.plain.tcp) == 1 {
		t.Skip("no IPv6 here")
	}
	dial := func(i int) net.Conn {
		conn, err := net.Dial("tcp", r.plain.tcp[i].Addr().String())
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	one := dial(0)
	require.Equal(t, 204, ask(t, one, bufio.NewReader(one), plainRequest, 1).StatusCode)
	resp, err := http.ReadResponse(bufio.NewReader(dial(1)), nil)
	require.NoError(t, err)
	require.Equal(t, 503, resp.StatusCode)
}

// TestQUICConnectionsAreBounded over all sockets together, and for each client address.
func TestQUICConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	for limit, change := range map[string]func(*Config){
		"connections":        func(c *Config) { c.MaxConns = 2 },
		"connections_per_ip": func(c *Config) { c.MaxConnsPerIP = 2 },
	} {
		t.Run(limit, func(t *testing.T) {
			r := start(t, readyCore(func(x *edge.Exchange) { x.Rep.Status = 204 }), change)
			if len(r.secure.udp) == 1 {
				t.Skip("no IPv6 here")
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			dial := func(socket int) (*quic.Conn, error) {
				conn, err := quic.DialAddr(ctx, r.secure.udp[socket].LocalAddr().String(), r.quicTLS(), unhurried())
				if err == nil {
					t.Cleanup(func() { _ = conn.CloseWithError(0x100, "") })
				}
				return conn, err
			}
			open := 0
			admit := func(socket int) *quic.Conn {
				conn, err := dial(socket)
				require.NoError(t, err)
				open++
				require.Eventually(t, func() bool { return r.Connections().QUIC == open }, time.Minute, time.Millisecond)
				return conn
			}
			one := admit(0)
			if limit == "connections" {
				admit(1)
				requireTooMany(t, func() (*quic.Conn, error) { return dial(1) })
			} else {
				admit(0)
				admit(1) // another address
			}
			requireTooMany(t, func() (*quic.Conn, error) { return dial(0) })
			for _, f := range r.Refused() {
				require.Equal(t, f.Transport == "quic" && f.Limit == limit, f.Count > 0, f)
			}
			require.NoError(t, one.CloseWithError(0x100, ""))
			open--
			require.Eventually(t, func() bool { return r.Connections().QUIC == open }, time.Minute, time.Millisecond)
			admit(0)
		})
	}
}

// TestRefusalsAreLoggedOnceAMinute, with how many there have been.
func TestRefusalsAreLoggedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := newRefusals(Config{}, slog.New(slog.NewTextHandler(&log, nil)))
		lines := func() int { return strings.Count(log.String(), "connections refused") }
		for range 1000 {
			r.tcp.perClient.note()
		}
		require.Equal(t, 1, lines())
		r.quic.all.note() // has a line of its own
		require.Equal(t, 2, lines())
		time.Sleep(refusalLogEvery)
		r.tcp.perClient.note()
		r.tcp.perClient.note()
		require.Equal(t, 3, lines())
		require.Contains(t, log.String(), "transport=tcp limit=connections_per_ip total=1001\n")
	})
}
