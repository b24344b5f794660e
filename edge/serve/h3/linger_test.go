package h3

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/abuse"
	"github.com/letteros/letteredge/edge"
)

// What comes of a request that has its answer is read to its end, and thrown away; or
// to a bound, and is stopped then.
func TestAnAnswerBeforeTheContent(t *testing.T) {
	post, data := head("POST", "/"), frame(frameData, strings.Repeat("x", 1000))
	reset := &quic.StreamError{Remote: true, ErrorCode: quic.StreamErrorCode(codeRequestCancelled)}
	for name, c := range map[string]struct {
		sent    []string
		then    error
		read    int // parts, at least; 0 is all
		stopped bool
	}{
		"in one":                   {[]string{post + data}, io.EOF, 0, false},
		"in two":                   {[]string{post + data, data}, io.EOF, 0, false},
		"in many":                  {append([]string{post}, strings.Split(strings.Repeat(data+"|", 1000)+data, "|")...), io.EOF, 0, false},
		"of a GET":                 {[]string{head("GET", "/"), data, data}, io.EOF, 0, false},
		"of a HEAD":                {[]string{head("HEAD", "/"), data, data}, io.EOF, 0, false},
		"of a refused request":     {[]string{head("POST", "/%zz"), data, data}, io.EOF, 0, false},
		"too much":                 {[]string{head("POST", "/", "content-length", "10500"), data, data, frame(frameData, strings.Repeat("x", 8500))}, io.EOF, 0, false},
		"with too many fields":     {append([]string{head("POST", "/", strings.Split(strings.Repeat("a,b,", 300)+"a,b", ",")...)}, data, data), io.EOF, 0, false},
		"that does not end":        {[]string{post + data, data}, nil, 0, true},
		"that is taken back":       {[]string{post + data, data}, reset, 0, true}, // QUIC says nothing then
		"that is endless":          {append([]string{post}, strings.Split(strings.Repeat(data+"|", 1000)+data, "|")...), nil, 20, true},
		"a GET that does not end":  {[]string{head("GET", "/")}, nil, 0, true},
		"with trailers behind":     {[]string{post + data, data, frame(frameHeaders, block("x-checksum", "1"))}, io.EOF, 0, false},
		"trailers that are broken": {[]string{post + data, data, frame(frameHeaders, block("X", "1"))}, io.EOF, 0, true},
	} {
		for _, waits := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				core := coreFunc{serve: func(_ context.Context, x *edge.Exchange) { says(x, "no") }, waits: func(*edge.Exchange) bool { return waits }}
				s := &fakeStream{then: c.then}
				for _, part := range c.sent {
					s.parts = append(s.parts, []byte(part))
				}
				p, got := ask(core, s, func(cfg *Config) {
					if cfg.MaxBody = 10_000; strings.HasPrefix(name, "in many") {
						cfg.MaxBody = 1 << 20
					}
				})
				require.Zero(t, p.closed)
				require.True(t, s.closed, got)
				require.Zero(t, s.write, "the answer stands")
				require.Equal(t, c.stopped, s.read != 0, "%#x", int(s.read))
				if c.read == 0 {
					require.Len(t, s.parts, s.at)
					return
				}
				require.GreaterOrEqual(t, s.at, c.read)
				require.LessOrEqual(t, s.at, c.read+3)
			})
		}
	}
}

// A client that uploads what nobody reads gets its answer and may go on to its end; other
// requests of its connection are not held up by it.
func TestAnUploadThatIsAnsweredAtOnce(t *testing.T) {
	r := start(t, coreFunc{serve: small}, func(c *Config) { c.MaxBody = 3 << 20 })
	q := r.dial(t)
	piece := frame(frameData, strings.Repeat("x", 100_000))
	str := open(t, q, head("POST", "/")+piece)
	got := make([]byte, 10)
	_, err := io.ReadFull(str, got)
	require.NoError(t, err)
	for range 40 { // far more than the windows of the stream and of the connection
		_, err := io.WriteString(str, piece)
		require.NoError(t, err)
	}
	other := open(t, q, head("GET", "/"))
	require.NoError(t, other.Close())
	_, err = io.ReadAll(other)
	require.NoError(t, err)
	require.NoError(t, str.Close())
	_, err = io.ReadAll(str)
	require.NoError(t, err)

	// Beyond twice MaxBody it is stopped.
	str = open(t, q, head("POST", "/"))
	for err = nil; err == nil; {
		_, err = io.WriteString(str, piece)
	}
	stopped, ok := errors.AsType[*quic.StreamError](err)
	require.True(t, ok, err)
	require.Equal(t, codeNoError, code(stopped.ErrorCode))
	_, err = io.ReadAll(str)
	require.NoError(t, err)
	// One that would go beyond is stopped at once.
	str = open(t, q, head("GET", "/", "content-length", "100000000"))
	_, err = io.ReadAll(str)
	require.NoError(t, err)
	<-str.Context().Done()
}

