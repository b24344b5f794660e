package h3

import (
	"context"
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

// Stock serves a net/http handler with quic-go's own HTTP/3 server, one listener in
// its life.
type Stock struct {
	ln  *listener
	srv *http3.Server
	// busy reports whether the handler has a request in flight.
	busy func() bool
	// accepting is held while connections are.
	accepting sync.Mutex
}

// NewStock takes over a socket. busy reports whether the handler has a request in
// flight.
func NewStock(udp *net.UDPConn, tlsConfig *tls.Config, cfg Config, handler http.Handler, busy func() bool) (*Stock, error) {
	ln, err := listen(udp, tlsConfig, "stock", cfg)
	if err != nil {
		return nil, err
	}
	return &Stock{ln: ln, busy: busy, srv: &http3.Server{
		Handler:        handler,
		MaxHeaderBytes: cfg.MaxHeaderBytes,
		IdleTimeout:    cfg.IdleTimeout,
		Logger:         slog.New(slog.DiscardHandler), // per request at debug level
		ConnContext: func(ctx context.Context, q *quic.Conn) context.Context {
			return context.WithValue(ctx, handshakeKey{}, q.HandshakeComplete())
		},
	}}, nil
}

// handshakeKey is where a request's context has what HandshakeComplete returns.
type handshakeKey struct{}

// HandshakeComplete is closed when the handshake of a Stock server's connection is
// complete; ctx is a request's on it, and ends if it never is.
func HandshakeComplete(ctx context.Context) <-chan struct{} {
	done, _ := ctx.Value(handshakeKey{}).(<-chan struct{})
	return done
}

// Serve serves until Shutdown, or until the listener fails.
func (s *Stock) Serve() error {
	s.accepting.Lock()
	defer s.accepting.Unlock()
	if err := s.srv.ServeListener(s.ln); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: http/3 on %s: %w", s.ln.udp.LocalAddr(), err)
	}
	return nil
}

// Connections is how many are open.
func (s *Stock) Connections() int { return s.ln.connections() }

// linger is how long an HTTP/3 connection without a request may stay open after
// GOAWAY. It is the client that should close it.
const linger = time.Second

// settle waits until the library's server has counted all that it was given, which it must
// have done before it is told to end.
func (s *Stock) settle() {
	s.accepting.Lock()
	defer s.accepting.Unlock()
}

// Shutdown refuses new connections, from now on until Close, and finishes the requests in
// flight, or cuts them off when ctx ends.
func (s *Stock) Shutdown(ctx context.Context) error {
	s.ln.drain()
	s.settle()
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	var watch sync.WaitGroup
	watch.Go(func() { s.watchIdle(waiting, stop) })
	err := s.srv.Shutdown(waiting)
	if ctx.Err() == nil && errors.Is(err, context.Canceled) {
		err = nil // nothing was in flight
	}
	stop()
	watch.Wait()
	s.ln.dismiss()
	return err
}

// watchIdle calls stop once no request has been in flight for linger.
func (s *Stock) watchIdle(ctx context.Context, stop func()) {
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
		if s.busy() {
			idle = 0
		}
	}
	stop()
}

// Close releases the socket, after Shutdown or of a server that was never started. It may
// be called again.
func (s *Stock) Close() error { return s.ln.close() }
