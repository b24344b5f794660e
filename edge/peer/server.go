package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/letteros/letteredge/gossip"
)

// Limits of what another node may send.
const (
	MaxCall    = 24 << 20 // bytes of a call's body
	maxHeader  = 16 << 10
	maxStreams = 1024

	idleTimeout      = 10 * time.Second
	keepAlive        = 3 * time.Second
	handshakeTimeout = 2 * time.Second
)

// Handler answers a call of another node. Its error is told to the caller: a
// *StatusError as it is, others as 500 with their text.
type Handler func(ctx context.Context, from gossip.Member, body []byte) ([]byte, error)

// StatusError is an answer that is none.
type StatusError struct {
	Code int // an HTTP status
	Text string
}

// Error returns the text.
func (e *StatusError) Error() string { return fmt.Sprintf("%d: %s", e.Code, e.Text) }

// Server answers other nodes.
type Server struct {
	peerOf func(*tls.ConnectionState) (gossip.Member, error)
	log    *slog.Logger
	mux    *http.ServeMux
	sign   time.Duration

	udp *net.UDPConn
	tr  *quic.Transport
	ln  *quic.EarlyListener
	srv *http3.Server
}

// Listen opens the listener; nobody is answered before Serve. conf must check
// the other end's certificate; peerOf tells whose it is.
func Listen(addr string, conf *tls.Config, peerOf func(*tls.ConnectionState) (gossip.Member, error), log *slog.Logger) (*Server, error) {
	at, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for peers: %w", err)
	}
	s := &Server{peerOf: peerOf, log: log, mux: http.NewServeMux(), sign: signEvery}
	if s.udp, err = net.ListenUDP("udp", at); err != nil {
		return nil, fmt.Errorf("listen for peers: %w", err)
	}
	s.tr = &quic.Transport{Conn: s.udp}
	s.ln, err = s.tr.ListenEarly(http3.ConfigureTLSConfig(conf), &quic.Config{
		HandshakeIdleTimeout: handshakeTimeout, MaxIdleTimeout: idleTimeout, MaxIncomingStreams: maxStreams,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen for peers: %w", err), s.tr.Close(), s.udp.Close())
	}
	s.srv = &http3.Server{Handler: s.mux, MaxHeaderBytes: maxHeader, IdleTimeout: idleTimeout, Logger: slog.New(slog.DiscardHandler)}
	return s, nil
}

// Addr returns where the server listens.
func (s *Server) Addr() string { return s.udp.LocalAddr().String() }

// Handle has calls to path answered by h. All paths must be added before Serve.
func (s *Server) Handle(path string, h Handler) {
	s.stream(path, func(w http.ResponseWriter, r *http.Request, from gossip.Member, body []byte) error {
		reply, err := h(r.Context(), from, body)
		if err == nil {
			_, _ = w.Write(reply) // the caller may have gone
		}
		return err
	})
}

// stream has calls to path answered by h, which writes the answer or returns an
// error before it does.
func (s *Server) stream(path string, h func(http.ResponseWriter, *http.Request, gossip.Member, []byte) error) {
	s.mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
		from, err := s.peerOf(r.TLS)
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxCall))
		if err != nil {
			http.Error(w, "the body is too long or cut short", http.StatusRequestEntityTooLarge)
			return
		}
		err = h(w, r, from, body)
		var status *StatusError
		switch {
		case err == nil:
		case errors.As(err, &status):
			http.Error(w, status.Text, status.Code)
		default:
			s.log.Debug("call of a peer failed", "path", path, "from", from.Node, "err", err)
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
}

// Serve answers until Shutdown.
func (s *Server) Serve() error {
	if err := s.srv.ServeListener(s.ln); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve peers: %w", err)
	}
	return nil
}

// Close ends the server: other nodes ask elsewhere.
func (s *Server) Close() error {
	err := errors.Join(s.srv.Close(), s.ln.Close(), s.tr.Close())
	if cerr := s.udp.Close(); cerr != nil && !errors.Is(cerr, net.ErrClosed) {
		err = errors.Join(err, cerr)
	}
	if err != nil {
		return fmt.Errorf("close the peers' listener: %w", err)
	}
	return nil
}
