package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/letteros/letteredge/edge"
)

// Server serves a core over HTTP/1.1, HTTP/2 and HTTP/3: Listen, then Serve,
// then Shutdown.
type Server struct {
	cfg    Config
	core   Core
	logger *slog.Logger

	plain, secure *sockets
	h1            *h1
	h1Plain       *fasthttp.Server
	h1Secure      *fasthttp.Server
	tcp           []net.Listener // what h1Secure accepts on: TLS
	h2            h2End
	h3            []h3End
	open          *conns
	refused       *refusals

	life context.Context // ends when the server is killed
	kill context.CancelCauseFunc

	stopping    atomic.Bool // a shutdown has begun
	shutdown    sync.Once
	shutdownErr error
}

// New returns a server; it opens nothing yet. The logger may be nil.
func New(cfg Config, core Core, logger *slog.Logger) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if core == nil {
		return nil, errors.New("serve: a core is required")
	}
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg, core: core, logger: logger, open: newConns(cfg), refused: newRefusals(cfg, logger)}
	s.life, s.kill = context.WithCancelCause(context.Background())
	return s, nil
}

// Listen opens the sockets. From then on clients can connect, and are answered
// once Serve runs. After an error nothing is open.
func (s *Server) Listen() (err error) {
	defer func() {
		if err != nil {
			s.closeSockets()
		}
	}()
	if s.cfg.Plain != "" {
		if s.plain, err = listen(s.cfg.Plain, false); err != nil {
			return err
		}
	}
	alt := ""
	if s.cfg.Secure != "" {
		if s.secure, err = listen(s.cfg.Secure, true); err != nil {
			return err
		}
		port := s.cfg.AltSvcPort
		if port == 0 {
			port = int(s.secure.port())
		}
		alt = altSvc(port, s.cfg.AltSvcMaxAge)
	}
	s.h1 = newH1(s.life, s.core, s.cfg, alt, s.logger)
	if s.plain != nil {
		s.h1Plain = newFasthttp(s.h1, s.cfg, s.open, s.logger)
	}
	if s.secure == nil {
		return nil
	}
	return s.listenSecure(alt)
}

func (s *Server) listenSecure(alt string) (err error) {
	tlsConfig := s.cfg.TLS.Clone()
	tlsConfig.MinVersion = max(tlsConfig.MinVersion, tls.VersionTLS12)
	overTCP := tlsConfig.Clone()
	overTCP.NextProtos = []string{"h2", "http/1.1"}
	s.h1Secure = newFasthttp(s.h1, s.cfg, s.open, s.logger)
	if s.h2, err = newH2(s.life, s.core, s.cfg, overTCP, alt, s.logger); err != nil {
		return err
	}
	s.h1Secure.NextProto("h2", func(conn net.Conn) error {
		c := conn.(*tlsConn)
		c.next.arrived() // HTTP/2's shutdown knows better
		return s.h2.serve(c.Conn)
	})
	admission := newAdmission(s.cfg, &s.refused.tcp)
	for _, ln := range s.secure.tcp {
		s.tcp = append(s.tcp, tlsListener{s.h2.beneath(ln), overTCP, admission, s.open.lingering})
	}
	overUDP := quicAdmission{newAdmission(s.cfg, &s.refused.quic)}
	for _, udp := range s.secure.udp {
		end, err := newH3(s.core, s.cfg, udp, tlsConfig, overUDP, s.logger)
		if err != nil {
			return err
		}
		s.h3 = append(s.h3, end)
	}
	return nil
}

// Addrs are the addresses of a server that listens. With a port of 0 they tell
// which was picked; the HTTP/3 port is that of Secure.
type Addrs struct{ Plain, Secure netip.AddrPort }

// Addrs returns the addresses; a listener that is not configured has the zero
// value.
func (s *Server) Addrs() Addrs { return Addrs{Plain: s.plain.addr(), Secure: s.secure.addr()} }

// Connections are the open connections now.
type Connections struct{ TCP, QUIC int }

// Connections returns how many connections are open, for metrics.
func (s *Server) Connections() Connections {
	c := Connections{TCP: s.open.count()}
	for _, end := range s.h3 {
		c.QUIC += end.Connections()
	}
	return c
}

