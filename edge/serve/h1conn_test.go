package serve

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/edgetest"
)

// ordinaryRig serves one stored answer, and counts what fasthttp's handler gets.
func ordinaryRig(t *testing.T, size int, change ...func(*Config)) (r *rig, theirs *atomic.Int64) {
	art := edge.NewArtifact(200, bytes.Repeat([]byte("x"), size), edge.Field{Name: "Content-Type", Value: "text/plain"}, edge.Field{Name: "Date", Value: originDate})
	return countingRig(t, readyCore(func(x *edge.Exchange) {
		if x.Req.Target == "/panic" {
			panic("over this one")
		}
		x.Rep.Status, x.Rep.Art, x.Rep.Body, x.Rep.Length = 200, art, art.Body, int64(size)
		if x.Req.Body != nil {
			_, _ = io.Copy(io.Discard, x.Req.Body)
		}
	}), change...)
}

func countingRig(t *testing.T, core Core, change ...func(*Config)) (r *rig, theirs *atomic.Int64) {
	r, theirs = listening(t, core, append(change, func(c *Config) { c.Secure = "" })...), new(atomic.Int64)
	handler := r.h1Plain.Handler
	r.h1Plain.Handler = func(ctx *fasthttp.RequestCtx) {
		theirs.Add(1)
		handler(ctx)
	}
	go func() { r.done <- r.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = r.Shutdown(ctx) // a test that shuts down itself has its say there
		require.NoError(t, <-r.done)
	})
	return r, theirs
}

// ask sends bytes and reads so many answers.
func ask(t *testing.T, conn net.Conn, from *bufio.Reader, sent string, answers int) (last *http.Response) {
	t.Helper()
	_, err := io.WriteString(conn, sent)
	require.NoError(t, err)
	for range answers {
		last, err = http.ReadResponse(from, nil)
		require.NoError(t, err)
		content, err := io.ReadAll(last.Body)
		require.NoError(t, err)
		require.EqualValues(t, last.ContentLength, len(content))
	}
	return last
}

const plainRequest = "GET /a?b=%2F HTTP/1.1\r\nHost: edge.test:80\r\naccept: */*\r\nConnection: keep-alive\r\n\r\n"

