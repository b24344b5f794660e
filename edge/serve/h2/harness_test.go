package h2

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/edgetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// coreFunc is a core that answers all in its second phase.
type coreFunc func(ctx context.Context, x *edge.Exchange)

func (f coreFunc) Begin(*edge.Exchange) bool                    { return false }
func (f coreFunc) Finish(ctx context.Context, x *edge.Exchange) { f(ctx, x) }

// atOnce is a core that answers all in its first phase.
type atOnce func(x *edge.Exchange)

func (f atOnce) Begin(x *edge.Exchange) bool            { f(x); return true }
func (f atOnce) Finish(context.Context, *edge.Exchange) {}

func bounds() Config {
	return Config{
		MaxHeaderBytes: 32 << 10, MaxBody: 16 << 20, MaxStreams: 128,
		HeaderTimeout: 10 * time.Second, BodyTimeout: time.Minute, WriteTimeout: time.Minute, IdleTimeout: time.Minute,
		AltSvc: `h3=":443"; ma=300`, Logger: slog.New(loud{slog.DiscardHandler}),
	}
}

// loud takes no panic of the reader's own for granted.
type loud struct{ slog.Handler }

func (loud) Enabled(context.Context, slog.Level) bool { return true }

func (loud) Handle(_ context.Context, r slog.Record) error {
	if strings.HasSuffix(r.Message, "while reading") {
		panic(r.Message)
	}
	return nil
}

func newServer(t testing.TB, core Core, change ...func(*Config)) *Server {
	cfg := bounds()
	for _, c := range change {
		c(&cfg)
	}
	s, err := New(core, cfg)
	require.NoError(t, err)
	return s
}

// peer is a client that says what it likes, frame by frame.
type peer struct {
	t testing.TB
	net.Conn
	*http2.Framer
	enc   *hpack.Encoder
	block bytes.Buffer
	done  chan error // ServeConn has returned
}

// dial connects a client to s, over loopback and without TLS, and does not say
// anything yet.
func dial(t testing.TB, s *Server) *peer {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, err := Listener{ln}.Accept()
		if err == nil {
			accepted <- conn
		}
	}()
	conn, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	p := &peer{t: t, Conn: conn, Framer: http2.NewFramer(conn, conn), done: make(chan error, 1)}
	p.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	p.AllowIllegalWrites = true
	p.enc = newEncoder(p)
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	served := <-accepted
	go func() {
		p.done <- s.ServeConn(context.Background(), served)
		_ = served.Close()
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		select {
		case <-p.done:
		case <-time.After(time.Minute):
			require.Fail(t, "the connection is still served")
		}
	})
	return p
}

func newEncoder(p *peer) *hpack.Encoder { return hpack.NewEncoder(&p.block) }

// greet is dial with a preface and settings.
func greet(t testing.TB, s *Server, settings ...http2.Setting) *peer {
	p := dial(t, s)
	_, err := io.WriteString(p, preface)
	require.NoError(t, err)
	require.NoError(t, p.WriteSettings(settings...))
	return p
}

// fields encodes a header section.
func (p *peer) fields(lines ...string) []byte {
	p.block.Reset()
	for i := 0; i < len(lines); i += 2 {
		require.NoError(p.t, p.enc.WriteField(hpack.HeaderField{Name: lines[i], Value: lines[i+1]}))
	}
	return p.block.Bytes()
}

// ask sends a GET.
func (p *peer) ask(id uint32, path string, more ...string) {
	lines := append([]string{":method", "GET", ":scheme", "https", ":authority", "edge.test", ":path", path}, more...)
	require.NoError(p.t, p.WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, BlockFragment: p.fields(lines...), EndStream: true, EndHeaders: true,
	}))
}

// next returns the next frame that is not of the connection's own business.
func (p *peer) next() http2.Frame {
	for {
		f, err := p.ReadFrame()
		require.NoError(p.t, err)
		switch f := f.(type) {
		case *http2.SettingsFrame, *http2.WindowUpdateFrame:
			if s, ok := f.(*http2.SettingsFrame); ok && !s.IsAck() {
				require.NoError(p.t, p.WriteSettingsAck())
			}
			continue
		}
		return f
	}
}

// answer reads the answer of one stream, while nothing else comes.
func (p *peer) answer(id uint32) (status string, body string) {
	var b strings.Builder
	for {
		switch f := p.next().(type) {
		case *http2.MetaHeadersFrame:
			require.Equal(p.t, id, f.StreamID)
			status = f.PseudoValue("status")
			if f.StreamEnded() {
				return status, b.String()
			}
		case *http2.DataFrame:
			require.Equal(p.t, id, f.StreamID)
			b.Write(f.Data())
			if f.StreamEnded() {
				return status, b.String()
			}
		default:
			require.Fail(p.t, "another frame", "%v", f)
		}
	}
}

// goneFor reads until the connection is closed, and returns the code it said.
func (p *peer) goneFor() http2.ErrCode {
	code := http2.ErrCode(0xffff)
	for {
		f, err := p.ReadFrame()
		if err != nil {
			return code
		}
		if g, ok := f.(*http2.GoAwayFrame); ok {
			code = g.ErrCode
		}
	}
}

// real is a core with one stored object of that many bytes at /page.
func real(t testing.TB, size int) *edge.Core {
	up := &edgetest.Upstream{FetchFunc: func(context.Context, *edge.Fetch) (*edge.Answer, error) {
		return edgetest.Answer(200, strings.Repeat("x", size), "Cache-Control", "max-age=600",
			"Content-Type", "application/json", "Vary", "Accept-Language", "Docs-Version", "trial=42"), nil
	}}
	return edgetest.NewCore(t, up)
}
