package serve

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"
	"github.com/stretchr/testify/require"
)

// unhurried is a client's configuration by which silence is never the end of a
// connection within a test. Of the refusals that quic-go has to send at a time it drops
// all but a few, so that a client may have to ask often.
func unhurried() *quic.Config {
	return &quic.Config{MaxIdleTimeout: 10 * time.Minute, HandshakeIdleTimeout: 10 * time.Minute}
}

func (r *rig) quicTLS() *tls.Config {
	return &tls.Config{RootCAs: r.roots, ServerName: "localhost", NextProtos: []string{"h3"}}
}

// dialQUIC opens a connection that says nothing by itself.
func (r *rig) dialQUIC(ctx context.Context, t *testing.T, cfg *quic.Config) *quic.Conn {
	t.Helper()
	conn, err := quic.DialAddr(ctx, r.Addrs().Secure.String(), r.quicTLS(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.CloseWithError(0x100, "") })
	return conn
}

// awaitGoAway reads the server's control stream until it says GOAWAY.
func awaitGoAway(ctx context.Context, t *testing.T, conn *quic.Conn) {
	t.Helper()
	str, err := conn.AcceptUniStream(ctx)
	require.NoError(t, err)
	in := bufio.NewReader(str)
	kind, err := quicvarint.Read(in)
	require.NoError(t, err)
	require.Zero(t, kind, "the only stream is the control stream")
	for {
		frame, err := quicvarint.Read(in)
		require.NoError(t, err)
		length, err := quicvarint.Read(in)
		require.NoError(t, err)
		_, err = io.CopyN(io.Discard, in, int64(length))
		require.NoError(t, err)
		if frame == 7 {
			return
		}
	}
}

// endOf waits for a connection's end, and returns what ended it.
func endOf(ctx context.Context, t *testing.T, conn *quic.Conn) error {
	t.Helper()
	select {
	case <-conn.Context().Done():
		return context.Cause(conn.Context())
	case <-ctx.Done():
		require.Fail(t, "the connection stays open")
		return nil
	}
}

// requireRefused: the server has refused the connection, by QUIC's code for it.
func requireRefused(t *testing.T, err error) {
	t.Helper()
	told, ok := errors.AsType[*quic.TransportError](err)
	require.True(t, ok, "%v", err)
	require.True(t, told.Remote, "%v", err)
	require.Equal(t, quic.ConnectionRefused, told.ErrorCode)
}

// requireClosed: the server has closed the connection, with H3_NO_ERROR. Before the
// handshake is complete on both sides, that code is kept back (RFC 9000 §10.2.3).
func requireClosed(t *testing.T, err error) {
	t.Helper()
	if told, ok := errors.AsType[*quic.TransportError](err); ok {
		require.True(t, told.Remote, "%v", err)
		require.Equal(t, quic.ApplicationErrorErrorCode, told.ErrorCode)
		return
	}
	told, ok := errors.AsType[*quic.ApplicationError](err)
	require.True(t, ok, "%v", err)
	require.True(t, told.Remote, "%v", err)
	require.Equal(t, quic.ApplicationErrorCode(0x100), told.ErrorCode)
}

// TestShutdownRefusesNewQUICConnections, as it does those over TCP, and with early data
// too, while what is in flight is finished.
func TestShutdownRefusesNewQUICConnections(t *testing.T) {
	t.Parallel()
	core := newHeld()
	r := startLoose(t, core)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	remembered := r.quicTLS()
	cache := ticketed{tls.NewLRUClientSessionCache(1), make(chan struct{}, 8)}
	remembered.ClientSessionCache = cache
	first, err := quic.DialAddr(ctx, r.Addrs().Secure.String(), remembered, unhurried())
	require.NoError(t, err)
	<-cache.got
	require.NoError(t, first.CloseWithError(0x100, ""))
	idle := r.dialQUIC(ctx, t, unhurried())
	results := core.inFlight(t, r.clients()[3:])

	done := make(chan error, 1)
	go func() { done <- r.Shutdown(ctx) }()
	awaitGoAway(ctx, t, idle)
	_, err = quic.DialAddr(ctx, r.Addrs().Secure.String(), r.quicTLS(), unhurried())
	requireRefused(t, err)
	early, err := quic.DialAddrEarly(ctx, r.Addrs().Secure.String(), remembered, unhurried())
	if err == nil {
		_, _ = early.OpenStream()
		err = endOf(ctx, t, early)
	}
	requireRefused(t, err)

	close(core.release)
	o := <-results
	require.NoError(t, o.err)
	require.Equal(t, "whole", o.body)
	require.NoError(t, <-done)
	require.NoError(t, <-r.done)
}

