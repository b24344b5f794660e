package serve

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// dial connects for HTTP/1.1.
func (r *rig) dial(t *testing.T, secure bool) net.Conn {
	if !secure {
		return r.raw(t)
	}
	conn, err := net.Dial("tcp", r.Addrs().Secure.String())
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	t.Cleanup(func() { _ = conn.Close() })
	return tls.Client(conn, &tls.Config{RootCAs: r.roots, ServerName: "localhost"})
}

// ends are the two ways to connect.
func (r *rig) ends(t *testing.T, test func(t *testing.T, dial func() net.Conn)) {
	for name, secure := range map[string]bool{"plain": false, "tls": true} {
		t.Run(name, func(t *testing.T) { test(t, func() net.Conn { return r.dial(t, secure) }) })
	}
}

// readAhead is what fasthttp waits for of a request's content before it shows the request.
var readAhead = strings.Repeat("x", 8<<10)

// deafCore answers 404 without a look at the content, and what is to be read it reads.
func deafCore() Core {
	return coreFunc(func(ctx context.Context, x *edge.Exchange) {
		if x.Req.Target == "/read" {
			readBody(ctx, x)
			return
		}
		x.Rep.Status = 404
	})
}

// bearing is a server of that core, which bears so much silence.
func bearing(t *testing.T, silence time.Duration, change func(*Config)) *rig {
	r := listening(t, deafCore(), change)
	r.open.lingering.silence = silence
	go func() { r.done <- r.Serve() }()
	t.Cleanup(func() {
		require.NoError(t, r.Shutdown(context.Background()))
		require.NoError(t, <-r.done)
	})
	return r
}

// TestAnswersAreReadBehindUnreadContent: a client that looks at nothing before it has sent
// all loses no answer.
func TestAnswersAreReadBehindUnreadContent(t *testing.T) {
	t.Parallel()
	r := bearing(t, time.Hour, func(c *Config) { c.MaxBody = 6 << 20 })
	post := func(target, fields string) string {
		return "POST " + target + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n"
	}
	body := strings.Repeat("x", 5<<20)
	large := strings.Repeat("x", 10<<20)
	chunked := func(content string) string {
		return post("/read", "Transfer-Encoding: chunked\r\n") + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(content), content)
	}
	r.ends(t, func(t *testing.T, dial func() net.Conn) {
		for name, c := range map[string]struct {
			status int
			sent   string
		}{
			"not wanted":           {404, post("/", fmt.Sprintf("Content-Length: %d\r\n", len(body))) + body},
			"not wanted, chunked":  {404, strings.Replace(chunked(body), "/read", "/", 1)},
			"too large":            {413, post("/read", fmt.Sprintf("Content-Length: %d\r\n", len(large))) + large},
			"too large, chunked":   {413, chunked(large)},
			"a header too large":   {431, post("/", "X: "+large+"\r\n")},
			"not to be understood": {400, post("/", "X : y\r\n") + large},
			"announced":            {413, post("/read", fmt.Sprintf("Expect: 100-continue\r\nContent-Length: %d\r\n", len(large))) + large},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				conn := dial()
				_, err := io.WriteString(conn, c.sent)
				require.NoError(t, err)
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				require.NoError(t, err)
				require.Equal(t, c.status, resp.StatusCode)
				require.True(t, resp.Close, "the client is told that the connection ends")
				_, err = io.Copy(io.Discard, resp.Body)
				require.NoError(t, err)
				_, err = conn.Read(make([]byte, 1))
				require.ErrorIs(t, err, io.EOF)
			})
		}
	})
}

