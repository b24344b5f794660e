package load

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/quic-go/quic-go/http3"
	"github.com/stretchr/testify/require"
)

// serve runs a handler behind one protocol and returns a Config that asks for it.
func serve(t *testing.T, proto Proto, handler http.HandlerFunc) Config {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	if proto == H1 {
		s.Start()
	} else {
		s.EnableHTTP2 = true
		s.StartTLS()
	}
	t.Cleanup(s.Close)
	cfg := Config{Proto: proto, URLs: []string{s.URL + "/a"}, Seed: 1}
	if proto == H1 {
		return cfg
	}
	cfg.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if proto == H3 {
		cfg.URLs = []string{serveH3(t, s.TLS.Certificates, handler) + "/a"}
	}
	return cfg
}

func serveH3(t *testing.T, certs []tls.Certificate, handler http.Handler) string {
	t.Helper()
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	s := &http3.Server{Handler: handler, TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: certs})}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(udp) }()
	t.Cleanup(func() {
		_ = s.Close()
		_ = udp.Close()
		<-done
	})
	return "https://" + udp.LocalAddr().String()
}

// eachProto runs a test over every protocol.
func eachProto(t *testing.T, test func(*testing.T, Proto)) {
	for _, proto := range []Proto{H1, H2, H3} {
		t.Run(proto.String(), func(t *testing.T) { test(t, proto) })
	}
}