// Ordinary requests are answered ahead of fasthttp, others by it, in any order on one
// connection.
func TestOrdinaryRequestsAreAnsweredAheadOfFasthttp(t *testing.T) {
	for _, size := range []int{0, 1000, 100_000} {
		r, theirs := ordinaryRig(t, size)
		conn := r.raw(t)
		from := bufio.NewReader(conn)
		for range 3 {
			ask(t, conn, from, plainRequest, 1)
		}
		require.EqualValues(t, 0, theirs.Load())
		for i, c := range []struct {
			sent    string
			answers int
		}{
			{plainRequest + plainRequest, 2},
			{"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 1},
			{"GET /a HTTP/1.1\r\nHost: a\r\nX: a\tb\r\n\r\n", 1},
			{"GET http://a/a HTTP/1.1\r\nHost: a\r\n\r\n", 1},
			{"GET /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", 1},
		} {
			before := theirs.Load()
			ask(t, conn, from, c.sent, c.answers)
			require.EqualValues(t, c.answers, theirs.Load()-before, i)
			ask(t, conn, from, plainRequest, 1)
			require.EqualValues(t, c.answers, theirs.Load()-before, i)
		}
		ask(t, conn, from, plainRequest[:30], 0) // whose it is depends on how it comes
		ask(t, conn, from, plainRequest[30:], 1)
	}
}

// What the core cannot answer at once it finishes in fasthttp's handler, once.
func TestWhatIsBegunIsFinishedOnce(t *testing.T) {
	core := &counting{}
	r, theirs := countingRig(t, core)
	conn := r.raw(t)
	from := bufio.NewReader(conn)
	for n := range 5 {
		got := ask(t, conn, from, plainRequest, 1)
		require.Equal(t, fmt.Sprint("/a?b=%2F edge.test:80 */* ", n+1, " ", n+1), got.Header.Get("X-Saw"))
	}
	require.EqualValues(t, 5, theirs.Load())
}

// counting leaves all to Finish, and tells what it has seen by then.
type counting struct{ begun, finished int }

func (c *counting) Serve(context.Context, *edge.Exchange) { panic("it is begun") }

func (c *counting) Begin(*edge.Exchange) bool {
	c.begun++
	return false
}

func (c *counting) Finish(_ context.Context, x *edge.Exchange) {
	c.finished++
	x.Rep.Status, x.Rep.Body, x.Rep.Length = 200, []byte("made"), 4
	x.Rep.Extra.Add("X-Saw", fmt.Append(nil, x.Req.Target, " ", x.Req.Host, " ", x.Req.Fields.Get("Accept"), " ", c.begun, " ", c.finished))
}

func TestAPanicAheadOfFasthttpIsAnswered(t *testing.T) {
	r, _ := ordinaryRig(t, 10)
	conn := r.raw(t)
	from := bufio.NewReader(conn)
	ask(t, conn, from, plainRequest, 1)
	got := ask(t, conn, from, "GET /panic HTTP/1.1\r\nHost: a\r\n\r\n", 1)
	require.Equal(t, 500, got.StatusCode)
	require.True(t, got.Close)
	ask(t, r.raw(t), bufio.NewReader(conn), "", 0)
}

// An idle connection ends without a word, which a client would take for the answer to
// its next request.
func TestIdleEndsWithoutAWord(t *testing.T) {
	r, _ := ordinaryRig(t, 10, func(c *Config) { c.IdleTimeout, c.HeaderTimeout = 2*time.Second, time.Hour })
	conn := r.raw(t)
	from := bufio.NewReader(conn)
	for range 3 {
		ask(t, conn, from, plainRequest, 1)
	}
	rest, err := io.ReadAll(from)
	require.NoError(t, err)
	require.Empty(t, string(rest))
}

// A header section that does not come to its end has the time of the first one.
func TestALaterHeaderSectionHasItsTime(t *testing.T) {
	r, _ := ordinaryRig(t, 10, func(c *Config) { c.HeaderTimeout, c.IdleTimeout = 2*time.Second, time.Hour })
	conn := r.raw(t)
	from := bufio.NewReader(conn)
	ask(t, conn, from, plainRequest, 1)
	_, err := io.WriteString(conn, plainRequest[:20])
	require.NoError(t, err)
	_, err = io.ReadAll(from) // raw's own time is a minute
	require.NoError(t, err)
}

// A client that reads nothing is given up.
func TestWritingHasItsTime(t *testing.T) {
	r, _ := ordinaryRig(t, 8<<20, func(c *Config) { c.WriteTimeout = 200 * time.Millisecond })
	conn := r.raw(t)
	_, err := io.WriteString(conn, plainRequest)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return r.Connections().TCP == 0 }, time.Minute, 10*time.Millisecond)
}

