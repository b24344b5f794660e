package serve

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// h3 serves HTTP/3 on one UDP socket. An http3.Server serves one listener in its
// life, so each address has its own.
type h3 struct {
	handler *netHandler
	udp     *net.UDPConn
	tr      *quic.Transport
	ln      *cappedListener
	srv     *http3.Server
}

func newH3(handler *netHandler, cfg Config, udp *net.UDPConn, tlsConfig *tls.Config, logger *slog.Logger) (*h3, error) {
	reset, token := quic.StatelessResetKey(cfg.Keys.StatelessReset), quic.TokenGeneratorKey(cfg.Keys.Token)
	if reset == (quic.StatelessResetKey{}) {
		_, _ = rand.Read(reset[:]) // never fails
	}
	if token == (quic.TokenGeneratorKey{}) {
		_, _ = rand.Read(token[:])
	}
	ln := &cappedListener{max: int64(cfg.MaxConns), logger: logger}
	tr := &quic.Transport{
		Conn:                udp,
		StatelessResetKey:   &reset,
		TokenGeneratorKey:   &token,
		VerifySourceAddress: func(net.Addr) bool { return ln.busy() },
	}
	early, err := tr.ListenEarly(http3.ConfigureTLSConfig(tlsConfig), &quic.Config{
		HandshakeIdleTimeout:           min(cfg.HeaderTimeout, 5*time.Second),
		MaxIdleTimeout:                 cfg.IdleTimeout,
		MaxIncomingStreams:             int64(cfg.MaxStreams),
		MaxIncomingUniStreams:          16, // control, two of QPACK, and unknown ones
		InitialStreamReceiveWindow:     64 << 10,
		MaxStreamReceiveWindow:         256 << 10,
		InitialConnectionReceiveWindow: 128 << 10,
		MaxConnectionReceiveWindow:     1 << 20,
		Allow0RTT:                      !cfg.NoEarlyData,
	})
	if err != nil {
		return nil, fmt.Errorf("serve: http/3 on %s: %w", udp.LocalAddr(), err)
	}
	ln.EarlyListener = early
	return &h3{
		handler: handler, udp: udp, tr: tr, ln: ln,
		srv: &http3.Server{
			Handler:        handler,
			MaxHeaderBytes: cfg.MaxHeaderBytes,
			IdleTimeout:    cfg.IdleTimeout,
			Logger:         slog.New(slog.DiscardHandler), // per request at debug level
		},
	}, nil
}

func (h *h3) serve() error {
	if err := h.srv.ServeListener(h.ln); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: http/3 on %s: %w", h.udp.LocalAddr(), err)
	}
	return nil
}

// linger is how long an HTTP/3 connection without a request may stay open
// after GOAWAY. The library waits for the client to close it.
const linger = time.Second

// shutdown finishes the requests in flight, and closes from the inside out: the
// listener is ours, and a socket closed first would leave clients waiting for
// their timeout.
func (h *h3) shutdown(ctx context.Context) error {
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	var watch sync.WaitGroup
	watch.Go(func() { h.watchIdle(waiting, stop) })
	err := h.srv.Shutdown(waiting)
	if ctx.Err() == nil && errors.Is(err, context.Canceled) {
		err = nil // nothing was in flight
	}
	stop()
	watch.Wait()
	return errors.Join(err, h.close())
}

// watchIdle calls stop once no request has been in flight for linger.
func (h *h3) watchIdle(ctx context.Context, stop func()) {
	const step = linger / 50
	tick := time.NewTicker(step)
	defer tick.Stop()
	for idle := time.Duration(0); idle < linger; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		idle += step
		if h.handler.inFlight.Load() > 0 {
			idle = 0
		}
	}
	stop()
}

// close releases the socket; it is also what is left to do for a server that
// was never started.
func (h *h3) close() error {
	err := errors.Join(h.ln.Close(), h.tr.Close())
	if cerr := h.udp.Close(); cerr != nil && !errors.Is(cerr, net.ErrClosed) {
		err = errors.Join(err, cerr)
	}
	return err
}
