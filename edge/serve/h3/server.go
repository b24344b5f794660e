package h3

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/serve/h3/qpack"
	"github.com/letteros/letteredge/edge/serve/section"
)

// Core answers requests, in two steps: edge.Core says what each does.
type Core interface {
	Begin(x *edge.Exchange) bool
	Finish(ctx context.Context, x *edge.Exchange)
}

// Server serves a core over HTTP/3 on one UDP socket.
type Server struct {
	cfg    Config
	core   Core
	logger *slog.Logger
	ln     *listener
	table  *qpack.Table
	seed   maphash.Seed // of what connections repeat
	pool   sync.Pool    // of *request
	date   section.Dates
	born   time.Time

	grace context.Context // ends when a shutdown begins
	stop  context.CancelFunc

	mu    sync.Mutex // guards conns
	conns map[*conn]struct{}
	work  sync.WaitGroup // one for each of conns
}

// New takes over a socket. From then on clients can connect, and are answered once
// Serve runs.
func New(udp *net.UDPConn, tlsConfig *tls.Config, cfg Config, core Core, logger *slog.Logger) (*Server, error) {
	ln, err := listen(udp, tlsConfig, "lean", cfg)
	if err != nil {
		return nil, err
	}
	s := newServer(cfg, core, logger)
	s.ln = ln
	return s, nil
}

func newServer(cfg Config, core Core, logger *slog.Logger) *Server {
	s := &Server{cfg: cfg, core: core, logger: logger, table: qpack.NewTable(), seed: maphash.MakeSeed(),
		conns: make(map[*conn]struct{}), born: time.Now()}
	s.pool.New = s.newRequest
	s.grace, s.stop = context.WithCancel(context.Background())
	return s
}

// Serve serves until Shutdown, or until the listener fails.
func (s *Server) Serve() error {
	for {
		q, err := s.ln.Accept(context.Background())
		if err != nil {
			if s.grace.Err() != nil || errors.Is(err, quic.ErrServerClosed) {
				return nil // by a shutdown, or by somebody else, which the caller can tell
			}
			return fmt.Errorf("serve: http/3 on %s: %w", s.ln.udp.LocalAddr(), err)
		}
		c := newConn(s, q)
		c.q = q
		if !s.add(c) {
			c.abort(fault{codeNoError, true, "shutting down"})
			return nil
		}
		go func() {
			defer s.remove(c)
			c.run()
		}()
	}
}

// add counts a connection, unless a shutdown has begun.
func (s *Server) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.grace.Err() != nil {
		return false
	}
	s.work.Add(1)
	s.conns[c] = struct{}{}
	return true
}

func (s *Server) remove(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.work.Done()
}

// Connections is how many are open.
func (s *Server) Connections() int { return s.ln.connections() }

// Shutdown refuses new connections, from now on until Close, says GOAWAY and finishes the
// requests in flight; when ctx ends first, they are cut off and its error is returned.
func (s *Server) Shutdown(ctx context.Context) error {
	s.ln.drain()
	s.mu.Lock()
	s.stop()
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.work.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		s.cut()
		<-done
		return ctx.Err()
	}
}

// cut closes all connections. A request in flight is told by the end of its context.
func (s *Server) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.abort(fault{codeNoError, true, "shutting down"})
	}
}

// Close releases the socket, after Shutdown or of a server that was never started. It may
// be called again.
func (s *Server) Close() error { return s.ln.close() }
