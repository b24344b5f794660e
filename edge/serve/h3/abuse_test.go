package h3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/abuse"
	"github.com/letteros/letteredge/edge"
)

// What one connection may cost, stated: goroutines are one for each request that waits
// and overhead; memory is, for each of them, its stack and a header section of the
// largest size, or an answer of maxInline. testing's own garbage is part of what is
// measured, so the bounds are checked at twice that.
const (
	overheadGoroutines = 16
	overheadMemory     = 4 << 20
	stack              = 16 << 10
)

// resources are what the process holds.
func resources() (goroutines int, memory int64) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return runtime.NumGoroutine(), int64(m.HeapInuse + m.StackInuse)
}

// bounded runs an abuse, and checks that the process then holds no more than a
// connection's requests may; honest is asked meanwhile, and after the connection has
// gone nothing is held any more.
func bounded(t *testing.T, r *rig, each int64, attack abuse.H3, then func(c *abuse.Conn, last *abuse.Stream)) {
	t.Helper()
	honest := r.client()
	require.Equal(t, 200, r.do(t, honest, "GET", "/", nil).status)
	goroutines, memory := resources()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := abuse.Dial(ctx, r.addr, r.tls())
	require.NoError(t, err)
	t.Cleanup(c.Close)
	last, err := attack.Do(ctx, c)
	require.NoError(t, err)
	then(c, last)
	streams := r.cfg.MaxStreams
	gNow, mNow := resources()
	t.Logf("%d goroutines and %d KiB more", gNow-goroutines, (mNow-memory)>>10)
	require.LessOrEqual(t, gNow-goroutines, streams+overheadGoroutines)
	require.LessOrEqual(t, mNow-memory, 2*int64(streams)*(each+stack)+overheadMemory)
	require.Equal(t, 200, r.do(t, honest, "GET", "/", nil).status)
	c.Close()
	require.Eventually(t, func() bool { return r.Connections() == 1 && runtime.NumGoroutine() <= goroutines+4 }, time.Minute, 10*time.Millisecond)
}

// excessive wants the connection to be closed as a load.
func excessive(t *testing.T, c *abuse.Conn) {
	t.Helper()
	select {
	case <-c.Gone():
	case <-time.After(time.Minute):
		require.Fail(t, "the connection goes on")
	}
	got, closed := c.Code()
	require.True(t, closed)
	require.Equal(t, codeExcessiveLoad, code(got))
}

// closedWith waits until the server closes a connection.
func closedWith(t *testing.T, q *quic.Conn) code {
	t.Helper()
	select {
	case <-q.Context().Done():
	case <-time.After(time.Minute):
		require.Fail(t, "the connection goes on")
	}
	err, ok := errors.AsType[*quic.ApplicationError](context.Cause(q.Context()))
	require.True(t, ok, context.Cause(q.Context()))
	require.True(t, err.Remote)
	return code(err.ErrorCode)
}

func small(_ context.Context, x *edge.Exchange) { says(x, "small") }

// TestStalledHeaders: as many streams as may be, each with a header section that does
// not end; they are given up when their time is over.
func TestStalledHeaders(t *testing.T) {
	r := start(t, coreFunc{serve: small}, func(c *Config) { c.HeaderTimeout = 6 * time.Second })
	bounded(t, r, 64<<10, abuse.StalledHeaders(r.cfg.MaxStreams), func(_ *abuse.Conn, last *abuse.Stream) {
		// The window of a connection lets only some of it in at once.
		require.Eventually(t, func() bool { return runtime.NumGoroutine() > 2*r.cfg.MaxStreams/3 }, time.Minute, 10*time.Millisecond)
		_, err := last.Read(make([]byte, 1))
		got, reset := abuse.ResetCode(err)
		require.True(t, reset, err)
		require.Equal(t, codeIncomplete, code(got))
	})
}

// TestStalledContent: uploads that do not go on.
func TestStalledContent(t *testing.T) {
	core := coreFunc{serve: reading, waits: func(x *edge.Exchange) bool { return x.Req.Body != nil }}
	r := start(t, core, func(c *Config) { c.BodyTimeout = time.Second })
	bounded(t, r, 64<<10, abuse.StalledContent(r.cfg.MaxStreams), func(_ *abuse.Conn, last *abuse.Stream) {
		got, err := io.ReadAll(last)
		require.NoError(t, err)
		statuses, _, err := parse(got)
		require.NoError(t, err)
		require.Equal(t, []string{"408"}, statuses)
	})
}

