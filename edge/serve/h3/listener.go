package h3

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

var _ http3.QUICListener = (*listener)(nil)

// listener accepts the QUIC connections of one UDP socket, up to a bound, which the
// library does not have. A connection too many is closed with H3_EXCESSIVE_LOAD.
type listener struct {
	*quic.EarlyListener
	udp    *net.UDPConn
	tr     *quic.Transport
	max    int64
	open   atomic.Int64
	logger *slog.Logger
}

// listen takes over a socket, for the stack of that name.
func listen(udp *net.UDPConn, tlsConfig *tls.Config, stack string, cfg Config, logger *slog.Logger) (*listener, error) {
	reset, token := quic.StatelessResetKey(cfg.StatelessReset), quic.TokenGeneratorKey(cfg.Token)
	if reset == (quic.StatelessResetKey{}) {
		_, _ = rand.Read(reset[:]) // never fails
	}
	if token == (quic.TokenGeneratorKey{}) {
		_, _ = rand.Read(token[:])
	}
	l := &listener{udp: udp, max: int64(cfg.MaxConns), logger: logger}
	l.tr = &quic.Transport{
		Conn:                udp,
		StatelessResetKey:   &reset,
		TokenGeneratorKey:   &token,
		VerifySourceAddress: func(net.Addr) bool { return l.busy() },
	}
	early, err := l.tr.ListenEarly(http3.ConfigureTLSConfig(remembering(tlsConfig, stack, cfg.MaxHeaderBytes)), &quic.Config{
		HandshakeIdleTimeout:           min(cfg.HeaderTimeout, 5*time.Second),
		MaxIdleTimeout:                 cfg.IdleTimeout,
		MaxIncomingStreams:             int64(cfg.MaxStreams),
		MaxIncomingUniStreams:          maxUniStreams,
		InitialStreamReceiveWindow:     64 << 10,
		MaxStreamReceiveWindow:         256 << 10,
		InitialConnectionReceiveWindow: 128 << 10,
		MaxConnectionReceiveWindow:     1 << 20,
		Allow0RTT:                      !cfg.NoEarlyData,
	})
	if err != nil {
		return nil, fmt.Errorf("serve: http/3 on %s: %w", udp.LocalAddr(), err)
	}
	l.EarlyListener = early
	return l, nil
}

// maxUniStreams is what a client may open in one direction at the same time: control,
// two of QPACK, and unknown ones.
const maxUniStreams = 16

// busy reports whether new clients have to show their address first (a Retry,
// RFC 9000 §8.1.2): it costs them a round trip, so only from half the bound on.
func (l *listener) busy() bool { return l.open.Load() >= (l.max+1)/2 }

// Accept returns the next connection within the bound.
func (l *listener) Accept(ctx context.Context) (*quic.Conn, error) {
	for {
		conn, err := l.EarlyListener.Accept(ctx)
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) <= l.max {
			context.AfterFunc(conn.Context(), func() { l.open.Add(-1) })
			return conn, nil
		}
		l.open.Add(-1)
		l.logger.Debug("connection refused: too many", "proto", "h3")
		_ = conn.CloseWithError(codeExcessiveLoad.onConn(), "too many connections")
	}
}

// close releases the socket, from the inside out: one closed first would leave
// clients waiting for their timeout. It may be called again.
func (l *listener) close() error {
	err := errors.Join(l.EarlyListener.Close(), l.tr.Close())
	if cerr := l.udp.Close(); cerr != nil && !errors.Is(cerr, net.ErrClosed) {
		err = errors.Join(err, cerr)
	}
	return err
}