// Refused returns how many connections were refused since the start, by bound.
func (s *Server) Refused() []Refused {
	tcp, quic := &s.refused.tcp, &s.refused.quic
	return []Refused{tcp.all.figure(), tcp.perClient.figure(), quic.all.figure(), quic.perClient.figure()}
}

var errListenerEnded = errors.New("serve: a listener was closed from outside")

// Serve answers until Shutdown, which makes it return nil. Where a listener
// fails, the others are stopped and its error is returned.
func (s *Server) Serve() error {
	var all sync.WaitGroup
	errs := make(chan error, 8)
	run := func(serve func() error) {
		all.Go(func() {
			err := serve()
			if err == nil && !s.stopping.Load() {
				err = errListenerEnded
			}
			if err == nil {
				return
			}
			select {
			case errs <- err:
			default: // the first ones say enough
			}
			at, cancel := context.WithCancel(context.Background())
			cancel()
			_ = s.Shutdown(at)
		})
	}
	if s.plain != nil {
		admission := newAdmission(s.cfg, &s.refused.tcp)
		for _, ln := range s.plain.tcp {
			run(func() error {
				return serveTCP(s.h1Plain, h1Listener{ln, s.h1, admission, s.refused, s.open.lingering})
			})
		}
	}
	for _, ln := range s.tcp {
		run(func() error { return serveTCP(s.h1Secure, ln) })
	}
	for _, end := range s.h3 {
		run(end.Serve)
	}
	all.Wait()
	s.refused.linger.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

func serveTCP(fs *fasthttp.Server, ln net.Listener) error {
	if err := fs.Serve(ln); err != nil {
		return fmt.Errorf("serve: %s: %w", ln.Addr(), err)
	}
	return nil
}

// afterKill is how long a shutdown whose time is up still waits for the
// goroutines it has cut off.
const afterKill = 2 * time.Second

// Shutdown stops accepting, finishes the requests in flight on all three
// protocols and tells clients to go elsewhere. When ctx ends first, what is left
// is cut off, and its error is returned. Later calls wait for the first.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stopping.Store(true)
	s.shutdown.Do(func() { s.shutdownErr = s.stop(ctx) })
	return s.shutdownErr
}

func (s *Server) stop(ctx context.Context) error {
	var tcp, all sync.WaitGroup
	var mu sync.Mutex // guards errs
	var errs []error
	note := func(err error) {
		if err != nil {
			mu.Lock()
			errs = append(errs, err)
			mu.Unlock()
		}
	}
	if s.h1 != nil {
		s.h1.stopping.Store(true)
		s.open.retire()
	}
	for _, fs := range []*fasthttp.Server{s.h1Plain, s.h1Secure} {
		if fs != nil {
			tcp.Go(func() { note(fs.ShutdownWithContext(ctx)) })
		}
	}
	overTCP, done := context.WithCancel(ctx)
	all.Go(func() { tcp.Wait(); done() })
	all.Go(func() { s.open.hurry(overTCP) })
	if s.h2 != nil {
		// At the same time: fasthttp waits for connections that only GOAWAY ends.
		all.Go(func() { s.h2.shutdown(overTCP) })
	}
	for _, end := range s.h3 {
		all.Go(func() { note(end.Shutdown(ctx)) })
	}
	tcp.Wait()
	all.Wait()
	s.kill(edge.ErrStopping)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterKill)
	defer cancel()
	s.open.kill(last)
	for _, end := range s.h3 { // to the end they have refused new connections, as closed TCP sockets do
		note(end.Close())
	}
	s.closeSockets()
	switch {
	case len(errs) == 0:
		return nil
	case ctx.Err() != nil: // each of the servers says so
		return fmt.Errorf("serve: shutdown: requests in flight were cut off: %w", ctx.Err())
	}
	return fmt.Errorf("serve: shutdown: %w", errors.Join(errs...))
}

// closeSockets closes what Serve has not taken over, or all of it has closed.
func (s *Server) closeSockets() {
	for _, end := range s.h3 {
		_ = end.Close()
	}
	s.plain.close()
	s.secure.close()
}
