package h2

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/letteros/letteredge/edge"
)

// lingering is a server that answers 403 before it has read any content, and 400 by
// itself.
func lingering(t *testing.T, change ...func(*Config)) (*Server, *peer) {
	s := newServer(t, atOnce(func(x *edge.Exchange) {
		x.Rep.Status, x.Rep.Body, x.Rep.Length = 403, []byte("no"), 2
	}), change...)
	return s, greet(t, s)
}

// early begins a request whose content is to come, and has its answer.
func (p *peer) early(id uint32, method, path, status string) {
	p.t.Helper()
	block := p.fields(":method", method, ":scheme", "https", ":authority", "edge.test", ":path", path)
	require.NoError(p.t, p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true}))
	got, _ := p.answer(id)
	require.Equal(p.t, status, got)
}

// send sends so much content, as windows allow.
func (p *peer) send(id uint32, size int, ends bool) {
	p.t.Helper()
	window := map[uint32]int{0: startWindow, id: streamWindow}
	for size > 0 {
		n := min(size, maxFrame)
		for window[0] < n || window[id] < n {
			f, err := p.ReadFrame()
			require.NoError(p.t, err)
			if w, ok := f.(*http2.WindowUpdateFrame); ok {
				window[w.StreamID] += int(w.Increment)
			}
			require.NotEqual(p.t, http2.FrameRSTStream, f.Header().Type)
		}
		size -= n
		window[0] -= n
		window[id] -= n
		require.NoError(p.t, p.WriteData(id, ends && size == 0, make([]byte, n)))
	}
}

// TestEarlyAnswer: after an answer that does not wait for the content, that is taken
// and thrown away to its end, and no reset follows: some clients would lose the answer.
func TestEarlyAnswer(t *testing.T) {
	for name, c := range map[string]struct{ method, path, status string }{
		"of the core":                {"POST", "/", "403"},
		"of the core, which has GET": {"GET", "/", "403"},
		"of the server":              {"POST", "/%zz", "400"},
	} {
		t.Run(name, func(t *testing.T) {
			s, p := lingering(t)
			p.early(1, c.method, c.path, c.status)
			p.send(1, 3*streamWindow, true)
			p.ask(3, "/")
			status, _ := p.answer(3)
			require.Equal(t, "403", status)
			require.Zero(t, streamsOf(s))
		})
	}
}

// streamsOf counts the streams of a server's connections.
func streamsOf(s *Server) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.mu.Lock()
		n += len(c.streams)
		c.mu.Unlock()
	}
	return n
}

// TestLingeringEnds: with the time that content may take, with twice what a request may
// have, when the client has no more, and when the server goes.
func TestLingeringEnds(t *testing.T) {
	reset := func(p *peer) {
		for {
			f, err := p.ReadFrame()
			require.NoError(t, err)
			if r, ok := f.(*http2.RSTStreamFrame); ok {
				require.Equal(t, http2.ErrCodeNo, r.ErrCode)
				return
			}
		}
	}
	t.Run("in time", func(t *testing.T) {
		_, p := lingering(t, func(c *Config) { c.BodyTimeout = 100 * time.Millisecond })
		p.early(1, "POST", "/", "403")
		reset(p)
	})
	t.Run("within a size", func(t *testing.T) {
		_, p := lingering(t, func(c *Config) { c.MaxBody = 1000 })
		p.early(1, "POST", "/", "403")
		require.NoError(t, p.WriteData(1, false, make([]byte, 2000)))
		require.NoError(t, p.WriteData(1, false, make([]byte, 1)))
		reset(p)
	})
	t.Run("by the client", func(t *testing.T) {
		s, p := lingering(t)
		for id := uint32(1); id < 1000; id += 2 {
			p.early(id, "POST", "/", "403")
			require.NoError(t, p.WriteRSTStream(id, http2.ErrCodeNo))
		}
		p.ask(1001, "/")
		status, _ := p.answer(1001)
		require.Equal(t, "403", status)
		require.Zero(t, streamsOf(s))
	})
	t.Run("with the server", func(t *testing.T) {
		s, p := lingering(t)
		p.early(1, "POST", "/", "403")
		s.Shutdown()
		require.Equal(t, http2.ErrCodeNo, p.goneFor())
	})
}

// TestNarrowTableAndTrailers: where a client makes its table smaller within an answer,
// the trailers are the first block that has to say so (RFC 7541 §4.2).
func TestNarrowTableAndTrailers(t *testing.T) {
	narrow, told := make(chan struct{}), make(chan struct{})
	s := newServer(t, coreFunc(func(_ context.Context, x *edge.Exchange) {
		x.Rep.Status, x.Rep.Length, x.Rep.Stream = 200, -1, gated{told, narrow}
		x.Rep.Trailer = func() []edge.Field { return []edge.Field{{Name: "X-Sum", Value: "1"}} }
	}))
	p := greet(t, s)
	p.ReadMetaHeaders = nil
	p.ask(1, "/")
	<-told
	require.NoError(t, p.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0}))
	for acks := 0; acks < 2; { // of the first settings, and of these
		f, err := p.ReadFrame()
		require.NoError(t, err)
		if f, ok := f.(*http2.SettingsFrame); ok && f.IsAck() {
			acks++
		}
	}
	close(narrow)
	for {
		if h, ok := p.next().(*http2.HeadersFrame); ok && h.StreamEnded() {
			require.EqualValues(t, 0x20, h.HeaderBlockFragment()[0])
			return
		}
	}
}

// gated is content that tells when it is asked for, and ends when it may.
type gated struct{ told, end chan struct{} }

func (g gated) Read([]byte) (int, error) {
	close(g.told)
	<-g.end
	return 0, io.EOF
}

func (gated) Close() error { return nil }
