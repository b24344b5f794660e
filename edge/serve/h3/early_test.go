package h3

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// unproven is a connection whose handshake is not complete.
func unproven(core Core) (*conn, *fakePeer) {
	p := newFakePeer()
	p.done = make(chan struct{})
	return newConn(newServer(testConfig(), core, slog.New(slog.DiscardHandler)), p), p
}

// An unsafe request in early data has its answer before its content has come, and
// needs no other.
func TestUnsafeEarlyDataIsNotWaitedFor(t *testing.T) {
	s := &fakeStream{parts: [][]byte{[]byte(head("POST", "/")), []byte(frame(frameData, "hello"))}, then: io.EOF}
	read := 0
	core := coreFunc{serve: func(_ context.Context, x *edge.Exchange) {
		read = s.at
		says(x, fmt.Sprint(x.Req.Early))
	}}
	c, p := unproven(core)
	c.take(s)
	c.work.Wait()
	require.Equal(t, "200 true", outcome(p, s))
	require.Equal(t, 1, read, "the content was waited for")
}

// What may be a replay is answered from memory at once; nothing is asked of others for
// it until the handshake is complete (RFC 8470 §5.1), or for ever where it never is.
func TestEarlyDataAsksNobodyBeforeTheHandshake(t *testing.T) {
	taken := &quic.StreamError{Remote: true, ErrorCode: quic.StreamErrorCode(codeRequestCancelled)}
	for name, c := range map[string]struct {
		target string
		gone   error // nil where the handshake completes
		want   string
	}{
		"a hit":                          {"/hit", taken, "200 true"},
		"a miss":                         {"/miss", nil, "200 true"},
		"a miss that is taken back":      {"/miss", taken, "stream 0x10c"},
		"a miss whose connection closes": {"/miss", io.ErrClosedPipe, "stream 0x10c"},
	} {
		t.Run(name, func(t *testing.T) {
			var p *fakePeer
			early := false
			core := coreFunc{
				waits: func(x *edge.Exchange) bool { return x.Req.Target == "/miss" },
				serve: func(_ context.Context, x *edge.Exchange) {
					select {
					case <-p.done:
					default:
						early = true
					}
					says(x, fmt.Sprint(x.Req.Early))
				}}
			conn, peer := unproven(core)
			p = peer
			ctx, end := context.WithCancelCause(context.Background())
			defer end(nil)
			s := &fakeStream{parts: [][]byte{[]byte(head("GET", c.target))}, then: io.EOF, ctx: ctx}
			conn.take(s)
			if c.gone != nil {
				end(c.gone)
			} else {
				close(p.done)
			}
			conn.work.Wait()
			require.Equal(t, c.want, outcome(p, s))
			require.Equal(t, c.target == "/hit", early)
			require.Zero(t, conn.active.Load())
		})
	}
}
