package h3

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

var _ http3.QUICListener = (*listener)(nil)

// listener accepts the QUIC connections of one UDP socket, as far as they are admitted:
// the library has no bound. A connection too many is closed with H3_EXCESSIVE_LOAD. Once it
// drains, those that are accepted live on, and new ones are refused.
type listener struct {
	*quic.EarlyListener
	udp       *net.UDPConn
	tr        *quic.Transport
	admission Admission

	taking  context.Context // ends when the drain begins
	leave   context.CancelFunc
	begun   sync.Once      // the drain
	turning sync.WaitGroup // turnAway

	mu   sync.Mutex // guards open
	open map[*quic.Conn]struct{}
}

// listen takes over a socket, for the stack of that name.
func listen(udp *net.UDPConn, tlsConfig *tls.Config, stack string, cfg Config) (*listener, error) {
	reset, token := quic.StatelessResetKey(cfg.StatelessReset), quic.TokenGeneratorKey(cfg.Token)
	if reset == (quic.StatelessResetKey{}) {
		_, _ = rand.Read(reset[:]) // never fails
	}
	if token == (quic.TokenGeneratorKey{}) {
		_, _ = rand.Read(token[:])
	}
	l := &listener{udp: udp, admission: cfg.Admission, open: make(map[*quic.Conn]struct{})}
	l.taking, l.leave = context.WithCancel(context.Background())
	l.tr = &quic.Transport{
		Conn:                udp,
		StatelessResetKey:   &reset,
		TokenGeneratorKey:   &token,
		VerifySourceAddress: l.unsure,
		ConnContext: func(ctx context.Context, _ *quic.ClientInfo) (context.Context, error) {
			return ctx, l.taking.Err() // with an error the library answers CONNECTION_REFUSED
		},
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

// unsure reports whether a new client has to show that its address is its own (a Retry,
// RFC 9000 §8.1.2): not where it is refused anyway.
func (l *listener) unsure(client net.Addr) bool {
	return l.taking.Err() == nil && l.admission.Busy(addrOf(client))
}

// addrOf is the address of a client.
func addrOf(a net.Addr) netip.Addr {
	if udp, ok := a.(*net.UDPAddr); ok {
		return udp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// connections is how many are open.
func (l *listener) connections() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// Accept returns the next connection within the bound, and quic.ErrServerClosed as soon as
// the drain has begun. It is that which ends it, and not the context: the library's HTTP/3
// server drops a connection, open and unserved, that it is given when its own has ended.
func (l *listener) Accept(context.Context) (*quic.Conn, error) {
	for {
		conn, err := l.EarlyListener.Accept(l.taking)
		switch {
		case l.taking.Err() != nil:
			if err == nil {
				goodbye(conn)
			}
			return nil, quic.ErrServerClosed
		case err != nil:
			return nil, err
		case l.enter(conn):
			return conn, nil
		}
		_ = conn.CloseWithError(codeExcessiveLoad.onConn(), "too many connections")
	}
}

// enter counts a connection until it ends, if it is admitted.
func (l *listener) enter(conn *quic.Conn) bool {
	client := addrOf(conn.RemoteAddr()) // it may move
	if !l.admission.Enter(client) {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[conn] = struct{}{}
	context.AfterFunc(conn.Context(), func() {
		l.admission.Leave(client)
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.open, conn)
	})
	return true
}

// drain refuses what is new from now on. The library's listener stays open: once closed,
// it would leave clients without an answer, as long as the socket lives.
func (l *listener) drain() {
	l.begun.Do(func() {
		l.leave()
		l.turning.Go(l.turnAway)
	})
}

// turnAway closes the connections that the library had let in when the drain began, and
// nobody has accepted.
func (l *listener) turnAway() {
	for {
		conn, err := l.EarlyListener.Accept(context.Background())
		if err != nil {
			return // closed
		}
		goodbye(conn)
	}
}

func goodbye(conn *quic.Conn) { _ = conn.CloseWithError(codeNoError.onConn(), "shutting down") }

// dismiss closes the connections that are left.
func (l *listener) dismiss() {
	l.mu.Lock()
	left := slices.Collect(maps.Keys(l.open))
	l.mu.Unlock()
	for _, conn := range left {
		goodbye(conn)
	}
}

// close closes the connections that are left and releases the socket, from the inside
// out: one closed first would leave clients waiting for their timeout. It may be called
// again.
func (l *listener) close() error {
	l.drain()
	l.dismiss()
	err := l.EarlyListener.Close() // refuses handshakes
	l.turning.Wait()
	err = errors.Join(err, l.tr.Close()) // without a word to whom it still knows
	if cerr := l.udp.Close(); cerr != nil && !errors.Is(cerr, net.ErrClosed) {
		err = errors.Join(err, cerr)
	}
	return err
}