// Whoever forwards content may still wait for more of it when the answer is there: it is
// told that the request is over, and the upload goes on.
func TestContentThatIsStillForwarded(t *testing.T) {
	left := make(chan error, 1)
	core := coreFunc{
		waits: func(*edge.Exchange) bool { return true },
		serve: func(_ context.Context, x *edge.Exchange) {
			body, begun := x.Req.Body, make(chan struct{})
			go func() {
				_, _ = body.Read(make([]byte, 10))
				close(begun)
				_, err := io.Copy(io.Discard, body)
				left <- err
			}()
			<-begun
			says(x, "no")
		}}
	r := start(t, core)
	str := open(t, r.dial(t), head("POST", "/")+frame(frameData, "0123456789"))
	_, err := io.ReadFull(str, make([]byte, 10))
	require.NoError(t, err)
	require.Error(t, <-left)
	_, err = io.WriteString(str, frame(frameData, strings.Repeat("x", 500_000)))
	require.NoError(t, err)
	require.NoError(t, str.Close())
	got, err := io.ReadAll(str)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(got), "no"))
}

// TestShutdownWaitsForNoUpload that has its answer.
func TestShutdownWaitsForNoUpload(t *testing.T) {
	r := startLoose(t, coreFunc{serve: small}, func(c *Config) { c.BodyTimeout, c.IdleTimeout = time.Hour, time.Hour })
	q := r.dial(t)
	str := open(t, q, head("POST", "/")+frame(frameData, "x"))
	_, err := io.ReadAll(str)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	require.NoError(t, r.Shutdown(ctx))
	require.NoError(t, r.Close())
	require.NoError(t, <-r.done)
	require.Equal(t, codeNoError, closedWith(t, q))
}

// An upload that has its answer is no idleness, but is not waited for at the end.
func TestAnUploadIsNoIdleness(t *testing.T) {
	p := newFakePeer()
	s := newServer(testConfig(), coreFunc{serve: small}, slog.New(slog.DiscardHandler))
	s.born = s.born.Add(-time.Hour)
	c := newConn(s, p)
	c.idle = time.AfterFunc(time.Hour, func() {})
	defer c.idle.Stop()
	c.last.Store(0)
	c.linger()
	c.checkIdle()
	require.Zero(t, p.closed)
	s.stop()
	c.checkIdle()
	require.Equal(t, codeNoError, p.closed)
	c.lingered()
	c.work.Wait()
}

// TestUploadsThatLinger: as many as may be, each with its answer and without an end; they
// are stopped when their time is over.
func TestUploadsThatLinger(t *testing.T) {
	r := start(t, coreFunc{serve: small}, func(c *Config) { c.BodyTimeout = 6 * time.Second })
	bounded(t, r, firstRead, abuse.StalledContent(r.cfg.MaxStreams), func(_ *abuse.Conn, last *abuse.Stream) {
		require.Eventually(t, func() bool { return r.linger() > int64(2*r.cfg.MaxStreams/3) }, time.Minute, 10*time.Millisecond)
		require.Eventually(t, r.idle, time.Minute, time.Millisecond)
		got, err := io.ReadAll(last)
		require.NoError(t, err)
		require.True(t, strings.HasSuffix(string(got), "small"))
		require.Eventually(t, func() bool { return r.linger() == 0 }, time.Minute, 10*time.Millisecond)
	})
}

// linger is how many requests do.
func (s *Server) linger() (n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		n += c.lingering.Load()
	}
	return n
}
