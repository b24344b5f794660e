package bare

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// h3Engine is quic-go's http3 on a UDP socket of its own.
type h3Engine struct {
	udp    *net.UDPConn
	server *http3.Server
}

func listenH3(spec Spec, cert tls.Certificate) (engine, error) {
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	return &h3Engine{udp: udp, server: &http3.Server{
		Handler:     newConstant(spec),
		TLSConfig:   http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13}),
		QUICConfig:  &quic.Config{MaxIncomingStreams: 1000},
		IdleTimeout: time.Minute,
	}}, nil
}

func (e *h3Engine) addr() string { return e.udp.LocalAddr().String() }

func (e *h3Engine) serve() error {
	err := e.server.Serve(e.udp)
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, quic.ErrServerClosed) {
		return nil
	}
	return err
}

func (e *h3Engine) close() error { return errors.Join(e.server.Close(), e.udp.Close()) }
