package h3

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/edgetest"
)

// sessions is a client's cache that tells when it was given one.
type sessions struct {
	tls.ClientSessionCache
	got chan struct{}
}

func (s sessions) Put(key string, cs *tls.ClientSessionState) {
	s.ClientSessionCache.Put(key, cs)
	if cs != nil {
		select {
		case s.got <- struct{}{}:
		default: // told already
		}
	}
}

// Early data is taken only where the client remembers settings that bind no less than
// those of the server that gets it (RFC 9114 §7.2.4.2); the session is resumed anyhow.
func TestEarlyDataBySettings(t *testing.T) {
	cert, roots := edgetest.Certificate(t)
	ticketKey := [32]byte{1}
	shared := func() *tls.Config {
		c := &tls.Config{Certificates: []tls.Certificate{cert}}
		c.SetSessionTicketKeys([][32]byte{ticketKey})
		return c
	}
	server := func(t *testing.T, limit int, config *tls.Config) string {
		cfg := testConfig()
		cfg.MaxHeaderBytes = limit
		core := coreFunc{serve: func(_ context.Context, x *edge.Exchange) { says(x, "yes") }}
		r := startAs(t, core, cfg, config, roots)
		t.Cleanup(func() {
			require.NoError(t, r.Shutdown(context.Background()))
			require.NoError(t, r.Close())
			require.NoError(t, <-r.done)
		})
		return r.addr
	}
	stock := func(t *testing.T, limit int, config *tls.Config) string {
		cfg := testConfig()
		cfg.MaxHeaderBytes = limit
		udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		require.NoError(t, err)
		s, err := NewStock(udp, config, cfg, http.NotFoundHandler(), func() bool { return false })
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() { done <- s.Serve() }()
		t.Cleanup(func() {
			require.NoError(t, s.Shutdown(context.Background()))
			require.NoError(t, s.Close())
			require.NoError(t, <-done)
		})
		return udp.LocalAddr().String()
	}
	without := shared() // as a node that remembers nothing seals
	sealed := shared()
	without.WrapSession = func(cs tls.ConnectionState, s *tls.SessionState) ([]byte, error) {
		s.Extra = s.Extra[:1]
		return sealed.EncryptTicket(cs, s)
	}
	for name, c := range map[string]struct {
		first, second string
		early         bool
	}{
		"the same":        {server(t, 32<<10, shared()), server(t, 32<<10, shared()), true},
		"a larger limit":  {server(t, 16<<10, shared()), server(t, 32<<10, shared()), true},
		"a smaller limit": {server(t, 32<<10, shared()), server(t, 16<<10, shared()), false},
		"no settings":     {server(t, 32<<10, without), server(t, 32<<10, shared()), false},
		"the other stack": {stock(t, 32<<10, shared()), server(t, 32<<10, shared()), false},
		"the stock stack": {stock(t, 32<<10, shared()), stock(t, 32<<10, shared()), true},
		"stock, smaller":  {stock(t, 32<<10, shared()), stock(t, 16<<10, shared()), false},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			session := sessions{tls.NewLRUClientSessionCache(1), make(chan struct{}, 1)}
			config := &tls.Config{RootCAs: roots, ServerName: "localhost", NextProtos: []string{"h3"}, ClientSessionCache: session}
			q, err := quic.DialAddrEarly(ctx, c.first, config, nil)
			require.NoError(t, err)
			select {
			case <-session.got:
			case <-ctx.Done():
				require.FailNow(t, "no session ticket")
			}
			require.NoError(t, q.CloseWithError(0x100, ""))
			q, err = quic.DialAddrEarly(ctx, c.second, config, nil)
			require.NoError(t, err)
			select {
			case <-q.HandshakeComplete():
			case <-ctx.Done():
				require.FailNow(t, "no handshake")
			}
			state := q.ConnectionState()
			require.True(t, state.TLS.DidResume)
			require.Equal(t, c.early, state.Used0RTT)
			require.NoError(t, q.CloseWithError(0x100, ""))
		})
	}
}