// TestShutdownRefusesQUICConnectionsToItsEnd, also when nothing but HTTP/1.1 is in flight.
func TestShutdownRefusesQUICConnectionsToItsEnd(t *testing.T) {
	t.Parallel()
	core := newHeld()
	r := startLoose(t, core)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	results := core.inFlight(t, r.clients()[:1])
	done := make(chan error, 1)
	go func() { done <- r.Shutdown(ctx) }()
	require.Eventually(t, func() bool { return r.stopping.Load() }, time.Minute, time.Millisecond)
	for refused := 0; refused < 50; {
		conn, err := quic.DialAddr(ctx, r.Addrs().Secure.String(), r.quicTLS(), unhurried())
		if err == nil { // before the shutdown has come to QUIC
			err = endOf(ctx, t, conn)
		}
		if told, ok := errors.AsType[*quic.TransportError](err); ok && told.ErrorCode == quic.ConnectionRefused {
			refused++
			continue
		}
		requireClosed(t, err)
	}
	close(core.release)
	require.Equal(t, "whole", (<-results).body)
	require.NoError(t, <-done)
	require.NoError(t, <-r.done)
}

// TestShutdownClosesQUICConnectionsThatWait to be accepted.
func TestShutdownClosesQUICConnectionsThatWait(t *testing.T) {
	t.Parallel()
	r := listening(t, newHeld())
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var waiting []*quic.Conn
	for range 5 {
		waiting = append(waiting, r.dialQUIC(ctx, t, unhurried()))
	}
	require.NoError(t, r.Shutdown(ctx))
	for _, conn := range waiting {
		requireClosed(t, endOf(ctx, t, conn))
	}
	require.NoError(t, r.Serve())
}

// TestShutdownLeavesNoQUICConnectionUnserved that comes in the moment when it begins: each
// is refused or closed, and none of them holds the shutdown up.
func TestShutdownLeavesNoQUICConnectionUnserved(t *testing.T) {
	t.Parallel()
	core := newHeld()
	r := startLoose(t, core)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	results := core.inFlight(t, r.clients()[3:])
	ends := make(chan error, 24)
	var dialled, ended sync.WaitGroup
	for range cap(ends) {
		dialled.Add(1)
		ended.Go(func() {
			conn, err := quic.DialAddr(ctx, r.Addrs().Secure.String(), r.quicTLS(), unhurried())
			dialled.Done()
			if err == nil {
				<-conn.Context().Done()
				err = context.Cause(conn.Context())
			}
			ends <- err
		})
	}
	done := make(chan error, 1)
	go func() { done <- r.Shutdown(ctx) }()
	dialled.Wait()
	close(core.release)
	require.Equal(t, "whole", (<-results).body)
	require.NoError(t, <-done)
	require.NoError(t, <-r.done)
	ended.Wait()
	close(ends)
	for err := range ends {
		if told, ok := errors.AsType[*quic.TransportError](err); ok && told.ErrorCode == quic.ConnectionRefused {
			requireRefused(t, err)
			continue
		}
		requireClosed(t, err)
	}
}

// TestShutdownClosesEveryQUICConnection at its end, idle ones and such as no request was
// ever possible on.
func TestShutdownClosesEveryQUICConnection(t *testing.T) {
	t.Parallel()
	r := startLoose(t, newHeld())
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	idle := r.dialQUIC(ctx, t, unhurried())
	conns := []*quic.Conn{idle}
	if !leanly { // the lean server ends such a connection at once
		deaf := unhurried()
		deaf.MaxIncomingUniStreams = -1 // so the server cannot open its control stream
		conns = append(conns, r.dialQUIC(ctx, t, deaf))
	}
	require.Eventually(t, func() bool { return r.Connections().QUIC == len(conns) }, 30*time.Second, time.Millisecond)
	require.NoError(t, r.Shutdown(ctx))
	require.NoError(t, <-r.done)
	for _, conn := range conns {
		requireClosed(t, endOf(ctx, t, conn))
	}
}
