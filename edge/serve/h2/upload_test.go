package h2

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/letteros/letteredge/edge"
)

// nowhere takes what is written.
type nowhere struct{ net.Conn }

func (nowhere) Write(p []byte) (int, error)      { return len(p), nil }
func (nowhere) Close() error                     { return nil }
func (nowhere) SetWriteDeadline(time.Time) error { return nil }
func (nowhere) SetReadDeadline(time.Time) error  { return nil }
func (nowhere) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// stuck takes nothing until it is let go.
type stuck struct {
	nowhere
	release chan struct{}
}

func (s stuck) Write(p []byte) (int, error) { <-s.release; return len(p), nil }

// TestShutdownWaitsForNoClient: one that takes nothing does not keep the others from
// being told.
func TestShutdownWaitsForNoClient(t *testing.T) {
	s := newServer(t, coreFunc(func(context.Context, *edge.Exchange) {}))
	wire := &Wire{Conn: stuck{release: make(chan struct{})}}
	c := newConn(s, context.Background(), wire, wire)
	s.conns[c] = struct{}{}
	told := make(chan struct{})
	go func() { s.Shutdown(); close(told) }()
	select {
	case <-told:
	case <-time.After(time.Minute):
		require.Fail(t, "it waits for a client")
	}
	close(wire.Conn.(stuck).release)
	c.work.Wait()
	c.cancel()
}

// adrift is a connection that leads nowhere; tests are its reader.
func adrift(t testing.TB, s *Server) *conn {
	wire := &Wire{Conn: nowhere{}}
	c := newConn(s, context.Background(), wire, wire)
	t.Cleanup(c.cancel)
	c.begun = true
	return c
}

// arrives has bytes come at a time.
func (c *conn) arrives(t testing.TB, now time.Time, b []byte) {
	c.afterRead(now)
	for len(b) > 0 {
		n := copy(c.buf[c.w:], b)
		c.w, b = c.w+n, b[n:]
		require.NoError(t, c.frames())
	}
}

// wire is what a framer writes.
func wire(t testing.TB, write func(f *http2.Framer) error) []byte {
	var b bytes.Buffer
	require.NoError(t, write(http2.NewFramer(&b, nil)))
	return b.Bytes()
}

// TestAnUploadThatGoesOnIsNotLate: of a client whose bytes never stop at the end of a
// frame each frame has its time, and not all of them together.
func TestAnUploadThatGoesOnIsNotLate(t *testing.T) {
	cfg := bounds()
	s := newServer(t, coreFunc(func(context.Context, *edge.Exchange) {}))
	c := adrift(t, s)
	ping := wire(t, func(f *http2.Framer) error { return f.WritePing(false, [8]byte{}) })
	now := c.now
	c.arrives(t, now, ping[:5])
	for range 5 {
		now = now.Add(cfg.HeaderTimeout * 3 / 4)
		require.NoError(t, c.late(now))
		c.arrives(t, now, append(bytes.Clone(ping[5:]), ping[:5]...))
	}
	now = now.Add(cfg.HeaderTimeout * 3 / 4)
	c.arrives(t, now, ping[5:8])
	require.NoError(t, c.late(now))
	require.ErrorContains(t, c.late(now.Add(cfg.HeaderTimeout/2)), "did not end in time")
}

// TestAnUploadHoldsItsWindow: content that a core reads more slowly than it comes
// takes no more memory than what has come of it and was not read.
func TestAnUploadHoldsItsWindow(t *testing.T) {
	release := make(chan struct{})
	bodies := make(chan io.Reader, 1)
	s := newServer(t, coreFunc(func(_ context.Context, x *edge.Exchange) {
		bodies <- x.Req.Body
		<-release
		x.Rep.Status = 204
	}))
	c := adrift(t, s)
	p := &peer{t: t}
	p.enc = newEncoder(p)
	c.arrives(t, c.now, wire(t, func(f *http2.Framer) error {
		block := p.fields(":method", "POST", ":scheme", "https", ":authority", "edge.test", ":path", "/")
		return f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndHeaders: true})
	}))
	body, u := <-bodies, c.streams[1].upload
	part := bytes.Repeat([]byte("x"), 16<<10)
	data := wire(t, func(f *http2.Framer) error { return f.WriteData(1, false, part) })
	for range 8 {
		c.arrives(t, c.now, data)
	}
	for range 500 {
		c.arrives(t, c.now, data)
		n, err := io.ReadFull(body, part)
		require.NoError(t, err)
		require.Equal(t, len(part), n)
		require.LessOrEqual(t, cap(u.buf), 3*streamWindow)
	}
	for range 8 {
		_, err := io.ReadFull(body, part)
		require.NoError(t, err)
	}
	require.LessOrEqual(t, cap(u.buf), keptUpload, "what has been read is not kept")
	close(release)
	c.work.Wait()
}