// TestLingeringEnds with the client, with its silence, and when it has sent enough.
func TestLingeringEnds(t *testing.T) {
	t.Parallel()
	for _, silence := range []time.Duration{time.Millisecond, time.Hour} {
		t.Run(silence.String(), func(t *testing.T) {
			t.Parallel()
			r := bearing(t, silence, func(c *Config) { c.MaxBody, c.BodyTimeout = 1<<20, time.Hour })
			r.ends(t, func(t *testing.T, dial func() net.Conn) {
				conn := dial()
				_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"+readAhead)
				require.NoError(t, err)
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				require.NoError(t, err)
				require.Equal(t, 404, resp.StatusCode)
				if silence == time.Hour {
					require.Equal(t, 1, r.Connections().TCP)
					for zeros := make([]byte, 64<<10); err == nil; { // twice what content may have, and what buffers take
						_, err = conn.Write(zeros)
					}
				}
				require.Eventually(t, func() bool { return r.Connections().TCP == 0 }, 30*time.Second, time.Millisecond)

				conn = dial()
				_, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"+readAhead)
				require.NoError(t, err)
				_, err = http.ReadResponse(bufio.NewReader(conn), nil)
				require.NoError(t, err)
				require.NoError(t, conn.Close())
				require.Eventually(t, func() bool { return r.Connections().TCP == 0 }, 30*time.Second, time.Millisecond)
			})
		})
	}
}

// TestContentBehindItsAnswerIsPassedOver: a connection goes on behind a little of it.
func TestContentBehindItsAnswerIsPassedOver(t *testing.T) {
	t.Parallel()
	r := start(t, deafCore())
	r.ends(t, func(t *testing.T, dial func() net.Conn) {
		conn := dial()
		from := bufio.NewReader(conn)
		for range 3 {
			require.Equal(t, 404, ask(t, conn, from, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8195\r\n\r\n"+readAhead, 1).StatusCode)
			require.Equal(t, 404, ask(t, conn, from, "xyzGET / HTTP/1.1\r\nHost: a\r\n\r\n", 1).StatusCode)
		}
		r.open.mu.Lock()
		require.Len(t, r.open.open, 1)
		for c := range r.open.open {
			require.False(t, lingererOf(c).unread.Load(), "it would be closed as if something were left")
		}
		r.open.mu.Unlock()
		require.NoError(t, conn.Close())
		require.Eventually(t, func() bool { return r.Connections().TCP == 0 }, 30*time.Second, time.Millisecond)
	})
}

// TestShutdownDoesNotWaitForAnsweredUploads whose clients take their time, little or much
// of it being left, whenever it is that they were answered.
func TestShutdownDoesNotWaitForAnsweredUploads(t *testing.T) {
	t.Parallel()
	for _, left := range []int{1000, 4 << 20} {
		t.Run(fmt.Sprint(left), func(t *testing.T) {
			t.Parallel()
			r := startLoose(t, deafCore(), func(c *Config) { c.BodyTimeout = time.Hour })
			for _, secure := range []bool{false, true} {
				conn := r.dial(t, secure)
				sent := fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(readAhead)+left, readAhead)
				require.Equal(t, 404, ask(t, conn, bufio.NewReader(conn), sent, 1).StatusCode)
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			require.NoError(t, r.Shutdown(ctx))
			require.NoError(t, <-r.done)
			require.Zero(t, r.Connections().TCP)
		})
	}
}

// TestAnswersOfAShutdownAreRead, those of requests that were in flight when it began.
func TestAnswersOfAShutdownAreRead(t *testing.T) {
	t.Parallel()
	core := newHeld()
	r := startLoose(t, core)
	body := bytes.Repeat([]byte("x"), 6<<20)
	conns := []net.Conn{r.dial(t, false), r.dial(t, true)}
	for _, conn := range conns {
		_, err := fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(readAhead)+len(body), readAhead)
		require.NoError(t, err)
		<-core.begun
	}
	done := make(chan error, 1)
	go func() { done <- r.Shutdown(context.Background()) }()
	require.Eventually(t, r.open.lingering.stopped.Load, time.Minute, time.Millisecond)
	close(core.release)
	answers := make(chan string, len(conns))
	for _, conn := range conns {
		go func() {
			if _, err := conn.Write(body); err != nil {
				answers <- err.Error()
				return
			}
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				answers <- err.Error()
				return
			}
			content, _ := io.ReadAll(resp.Body)
			answers <- string(content)
		}()
	}
	for range conns {
		require.Equal(t, "whole", <-answers)
	}
	require.NoError(t, <-done)
	require.NoError(t, <-r.done)
}
