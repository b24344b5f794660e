package origin

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/letteros/letteredge/edge"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rawOrigin is an origin at the level of bytes: handle has each connection.
type rawOrigin struct {
	ln    net.Listener
	mu    sync.Mutex
	conns []net.Conn
	wg    sync.WaitGroup
}

func newRawOrigin(t *testing.T, handle func(net.Conn, *bufio.Reader)) *rawOrigin {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	o := &rawOrigin{ln: ln}
	o.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			o.mu.Lock()
			o.conns = append(o.conns, c)
			o.mu.Unlock()
			o.wg.Go(func() {
				defer c.Close()
				handle(c, bufio.NewReader(c))
			})
		}
	})
	t.Cleanup(o.close)
	return o
}

func (o *rawOrigin) URL() string { return "http://" + o.ln.Addr().String() }

func (o *rawOrigin) accepted() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.conns)
}

// last returns the newest connection.
func (o *rawOrigin) last() net.Conn {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.conns[len(o.conns)-1]
}

func (o *rawOrigin) close() {
	o.ln.Close()
	o.mu.Lock()
	for _, c := range o.conns {
		c.Close()
	}
	o.mu.Unlock()
	o.wg.Wait()
}

// answering is an origin that gives every request the same bytes, and closes the
// connection after them.
func answering(t *testing.T, answer string) *rawOrigin {
	return newRawOrigin(t, func(c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err == nil {
			_, _ = io.WriteString(c, answer)
		}
	})
}

// recording gives every request an empty answer, and its bytes to the channel.
func recording(t *testing.T) (*rawOrigin, <-chan string) {
	seen := make(chan string, 16)
	return newRawOrigin(t, func(c net.Conn, r *bufio.Reader) {
		var request strings.Builder
		tee := bufio.NewReader(io.TeeReader(r, &request))
		req, err := http.ReadRequest(tee)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		seen <- request.String()
		_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
	}), seen
}

// connect returns a client with short deadlines, closed with the test.
func connect(t *testing.T, cfg Config) *Origin {
	t.Helper()
	fill(&cfg.HeaderTimeout, 20*time.Second)
	fill(&cfg.BodyTimeout, 20*time.Second)
	o, err := New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, o.Close()) })
	return o
}

func get(target string, fields ...edge.Field) *edge.Fetch {
	return &edge.Fetch{Method: "GET", Host: "reader.example", Target: target, Fields: fields}
}

// read fetches and reads the whole body.
func read(t *testing.T, o *Origin, f *edge.Fetch) (*edge.Answer, string, error) {
	t.Helper()
	a, err := o.Fetch(context.Background(), f)
	if err != nil {
		require.Nil(t, a)
		return nil, "", err
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	return a, string(body), err
}

// fieldText writes fields as one string.
func fieldText(fields []edge.Field) string {
	var b strings.Builder
	for _, f := range fields {
		b.WriteString(f.Name + ": " + f.Value + "\n")
	}
	return b.String()
}

// answeringBytewise is answering for a network that delivers each byte by itself.
func answeringBytewise(t *testing.T, answer string) *rawOrigin {
	return newRawOrigin(t, func(c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		for i := range len(answer) {
			if _, err := c.Write([]byte{answer[i]}); err != nil {
				return
			}
		}
	})
}
