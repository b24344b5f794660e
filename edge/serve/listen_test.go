package serve

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/edgetest"
)

func TestListenPicksOnePortForAll(t *testing.T) {
	for _, host := range []string{"localhost", "127.0.0.1", "[::1]", "127.0.0.2", ""} {
		s, err := listen(host+":0", true)
		require.NoError(t, err, host)
		want := map[bool]int{true: 2, false: 1}[host != "127.0.0.2" && host != ""]
		if ln, err := net.Listen("tcp", "[::1]:0"); err != nil {
			want = 1 // no IPv6 here
		} else {
			_ = ln.Close()
		}
		require.Len(t, s.tcp, want, host)
		require.Len(t, s.udp, want, host)
		for i := range s.tcp {
			require.Equal(t, int(s.port()), s.tcp[i].Addr().(*net.TCPAddr).Port)
			require.Equal(t, int(s.port()), s.udp[i].LocalAddr().(*net.UDPAddr).Port)
		}
		s.close()
	}
}

func TestListenRefusesWhatIsTaken(t *testing.T) {
	for range 20 {
		udp, err := net.ListenPacket("udp", "127.0.0.1:0")
		require.NoError(t, err)
		_, err = listen(udp.LocalAddr().String(), true)
		require.ErrorContains(t, err, "address already in use")
		s, err := listen(udp.LocalAddr().String(), false)
		_ = udp.Close()
		if err == nil {
			s.close()
			return // TCP alone was free
		}
	}
	require.Fail(t, "none of 20 ports is free over TCP")
}

func TestListenTakesAConfiguredPortWithoutItsTwin(t *testing.T) {
	other, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here")
	}
	defer other.Close()
	port := other.Addr().(*net.TCPAddr).Port
	s, err := listen(fmt.Sprintf("127.0.0.1:%d", port), true)
	if err != nil {
		require.ErrorContains(t, err, "127.0.0.1")
		return // somebody else's
	}
	require.Len(t, s.tcp, 1)
	s.close()
	_, err = listen(fmt.Sprintf("localhost:%d", port), true)
	require.ErrorContains(t, err, "address already in use", "localhost is both")
}

func TestConfig(t *testing.T) {
	cert, _ := edgetest.Certificate(t)
	good := &tls.Config{Certificates: []tls.Certificate{cert}}
	for want, cfg := range map[string]Config{
		"Plain or Secure is required":    {},
		"Secure needs TLS":               {Secure: "localhost:0"},
		"Certificates or GetCertificate": {Secure: "localhost:0", TLS: &tls.Config{}},
		"Plain is host:port":             {Plain: "localhost"},
		"Secure is host:port":            {Secure: "a:b:c", TLS: good},
		"AltSvcPort 70000 is no port":    {Secure: "localhost:0", TLS: good, AltSvcPort: 70000},
	} {
		_, err := New(cfg, coreFunc(echo), nil)
		require.ErrorContains(t, err, want)
	}
	_, err := New(Config{Plain: "localhost:0"}, nil, nil)
	require.ErrorContains(t, err, "a core is required")
	s, err := New(Config{Plain: "host.invalid:0"}, coreFunc(echo), nil)
	require.NoError(t, err)
	require.Error(t, s.Listen())
}

func TestBothLoopbackAddressesServe(t *testing.T) {
	t.Parallel()
	r := start(t, coreFunc(echo), func(c *Config) { c.AltSvcPort = 443 })
	for _, ip := range []string{"127.0.0.1", "[::1]"} {
		base := fmt.Sprintf("https://%s:%d/", ip, r.Addrs().Secure.Port())
		two := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: r.roots}}
		three := &http3.Transport{TLSClientConfig: &tls.Config{RootCAs: r.roots}}
		for _, rt := range []http.RoundTripper{two, three} {
			resp, err := (&http.Client{Transport: rt}).Get(base)
			require.NoError(t, err)
			_ = resp.Body.Close()
			if resp.ProtoMajor == 2 {
				require.Equal(t, `h3=":443"; ma=300`, resp.Header.Get("Alt-Svc"))
			}
		}
		two.CloseIdleConnections()
		require.NoError(t, three.Close())
	}
}

// TestEarlyData resumes a QUIC connection with 0-RTT: the core hears of it, so
// that it can refuse unsafe methods.
func TestEarlyData(t *testing.T) {
	t.Parallel()
	for _, off := range []bool{false, true} {
		t.Run(fmt.Sprint("off=", off), func(t *testing.T) {
			early := make(chan bool, 8)
			core := coreFunc(func(_ context.Context, x *edge.Exchange) {
				early <- x.Req.Early
				x.Rep.Status = 204
			})
			r := start(t, core, func(c *Config) { c.NoEarlyData = off })
			base := fmt.Sprintf("https://localhost:%d/", r.Addrs().Secure.Port())
			cache := tls.NewLRUClientSessionCache(8)
			get := func(method string) {
				tr := &http3.Transport{
					TLSClientConfig: &tls.Config{RootCAs: r.roots, ClientSessionCache: cache},
					QUICConfig:      &quic.Config{},
				}
				defer tr.Close()
				req, err := http.NewRequest(method, base, nil)
				require.NoError(t, err)
				resp, err := tr.RoundTrip(req)
				require.NoError(t, err)
				_ = resp.Body.Close()
			}
			get("GET")
			require.False(t, <-early, "a full handshake")
			get("GET")
			require.False(t, <-early, "the client sends early data only where it is told to")
			seen := false
			for range 20 {
				get(http3.MethodGet0RTT)
				if <-early {
					seen = true
					break
				}
			}
			require.Equal(t, !off, seen)
		})
	}
}

func TestH2CIsRefused(t *testing.T) {
	r := start(t, coreFunc(echo), func(c *Config) { c.Secure = "" })
	answers, closed := r.exchange(t, "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings, close\r\nHTTP2-Settings: AAMAAABk\r\n\r\n")
	require.True(t, closed)
	require.Len(t, answers, 1)
	require.Equal(t, 200, answers[0].StatusCode)
	require.True(t, strings.HasPrefix(answers[0].Proto, "HTTP/1.1"))
}
