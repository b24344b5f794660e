package serve

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// dial3 opens a QUIC connection.
func (a abused) dial3(t *testing.T) *quic.Conn {
	t.Helper()
	q, err := quic.DialAddr(context.Background(), a.Addrs().Secure.String(),
		&tls.Config{RootCAs: a.roots, ServerName: "localhost", NextProtos: []string{"h3"}}, &quic.Config{})
	require.NoError(t, err)
	return q
}

// head3 is a HEADERS frame of a GET of a path of less than 32 bytes, with static fields
// and literals only (RFC 9204 §4.5).
func head3(path string) string {
	section := "\x00\x00\xd1\xd7\x50\x01a\x51" + string(rune(len(path))) + path
	return "\x01" + string(rune(len(section))) + section
}

// TestHTTP3Floods: the same over QUIC. Streams and their windows are bounded below HTTP;
// what is left is what may be said in them.
func TestHTTP3Floods(t *testing.T) {
	const settings = "\x00\x04\x00"
	one := func(t *testing.T, q *quic.Conn) *quic.Stream {
		ctx, cancel := context.WithTimeout(q.Context(), 30*time.Second)
		defer cancel()
		str, err := q.OpenStreamSync(ctx)
		if err != nil {
			<-ctx.Done() // streams are told of the connection's end before this is
			require.Error(t, q.Context().Err(), "the server stands still")
			return nil
		}
		return str
	}
	control := func(frame string) func(*testing.T, *quic.Conn) {
		return func(t *testing.T, q *quic.Conn) {
			str, err := q.OpenUniStream()
			require.NoError(t, err)
			_, _ = io.WriteString(str, settings+strings.Repeat(frame, 100_000)) // the connection may end within
		}
	}
	for name, abuse := range map[string]func(*testing.T, *quic.Conn){
		"rapid reset": func(t *testing.T, q *quic.Conn) {
			for range 5000 {
				str := one(t, q)
				if str == nil {
					return
				}
				_, _ = io.WriteString(str, head3("/hang"))
				str.CancelWrite(0x10c)
				str.CancelRead(0x10c)
			}
		},
		"half a header section": func(t *testing.T, q *quic.Conn) {
			for range abusedStreams {
				_, err := io.WriteString(one(t, q), "\x01\x80\x00\x78\x00"+strings.Repeat("x", 28<<10))
				require.NoError(t, err)
			}
		},
		"windows of nothing": func(t *testing.T, q *quic.Conn) {
			for range abusedStreams {
				str := one(t, q)
				_, err := io.WriteString(str, head3("/large"))
				require.NoError(t, err)
				require.NoError(t, str.Close())
			}
		},
		"unknown frames":   control("\x21\x00"),
		"priority updates": control("\x80\x0f\x07\x00\x04\x00u=1"),
		"streams in one direction": func(_ *testing.T, q *quic.Conn) {
			for range 500 {
				ctx, cancel := context.WithTimeout(q.Context(), 30*time.Second)
				str, err := q.OpenUniStreamSync(ctx)
				cancel()
				if err != nil {
					return
				}
				_, _ = io.WriteString(str, "\x21"+strings.Repeat("x", 500))
				_ = str.Close()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAbused(t)
			a.bounded(t, func() func() {
				q := a.dial3(t)
				abuse(t, q)
				return func() { _ = q.CloseWithError(0, "") }
			})
		})
	}
}

// retries is a client's socket that counts the Retry packets it is sent (RFC 9000 §17.2.5).
type retries struct {
	*net.UDPConn
	seen atomic.Int64
}

func (r *retries) ReadFrom(p []byte) (int, net.Addr, error) {
	n, addr, err := r.UDPConn.ReadFrom(p)
	if err == nil && n > 0 && p[0]&0xf0 == 0xf0 {
		r.seen.Add(1)
	}
	return n, addr, err
}

// TestRetryUnderLoad: from half of the connections on, a client has to show that its
// address is its own before it costs anything.
func TestRetryUnderLoad(t *testing.T) {
	t.Parallel()
	r := start(t, coreFunc(func(_ context.Context, x *edge.Exchange) { x.Rep.Status = 204 }), func(c *Config) { c.MaxConns = 4 })
	addr, err := net.ResolveUDPAddr("udp", r.Addrs().Secure.String())
	require.NoError(t, err)
	dial := func() (q *quic.Conn, seen int64) {
		udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: addr.IP})
		require.NoError(t, err)
		sock := &retries{UDPConn: udp}
		tr := &quic.Transport{Conn: struct{ net.PacketConn }{sock}}
		q, err = tr.Dial(context.Background(), addr, &tls.Config{RootCAs: r.roots, ServerName: "localhost", NextProtos: []string{"h3"}}, &quic.Config{})
		require.NoError(t, err)
		t.Cleanup(func() {
			_ = q.CloseWithError(0, "")
			_ = tr.Close()
			_ = udp.Close()
		})
		<-q.HandshakeComplete()
		return q, sock.seen.Load()
	}
	open := func(n int) {
		require.Eventually(t, func() bool { return r.Connections().QUIC == n }, 30*time.Second, time.Millisecond)
	}
	one, seen := dial()
	require.Zero(t, seen)
	open(1)
	_, seen = dial()
	require.Zero(t, seen)
	open(2)
	_, seen = dial()
	require.Positive(t, seen, "half are taken") // one for each Initial packet that was sent
	open(3)
	require.NoError(t, one.CloseWithError(0, ""))
	open(2)
	_, seen = dial()
	require.Positive(t, seen)
}
