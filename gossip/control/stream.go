package control

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// stream carries raft's calls over mutual TLS. raft addresses voters by id: where
// they are is configuration, and may change between two starts.
type stream struct {
	listener net.Listener // TCP
	id       string
	voters   map[string]string // address by id
	server   *tls.Config
	client   func(node string) *tls.Config

	mu     sync.Mutex
	open   map[net.Conn]struct{} // accepted; guarded by mu
	closed bool                  // guarded by mu
}

// handshakeTimeout bounds how long a connection may take to say who it is.
const handshakeTimeout = 5 * time.Second

// maxConns bounds the accepted connections: those of the other voters, and a
// margin for whoever knocks without being one.
const maxConns = 128

// Dial connects to the voter whose id is given as its address.
func (s *stream) Dial(id raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	address, ok := s.voters[string(id)]
	if !ok {
		return nil, fmt.Errorf("dial voter %s: it is not one", id)
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	d := tls.Dialer{Config: s.client(string(id))}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("dial voter %s: %w", id, err)
	}
	return conn, nil
}

// Accept returns the next connection; its first read makes the handshake.
func (s *stream) Accept() (net.Conn, error) {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return nil, err
		}
		in := &inbound{Conn: tls.Server(conn, s.server), stream: s}
		if s.admit(in) {
			return in, nil
		}
		_ = conn.Close() // too many, or the end
	}
}

func (s *stream) admit(c *inbound) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.open) >= maxConns {
		return false
	}
	if s.open == nil {
		s.open = map[net.Conn]struct{}{}
	}
	s.open[c] = struct{}{}
	return true
}

// Close ends the listener and what it has accepted, for which raft would wait
// for ever.
func (s *stream) Close() error {
	s.mu.Lock()
	s.closed = true
	open := s.open
	s.open = nil
	s.mu.Unlock()
	for c := range open {
		_ = c.(*inbound).Conn.(*tls.Conn).NetConn().Close() // without a farewell, which may block
	}
	err := s.listener.Close()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Addr returns the voter's id: what raft calls its address.
func (s *stream) Addr() net.Addr { return voterAddr(s.id) }

// voterAddr is a voter's id as an address.
type voterAddr string

func (voterAddr) Network() string  { return "voter" }
func (a voterAddr) String() string { return string(a) }

// inbound is an accepted connection.
type inbound struct {
	net.Conn
	stream *stream
	once   sync.Once
	err    error // of the handshake
}

// Read makes the handshake first.
func (c *inbound) Read(p []byte) (int, error) {
	c.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), handshakeTimeout)
		defer cancel()
		c.err = c.Conn.(*tls.Conn).HandshakeContext(ctx)
	})
	if c.err != nil {
		return 0, c.err
	}
	return c.Conn.Read(p)
}

// Close ends the connection.
func (c *inbound) Close() error {
	c.stream.mu.Lock()
	delete(c.stream.open, c)
	c.stream.mu.Unlock()
	return c.Conn.Close()
}
