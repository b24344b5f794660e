package h3

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// TestGoAway: what a client asked for before is finished, what it asks for afterwards
// was not done, and the connection ends when nothing is left.
func TestGoAway(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	core := coreFunc{
		waits: func(*edge.Exchange) bool { return true },
		serve: func(_ context.Context, x *edge.Exchange) {
			close(begun)
			<-release
			says(x, "done")
		}}
	r := startLoose(t, core)
	q := r.dial(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ctl, err := q.AcceptUniStream(ctx)
	require.NoError(t, err)
	asked := open(t, q, head("GET", "/"))
	require.NoError(t, asked.Close())
	<-begun

	ended := make(chan error, 1)
	go func() { ended <- errors.Join(r.Shutdown(ctx), r.Close()) }()
	want := append(appendSettings([]byte{streamControl}, r.cfg.MaxHeaderBytes), frame(frameGoAway, ints(4))...)
	got := make([]byte, len(want))
	_, err = io.ReadFull(ctl, got)
	require.NoError(t, err)
	require.Equal(t, want, got, "GOAWAY names the first request that was not taken")

	late := open(t, q, head("GET", "/"))
	_, err = io.ReadAll(late)
	reset, ok := errors.AsType[*quic.StreamError](err)
	require.True(t, ok, err)
	require.Equal(t, codeRequestRejected, code(reset.ErrorCode))

	close(release)
	content, err := io.ReadAll(asked)
	require.NoError(t, err)
	_, text, err := parse(content)
	require.NoError(t, err)
	require.Equal(t, "done", text)
	require.Equal(t, codeNoError, closedWith(t, q), "the client stays, so the server closes it")
	require.NoError(t, <-ended)
	require.NoError(t, <-r.done)
}

// TestShutdownIsBounded: requests that do not end are cut off with the time.
func TestShutdownIsBounded(t *testing.T) {
	begun := make(chan struct{})
	core := coreFunc{
		waits: func(*edge.Exchange) bool { return true },
		serve: func(ctx context.Context, x *edge.Exchange) {
			close(begun)
			<-ctx.Done()
			says(x, "cut off")
		}}
	r := startLoose(t, core)
	q := r.dial(t)
	open(t, q, head("GET", "/"))
	<-begun
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, r.Shutdown(ctx), context.DeadlineExceeded)
	require.NoError(t, r.Close())
	require.NoError(t, <-r.done)
}

// TestIdleConnectionsAreClosed where no request is in flight, and only there.
func TestIdleConnectionsAreClosed(t *testing.T) {
	release := make(chan struct{})
	core := coreFunc{
		waits: func(x *edge.Exchange) bool { return true },
		serve: func(_ context.Context, x *edge.Exchange) { <-release; says(x, "done") },
	}
	r := start(t, core, func(c *Config) { c.IdleTimeout = 2 * time.Second })
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	q, err := quic.DialAddr(ctx, r.addr, r.tls(), &quic.Config{KeepAlivePeriod: 100 * time.Millisecond})
	require.NoError(t, err)
	asked := open(t, q, head("GET", "/"))
	require.NoError(t, asked.Close())
	select {
	case <-q.Context().Done():
		require.Fail(t, "a request was in flight")
	case <-time.After(3 * time.Second):
	}
	close(release)
	_, err = io.ReadAll(asked)
	require.NoError(t, err)
	require.Equal(t, codeNoError, closedWith(t, q))
}

// TestTooManyConnections are closed with an error that says so.
func TestTooManyConnections(t *testing.T) {
	r := start(t, coreFunc{serve: small}, func(c *Config) { c.Admission = &atMost{places: 1} })
	require.Equal(t, 200, r.do(t, r.client(), "GET", "/", nil).status)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	q, err := quic.DialAddr(ctx, r.addr, r.tls(), &quic.Config{})
	if err == nil { // or while it was dialled
		<-q.Context().Done()
		err = context.Cause(q.Context())
	}
	if told, ok := errors.AsType[*quic.ApplicationError](err); ok {
		require.Equal(t, codeExcessiveLoad, code(told.ErrorCode))
		return
	}
	// Before the handshake is complete the code is kept back (RFC 9000 §10.2.3).
	told, ok := errors.AsType[*quic.TransportError](err)
	require.True(t, ok, err)
	require.Equal(t, quic.ApplicationErrorErrorCode, told.ErrorCode)
}
