package serve

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// deafSocket hears nothing while it is deaf: a client on it sends what a replay is made
// of, and its handshake stays incomplete.
type deafSocket struct {
	net.PacketConn
	deaf atomic.Bool
}

func (d *deafSocket) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, from, err := d.PacketConn.ReadFrom(p)
		if err != nil || !d.deaf.Load() {
			return n, from, err
		}
	}
}

// earlyCore answers /hit from memory, and /miss once it has asked somebody.
type earlyCore struct {
	begun, asked chan string
}

func (c earlyCore) Serve(ctx context.Context, x *edge.Exchange) {
	if !c.Begin(x) {
		c.Finish(ctx, x)
	}
}

func (c earlyCore) Begin(x *edge.Exchange) bool {
	x.Rep.Status = 204
	if x.Req.Early {
		c.begun <- x.Req.Target
	}
	return x.Req.Target == "/hit"
}

func (c earlyCore) Finish(_ context.Context, x *edge.Exchange) { c.asked <- x.Req.Target }

// ticketed is a client's cache of sessions that tells when it was given one.
type ticketed struct {
	tls.ClientSessionCache
	got chan struct{}
}

func (c ticketed) Put(key string, s *tls.ClientSessionState) {
	c.ClientSessionCache.Put(key, s)
	select {
	case c.got <- struct{}{}:
	default: // told already
	}
}

// TestEarlyDataAsksNobody: a request that came as early data and is a miss waits for the
// handshake; a hit does not, and a replay, whose handshake never ends, asks nobody.
func TestEarlyDataAsksNobody(t *testing.T) {
	t.Parallel()
	for _, stack := range []Stack{Lean, Stock} {
		for _, replay := range []bool{false, true} {
			t.Run(string(stack)+map[bool]string{false: ", a client", true: ", a replay"}[replay], func(t *testing.T) {
				t.Parallel()
				core := earlyCore{make(chan string, 8), make(chan string, 8)}
				r := start(t, core, func(c *Config) {
					c.H3 = stack
					c.HeaderTimeout = time.Minute
					if replay {
						c.HeaderTimeout = time.Second // QUIC's handshake is bounded by it
					}
				})
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				cache := ticketed{tls.NewLRUClientSessionCache(8), make(chan struct{}, 1)}
				config := &tls.Config{RootCAs: r.roots, ServerName: "localhost", NextProtos: []string{"h3"}, ClientSessionCache: cache}
				to := net.UDPAddrFromAddrPort(r.Addrs().Secure)
				first, err := quic.DialAddrEarly(ctx, to.String(), config, nil)
				require.NoError(t, err)
				select {
				case <-cache.got:
				case <-ctx.Done():
					require.FailNow(t, "no session ticket")
				}
				require.NoError(t, first.CloseWithError(0x100, ""))

				udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: to.IP})
				require.NoError(t, err)
				socket := &deafSocket{PacketConn: udp}
				socket.deaf.Store(true)
				tr := &quic.Transport{Conn: socket}
				defer func() { _ = udp.Close() }()
				defer func() { _ = tr.Close() }()
				q, err := tr.DialEarly(ctx, to, config, nil)
				require.NoError(t, err)
				var all sync.WaitGroup
				defer all.Wait()
				defer func() { _ = q.CloseWithError(0x100, "") }()
				client := (&http3.Transport{}).NewClientConn(q)
				for _, target := range []string{"/miss", "/hit"} {
					all.Go(func() {
						req, err := http.NewRequestWithContext(ctx, http3.MethodGet0RTT, "https://localhost"+target, nil)
						require.NoError(t, err)
						resp, err := client.RoundTrip(req)
						if !replay {
							require.NoError(t, err)
							require.Equal(t, 204, resp.StatusCode)
						}
					})
				}
				begun := []string{<-core.begun, <-core.begun}
				require.ElementsMatch(t, []string{"/miss", "/hit"}, begun)
				if replay {
					require.Eventually(t, func() bool { return r.Connections().QUIC == 0 }, time.Minute, 10*time.Millisecond)
					require.Empty(t, core.asked, "a replay has asked somebody")
					return
				}
				require.Empty(t, core.asked, "somebody was asked before the handshake")
				socket.deaf.Store(false)
				require.Equal(t, "/miss", <-core.asked)
				all.Wait()
			})
		}
	}
}