// A shutdown ends the connections that wait for a request, and lets the others answer
// theirs.
func TestShutdownAheadOfFasthttp(t *testing.T) {
	art := edgetest.Artifact(t, "whole", "Content-Type", "text/plain")
	begun, release := make(chan struct{}), make(chan struct{})
	r, theirs := countingRig(t, readyCore(func(x *edge.Exchange) {
		if x.Req.Target == "/slow" {
			close(begun)
			<-release
		}
		x.Rep.Status, x.Rep.Art, x.Rep.Body, x.Rep.Length = 200, art, art.Body, int64(len(art.Body))
	}))
	idle, busy := r.raw(t), r.raw(t)
	fromIdle, fromBusy := bufio.NewReader(idle), bufio.NewReader(busy)
	ask(t, idle, fromIdle, plainRequest, 1)
	ask(t, busy, fromBusy, plainRequest, 1)
	_, err := io.WriteString(busy, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
	require.NoError(t, err)
	<-begun
	done := make(chan error, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second) // fasthttp holds a connection for new for 5 s
	defer cancel()
	go func() { done <- r.Shutdown(ctx) }()
	_, err = fromIdle.ReadByte()
	require.ErrorIs(t, err, io.EOF)
	close(release)
	ask(t, busy, fromBusy, "", 1)
	_, err = fromBusy.ReadByte()
	require.ErrorIs(t, err, io.EOF)
	require.NoError(t, <-done)
	require.EqualValues(t, 0, theirs.Load())
}

// Whoever takes a connection for idle, and closes it, closes it after its answer.
func TestABusyConnectionClosesAfterItsAnswer(t *testing.T) {
	c := &h1Conn{TCPConn: drained(t), lingerer: lingerer{from: newAdmission(Config{}, nil)}}
	c.state.Store(connBusy)
	require.NoError(t, c.Close())
	_, err := c.Write([]byte("answer"))
	require.NoError(t, err)
	require.EqualValues(t, connLeaving, c.state.Load())
	require.NoError(t, c.Close())
	_, err = c.Write([]byte("more"))
	require.ErrorIs(t, err, net.ErrClosed)
}

// A request that comes while a shutdown is on is fasthttp's, which says that it is the
// connection's last.
func TestARequestDuringAShutdownIsTheLast(t *testing.T) {
	r, theirs := ordinaryRig(t, 10)
	r.h1.stopping.Store(true)
	conn := r.raw(t)
	ask(t, conn, bufio.NewReader(conn), plainRequest, 1)
	require.EqualValues(t, 1, theirs.Load())
}

// When its time is up a shutdown cuts off an answer that nobody reads.
func TestKillAheadOfFasthttp(t *testing.T) {
	r, _ := ordinaryRig(t, 8<<20)
	conn := r.raw(t)
	from := bufio.NewReader(conn)
	_, err := io.WriteString(conn, plainRequest)
	require.NoError(t, err)
	_, err = from.Peek(1)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, r.Shutdown(ctx), context.DeadlineExceeded)
	require.Equal(t, 0, r.Connections().TCP)
}

// scripted is a connection that brings bytes in one piece and keeps what is written.
type scripted struct {
	net.Conn
	in  *bytes.Reader
	out bytes.Buffer
}

func (s *scripted) Read(p []byte) (int, error)       { return s.in.Read(p) }
func (s *scripted) Write(p []byte) (int, error)      { return s.out.Write(p) }
func (s *scripted) Close() error                     { return nil }
func (s *scripted) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (s *scripted) LocalAddr() net.Addr              { return s.RemoteAddr() }
func (s *scripted) SetReadDeadline(time.Time) error  { return nil }
func (s *scripted) SetWriteDeadline(time.Time) error { return nil }
func (s *scripted) SetDeadline(time.Time) error      { return nil }

// requestText is all that a core is told.
func requestText(req *edge.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d %q %q %v %v %v %d\n", req.MethodText, req.Method, req.Host, req.Target, req.TLS, req.Whole, req.Body != nil, req.Length)
	req.Fields.All(func(name, value string) bool {
		fmt.Fprintf(&b, "%q: %q\n", name, value)
		return true
	})
	return b.String()
}

// What another implementation might read in another way, or has more to it than its
// header section, is not for the short way.
func TestNotOrdinary(t *testing.T) {
	lines := func(more string) string { return "GET /a HTTP/1.1\r\nHost: a\r\n" + more + "\r\n" }
	var x h1Exchange
	require.True(t, x.ordinary([]byte(lines("X: b\r\n"))))
	for _, sent := range []string{
		lines("Host: a\r\n"), lines("Content-Length: 4\r\n"), lines("Content-Length: 0\r\n"), lines("Transfer-Encoding: chunked\r\n"),
		lines("Expect: 100-continue\r\n"), lines("Trailer: X\r\n"), lines("Connection: close\r\n"), lines("Connection: keep-alive\r\nConnection: close\r\n"),
		lines("X: \x00\r\n"), lines("X: a\rb\r\n"), lines("X: a\tb\r\n"), lines("X: \x7f\r\n"), lines("X : a\r\n"), lines("X: a\r\n b\r\n"), lines("X: a\n"),
		lines("") + lines(""), lines("")[:len(lines(""))-2], lines("") + "a", "GET /a HTTP/1.1\r\n\r\n", "\r\n" + lines(""),
		"GET /a HTTP/1.0\r\nHost: a\r\n\r\n", "GET /a HTTP/1.1\nHost: a\r\n\r\n", "GET  /a HTTP/1.1\r\nHost: a\r\n\r\n", "get /a HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /a HTTP/1.1\r\nHost: a\r\n\r\n", "GET //a HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", "GET /%z HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\xe3\x81\x82 HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /a HTTP/1.1\r\nHost:\r\n\r\n", "GET /a HTTP/1.1\r\nHost: [::1]\r\n\r\n", "GET /a HTTP/1.1\r\nHost: a:\r\n\r\n", "GET /a HTTP/1.1\r\nHost: a:x\r\n\r\n",
		"GET /a HTTP/1.1\r\nHost: a@b\r\n\r\n", "GET /a HTTP/1.1\r\nHost: a b\r\n\r\n", "GET /a HTTP/1.1\r\nHost: :80\r\n\r\n",
	} {
		require.False(t, x.ordinary([]byte(sent)), "%q", sent)
	}
}