// TestSlowReaders: answers that are not read. Small ones are kept by quic-go, larger
// ones keep a goroutine until WriteTimeout.
func TestSlowReaders(t *testing.T) {
	large := bytes.Repeat([]byte("x"), 1<<20)
	for name, size := range map[string]int{"small": 1000, "in line": maxInline - 500, "large": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			core := coreFunc{serve: func(_ context.Context, x *edge.Exchange) {
				if x.Req.Target == "/" {
					says(x, "small")
					return
				}
				x.Rep.Status, x.Rep.Body, x.Rep.Length = 200, large[:size], int64(size)
			}}
			r := start(t, core, func(c *Config) { c.WriteTimeout = 2 * time.Second })
			bounded(t, r, maxInline+8<<10, abuse.SlowReaders(r.cfg.MaxStreams, "/slow"), func(*abuse.Conn, *abuse.Stream) {
				require.Eventually(t, func() bool { return r.idle() }, time.Minute, 10*time.Millisecond)
			})
		})
	}
}

// idle reports whether no request is in a goroutine of its own.
func (s *Server) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.active.Load() > 0 {
			return false
		}
	}
	return true
}

// TestResetFlood: requests that are taken back at once. The connection is closed
// when the burst is over.
func TestResetFlood(t *testing.T) {
	core := coreFunc{
		waits: func(x *edge.Exchange) bool { return x.Req.Target == "/miss" },
		serve: func(ctx context.Context, x *edge.Exchange) {
			if x.Req.Target == "/miss" {
				<-ctx.Done()
			}
			says(x, "x")
		}}
	r := start(t, core)
	bounded(t, r, 4<<10, abuse.Resets(50_000), func(c *abuse.Conn, _ *abuse.Stream) { excessive(t, c) })
}

// TestFloodOfControlFrames: frames of the control stream that ask for nothing.
func TestFloodOfControlFrames(t *testing.T) {
	for _, flood := range abuse.ControlFloods(3 * controlBurst) {
		t.Run(flood.Name, func(t *testing.T) {
			r := start(t, coreFunc{serve: small})
			bounded(t, r, 4<<10, flood, func(c *abuse.Conn, _ *abuse.Stream) { excessive(t, c) })
		})
	}
}

// TestEmptyFrames: an upload of frames that bring nothing loses its stream, and its
// connection nothing.
func TestEmptyFrames(t *testing.T) {
	for _, flood := range abuse.EmptyFrames(3 * controlBurst) {
		t.Run(flood.Name, func(t *testing.T) {
			core := coreFunc{serve: reading, waits: func(x *edge.Exchange) bool { return x.Req.Body != nil }}
			r := start(t, core)
			bounded(t, r, 4<<10, flood, func(_ *abuse.Conn, last *abuse.Stream) {
				_, err := io.ReadAll(last)
				got, reset := abuse.ResetCode(err)
				require.True(t, reset, err)
				require.Equal(t, codeExcessiveLoad, code(got))
			})
		})
	}
}

// TestDataBehindAnAnswer: what comes on a stream that has been answered, and whose
// end was not waited for, is not taken.
func TestDataBehindAnAnswer(t *testing.T) {
	r := start(t, coreFunc{serve: small})
	bounded(t, r, 4<<10, abuse.Trailing(10_000), func(_ *abuse.Conn, last *abuse.Stream) {
		got, err := io.ReadAll(last)
		require.NoError(t, err)
		require.True(t, bytes.HasSuffix(got, []byte("small")))
	})
}

// TestFloodOfStreamsInOneDirection: unknown ones are stopped unread, and too many end the
// connection.
func TestFloodOfStreamsInOneDirection(t *testing.T) {
	r := start(t, coreFunc{serve: small})
	bounded(t, r, 4<<10, abuse.UnknownStreams(5000), func(c *abuse.Conn, _ *abuse.Stream) { excessive(t, c) })
}

