package h2

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"net"
	"sync"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/serve/section"
)

// Core answers requests, in two phases: Begin waits for nothing and reports
// whether the answer is complete; if not, Finish completes it on any goroutine.
type Core interface {
	Begin(x *edge.Exchange) bool
	Finish(ctx context.Context, x *edge.Exchange)
}

// Server serves HTTP/2 connections.
type Server struct {
	core   Core
	cfg    Config
	logger *slog.Logger
	static []section.Line
	altSvc []byte // as a line
	date   section.Dates
	seed   maphash.Seed // of repeats

	exchanges sync.Pool // of *exchange
	buffers   sync.Pool // of *buffer

	mu       sync.Mutex // guards the rest
	conns    map[*conn]struct{}
	draining bool
}

// New returns a server.
func New(core Core, cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if core == nil {
		return nil, errors.New("h2: a core is required")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{core: core, cfg: cfg, logger: cfg.Logger, static: newStatic(), seed: maphash.MakeSeed(), conns: make(map[*conn]struct{})}
	if cfg.AltSvc != "" {
		s.altSvc = appendText(appendName(nil, "Alt-Svc", true), cfg.AltSvc, true)
	}
	s.exchanges.New = func() any { return s.newExchange() }
	s.buffers.New = func() any { return new(buffer) }
	return s, nil
}

var errNoWire = errors.New("h2: the connection has no Wire beneath it")

// ServeConn serves a connection whose handshake is complete, until it ends; life
// ends all requests. The connection is a Wire, or TLS above one.
func (s *Server) ServeConn(life context.Context, nc net.Conn) error {
	wire := wireOf(nc)
	if wire == nil {
		return errNoWire
	}
	c := newConn(s, life, nc, wire)
	s.mu.Lock()
	s.conns[c] = struct{}{}
	draining := s.draining
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	if draining {
		c.drain()
	}
	return c.serve()
}

// wireOf finds the Wire of a connection.
func wireOf(nc net.Conn) *Wire {
	for {
		if w, ok := nc.(*Wire); ok {
			return w
		}
		above, ok := nc.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		nc = above.NetConn()
	}
}

// Shutdown tells all connections, and those that are still to come, to finish what
// is in flight and go. It does not wait for them: whoever has accepted them does.
func (s *Server) Shutdown() {
	s.mu.Lock()
	s.draining = true
	all := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		all = append(all, c)
	}
	s.mu.Unlock()
	for _, c := range all {
		c.drain()
	}
}
