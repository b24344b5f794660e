package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"golang.org/x/net/netutil"
)

// The bounds of a connection. Answers are bounded one by one: profiles take
// longer than all else.
const (
	headerTimeout  = 5 * time.Second
	readTimeout    = 15 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 32 << 10
	defaultConns   = 256
)

// Server serves the admin API on one listener.
type Server struct {
	api      *api
	maxConns int
	http     http.Server
	ln       net.Listener
}

// New returns a server that does not listen yet.
func New(cfg Config, deps Deps) (*Server, error) {
	if err := deps.check(); err != nil {
		return nil, err
	}
	a, err := newAPI(cfg, deps)
	if err != nil {
		return nil, err
	}
	s := &Server{api: a, maxConns: cfg.MaxConns}
	if s.maxConns <= 0 {
		s.maxConns = defaultConns
	}
	s.http = http.Server{
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(deps.Logger.Handler(), slog.LevelDebug),
	}
	s.http.RegisterOnShutdown(func() { close(a.quit) }) // who follows a rollout would hold it up
	return s, nil
}

// Listen opens the listener; a port of 0 takes a free one.
func (s *Server) Listen(addr string) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("admin: listen: %w", err)
	}
	s.ln = ln
	at, err := netip.ParseAddrPort(ln.Addr().String())
	s.http.Handler = s.api.handler(err == nil && at.Addr().Unmap().IsLoopback())
	return nil
}

// Addr is the address listened on, host:port. It must not be called before
// Listen.
func (s *Server) Addr() string { return s.ln.Addr().String() }

// URL is the address as a URL.
func (s *Server) URL() string { return "http://" + s.Addr() }

// Serve serves until Shutdown, and then returns nil.
func (s *Server) Serve() error {
	if err := s.http.Serve(netutil.LimitListener(s.ln, s.maxConns)); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("admin: serve: %w", err)
	}
	return nil
}

// Shutdown stops accepting, lets requests finish until ctx ends, and then closes
// what is left.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("admin: shut down: %w", err), s.http.Close())
	}
	return nil
}