// FuzzOrdinary: what is taken for an ordinary request, fasthttp and the gate take for
// one request too, with the same meaning, after which the connection goes on.
func FuzzOrdinary(f *testing.F) {
	for _, s := range []string{
		plainRequest, browserRequest, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", plainRequest + plainRequest,
		"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a:0\r\nConnection: keep-alive, x\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTrailer: X\r\n\r\n", "GET //a HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / HTTP/1.1\r\n\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX: \xe3\x81\x82\r\nX:\r\nx: \x7f\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	cfg, err := Config{Plain: "127.0.0.1:0"}.withDefaults()
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, sent []byte) {
		if len(sent) > cfg.MaxHeaderBytes {
			return
		}
		var x h1Exchange
		if !x.ordinary(bytes.Clone(sent)) {
			return
		}
		var got []string
		h := newH1(t.Context(), coreFunc(func(_ context.Context, x *edge.Exchange) {
			got = append(got, requestText(&x.Req))
			x.Rep.Status = 204
		}), cfg, "", slog.New(slog.DiscardHandler))
		conn := &scripted{in: bytes.NewReader(append(bytes.Clone(sent), "GET /next HTTP/1.1\r\nHost: next\r\n\r\n"...))}
		require.NoError(t, newFasthttp(h, cfg, newConns(cfg), slog.New(slog.DiscardHandler)).ServeConn(conn))
		require.Len(t, got, 2)
		require.Equal(t, got[0], requestText(&x.Req))
		require.Contains(t, got[1], `"next" "/next"`)
		require.Equal(t, 2, strings.Count(conn.out.String(), "HTTP/1.1 204"))
	})
}

// drained is a connection whose other end reads all and keeps none of it.
func drained(t *testing.T) *net.TCPConn {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, ln.Close()) }()
	reader, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	conn, err := ln.Accept()
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for buf := make([]byte, 64<<10); ; {
			if _, err := reader.Read(buf); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-done; _ = reader.Close() })
	return conn.(*net.TCPConn)
}

// Whatever is written beside an answer has its time from its own request on, not from
// the answer before or the handshake.
func TestLaterErrorsAreAnswered(t *testing.T) {
	const writeTimeout = 200 * time.Millisecond
	for _, secure := range []bool{false, true} {
		limits := func(c *Config) { c.WriteTimeout, c.IdleTimeout = writeTimeout, time.Hour }
		r, _ := ordinaryRig(t, 10, limits)
		if secure {
			r = start(t, coreFunc(someContent), limits)
		}
		dial := func() net.Conn {
			if !secure {
				return r.raw(t)
			}
			conn, err := tls.Dial("tcp", r.Addrs().Secure.String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
			require.NoError(t, err)
			t.Cleanup(func() { _ = conn.Close() })
			return conn
		}
		for _, hits := range []int{0, 1} {
			conn := dial()
			from := bufio.NewReader(conn)
			if hits > 0 {
				ask(t, conn, from, plainRequest, 1)
			}
			begun := time.Now()
			require.Eventually(t, func() bool { return time.Since(begun) > writeTimeout+50*time.Millisecond }, time.Minute, 10*time.Millisecond)
			_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nno line\r\n\r\n")
			require.NoError(t, err)
			got, err := http.ReadResponse(from, nil)
			require.NoError(t, err, "TLS: %v, after %d hits", secure, hits)
			require.Equal(t, 400, got.StatusCode)
			require.NoError(t, got.Body.Close())
		}
	}
}