// TestCriticalStreams over a real connection: what ends them ends it.
func TestCriticalStreams(t *testing.T) {
	for name, c := range map[string]struct {
		sent []string // one stream each
		end  func(*quic.SendStream)
		code code
	}{
		"control closed":    {[]string{"\x00" + settings}, func(s *quic.SendStream) { _ = s.Close() }, codeClosedCritical},
		"control reset":     {[]string{"\x00" + settings}, func(s *quic.SendStream) { s.CancelWrite(1) }, codeClosedCritical},
		"encoder closed":    {[]string{"\x02"}, func(s *quic.SendStream) { _ = s.Close() }, codeClosedCritical},
		"decoder reset":     {[]string{"\x03\x44"}, func(s *quic.SendStream) { s.CancelWrite(1) }, codeClosedCritical},
		"two controls":      {[]string{"\x00" + settings, "\x00" + settings}, nil, codeStreamCreation},
		"two encoders":      {[]string{"\x02", "\x02"}, nil, codeStreamCreation},
		"two decoders":      {[]string{"\x03", "\x03"}, nil, codeStreamCreation},
		"a push":            {[]string{"\x01\x00"}, nil, codeStreamCreation},
		"no settings":       {[]string{"\x00" + frame(frameGoAway, ints(0))}, nil, codeMissingSettings},
		"data on control":   {[]string{"\x00" + settings + frame(frameData, "x")}, nil, codeFrameUnexpected},
		"dynamic table":     {[]string{"\x02\x3f\x45"}, nil, codeEncoderStream},
		"an acknowledgment": {[]string{"\x03\x80"}, nil, codeDecoderStream},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, coreFunc{serve: small})
			q := r.dial(t)
			for _, sent := range c.sent {
				str, err := q.OpenUniStream()
				require.NoError(t, err)
				_, err = io.WriteString(str, sent)
				require.NoError(t, err)
				if c.end != nil {
					// A reset takes along what nobody has read yet, the stream's type with it,
					// and a stream without one may end (RFC 9114 §6.2).
					require.Eventually(t, func() bool { return r.knows(sent[0]) }, time.Minute, time.Millisecond)
					c.end(str)
				}
			}
			require.Equal(t, c.code, closedWith(t, q))
		})
	}
}

// knows reports whether a connection has read the type of one of its critical streams.
func (s *Server) knows(typ byte) bool {
	kind := map[byte]int{streamControl: 0, streamEncoder: 1, streamDecoder: 2}[typ]
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.mu.Lock()
		known := c.unis[kind]
		c.mu.Unlock()
		if known {
			return true
		}
	}
	return false
}

// TestOurControlStream: SETTINGS comes first, and stopping the stream ends all.
func TestOurControlStream(t *testing.T) {
	r := start(t, coreFunc{serve: small})
	q := r.dial(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	str, err := q.AcceptUniStream(ctx)
	require.NoError(t, err)
	want := appendSettings([]byte{streamControl}, r.cfg.MaxHeaderBytes)
	got := make([]byte, len(want))
	_, err = io.ReadFull(str, got)
	require.NoError(t, err)
	require.Equal(t, want, got)
	str.CancelRead(0)
	require.Equal(t, codeClosedCritical, closedWith(t, q))
}

// A section of small references to the largest line that the static table has costs
// what is kept of it, which is less than the limit; so does one of Huffman strings.
func TestHeaderBombs(t *testing.T) {
	for name, sent := range abuse.HeaderBombs() {
		t.Run(name, func(t *testing.T) {
			require.Less(t, len(sent), 32<<10)
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			before := m.TotalAlloc
			const n = 50
			for range n {
				_, got := ask(coreFunc{serve: small}, &fakeStream{parts: [][]byte{[]byte(sent)}, then: io.EOF})
				require.Contains(t, got, "431")
			}
			runtime.ReadMemStats(&m)
			each := int64(m.TotalAlloc-before) / n
			t.Logf("%d KiB each, server and fake included", each>>10)
			require.Less(t, each, int64(512<<10))
		})
	}
}

// TestEmptyStreamsDelayThemselvesAlone: an honest client on the same server as one that opens empty
// streams is answered; the latter delays itself alone.
func TestEmptyStreamsDelayThemselvesAlone(t *testing.T) {
	r := start(t, coreFunc{serve: small})
	bounded(t, r, 4<<10, abuse.EmptyStreams(r.cfg.MaxStreams), func(_ *abuse.Conn, last *abuse.Stream) {
		got, err := io.ReadAll(last)
		require.NoError(t, err)
		require.True(t, bytes.HasSuffix(got, []byte("small")))
	})
}
