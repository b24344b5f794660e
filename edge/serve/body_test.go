package serve

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// TestReaderThatOutlivesTheRequest is an origin client that goes on reading the
// content after the answer came: it must not see the next request, nor hold the
// connection.
func TestReaderThatOutlivesTheRequest(t *testing.T) {
	t.Parallel()
	var leaked atomic.Int64
	gone := make(chan struct{}, 128)
	core := coreFunc(func(_ context.Context, x *edge.Exchange) {
		x.Rep.Status, x.Rep.Body, x.Rep.Length = 200, []byte("early"), 5
		if x.Req.Body == nil {
			return
		}
		body, started := x.Req.Body, make(chan struct{})
		go func() {
			defer func() { gone <- struct{}{} }()
			close(started)
			p := make([]byte, 64)
			for {
				n, err := body.Read(p)
				if strings.Contains(string(p[:n]), "GET ") {
					leaked.Add(1)
				}
				if err != nil {
					return
				}
			}
		}()
		<-started
	})
	r := start(t, core)
	r.over(t, func(t *testing.T, c client) {
		pr, pw := io.Pipe()
		defer pw.Close()
		go func() { _, _ = pw.Write([]byte("some")) }()
		req, err := http.NewRequest("POST", c.base+"/", pr)
		require.NoError(t, err)
		resp, err := c.Do(req)
		require.NoError(t, err)
		got, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, "early", string(got))
		_ = resp.Body.Close()
		select {
		case <-gone:
		case <-time.After(30 * time.Second):
			require.Fail(t, "the reader is still there")
		}
	})
	answers, _ := r.exchange(t, strings.Repeat("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 50)+"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	require.NotEmpty(t, answers)
	require.Zero(t, leaked.Load())
}

// TestContentThatEndsEarly: a client that announces more content than it sends, and goes,
// has not sent a smaller one; whoever forwards it has to know.
func TestContentThatEndsEarly(t *testing.T) {
	t.Parallel()
	read := make(chan error, 1)
	r := start(t, coreFunc(func(_ context.Context, x *edge.Exchange) {
		_, err := io.Copy(io.Discard, x.Req.Body)
		x.Rep.Status = 502
		read <- err
	}))
	r.ends(t, func(t *testing.T, dial func() net.Conn) {
		for name, rest := range map[string]string{
			"of a length":        "Content-Length: 200000\r\n\r\n" + strings.Repeat("x", 100_000),
			"no chunk":           "Transfer-Encoding: chunked\r\n\r\n",
			"in a chunk":         "Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
			"behind its content": "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde",
			"between chunks":     "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1000\r\n"+strings.Repeat("x", 0x1000)+"\r\n", 10),
			"in a size":          "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n1",
			"before the trailer": "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n",
			"in the trailer":     "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\nX-A: b\r\n",
		} {
			conn := dial()
			_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\n"+rest)
			require.NoError(t, err, name)
			require.NoError(t, conn.(interface{ CloseWrite() error }).CloseWrite(), name)
			require.Error(t, <-read, name)
			answer, err := io.ReadAll(conn)
			require.NoError(t, err, name)
			require.Equal(t, 1, strings.Count(string(answer), "HTTP/1.1 "), name)
			require.Contains(t, string(answer), "HTTP/1.1 400 ", name)
		}
	})
}

// TestWholeContentBeforeTheEnd: a client may end its side of a connection with its request.
func TestWholeContentBeforeTheEnd(t *testing.T) {
	t.Parallel()
	r := start(t, coreFunc(readBody))
	r.ends(t, func(t *testing.T, dial func() net.Conn) {
		for _, rest := range []string{
			"Content-Length: 5\r\n\r\nabcde",
			"Content-Length: 100000\r\n\r\n" + strings.Repeat("x", 100_000),
			"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\nX-A: b\r\n\r\n",
			"Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1000\r\n"+strings.Repeat("x", 0x1000)+"\r\n", 10) + "0\r\n\r\n",
		} {
			conn := dial()
			_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\n"+rest)
			require.NoError(t, err)
			require.NoError(t, conn.(interface{ CloseWrite() error }).CloseWrite())
			answer, err := io.ReadAll(conn)
			require.NoError(t, err)
			require.Contains(t, string(answer), "HTTP/1.1 200 ")
		}
	})
}
