package behaviour

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"
)

// TestResumption: a reader who has met one node of a region resumes its session
// with any other there, over TCP and over QUIC, and with none elsewhere.
func TestResumption(t *testing.T) {
	t.Parallel()
	demo := edged.Demo(t)
	trust, err := trusted(demo.CA)
	require.NoError(t, err)
	first := demo.Nodes[0]
	var near, far *Node
	for _, n := range demo.Nodes[1:] {
		if n.Region == first.Region {
			near = n
		} else {
			far = n
		}
	}
	for name, meet := range map[string]func(*testing.T, *Node, *tls.Config) bool{"tcp": meetTCP, "quic": meetQUIC} {
		t.Run(name, func(t *testing.T) {
			for _, c := range []struct {
				second  *Node
				resumes bool
			}{{first, true}, {near, true}, {far, false}} {
				session := trust.Clone()
				session.ServerName, session.ClientSessionCache = "localhost", tls.NewLRUClientSessionCache(4)
				require.False(t, meet(t, first, session), "there is nothing to resume yet")
				require.Equal(t, c.resumes, meet(t, c.second, session), "%s, then %s", first.ID, c.second.ID)
			}
		})
	}
}

// meetTCP asks a node once over TLS and tells whether the session was resumed.
func meetTCP(t *testing.T, n *Node, c *tls.Config) bool {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: c, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
	rsp, err := client.Get(n.HTTPS + "/v1/segments/b2b/ctas/trial")
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, rsp.Body) // the ticket comes before the answer
	require.NoError(t, err)
	require.NoError(t, rsp.Body.Close())
	return rsp.TLS.DidResume
}

// meetQUIC connects, waits for the ticket and tells the same.
func meetQUIC(t *testing.T, n *Node, c *tls.Config) bool {
	t.Helper()
	at, err := url.Parse(n.H3)
	require.NoError(t, err)
	got := make(chan struct{}, 4)
	c = c.Clone()
	c.NextProtos, c.ClientSessionCache = []string{"h3"}, &told{c.ClientSessionCache, got}
	conn, err := quic.DialAddr(t.Context(), at.Host, c, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.CloseWithError(0x100, "")) }()
	select {
	case <-got:
	case <-time.After(20 * time.Second):
		t.Fatal("no session ticket")
	}
	return conn.ConnectionState().TLS.DidResume
}

// told is a session cache that tells when it is given a session.
type told struct {
	tls.ClientSessionCache
	got chan struct{}
}

func (c *told) Put(key string, s *tls.ClientSessionState) {
	c.ClientSessionCache.Put(key, s)
	if s != nil {
		select {
		case c.got <- struct{}{}:
		default: // told often enough
		}
	}
}
