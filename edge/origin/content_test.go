package origin

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// taking answers what it was sent whole with its length.
func taking(t *testing.T) *rawOrigin {
	return newRawOrigin(t, func(c net.Conn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			if _, err := io.Copy(io.Discard, req.Body); err != nil {
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
		}
	})
}

// halting is content that halts before its end: for a while, for as long as its fetch
// lasts, or for good with an error.
type halting struct {
	text io.Reader
	halt func() error
}

func (h *halting) Read(p []byte) (int, error) {
	if n, err := h.text.Read(p); err != io.EOF {
		return n, err
	}
	return 0, h.halt()
}

func upload(length int64, halt func() error) *edge.Fetch {
	return &edge.Fetch{Method: "POST", Host: "reader.example", Target: "/up", Length: length, Body: &halting{strings.NewReader("some"), halt}}
}

// Content that a client breaks off says nothing of the origin: however often that
// happens, it is asked as before.
func TestContentBrokenOffIsNotTheOriginsFault(t *testing.T) {
	p, err := NewPool(PoolConfig{Servers: []Server{{URL: taking(t).URL(), Weight: 1}}, Failures: 3})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	for _, length := range []int64{100, -1} {
		for range 10 {
			_, err := p.Fetch(t.Context(), upload(length, func() error { return errors.New("the client has gone") }))
			require.ErrorIs(t, err, ErrContent)
		}
	}
	f := p.Figures().Servers[0]
	require.False(t, f.Paused)
	require.Zero(t, f.Failures)
	a, err := p.Fetch(t.Context(), get("/a"))
	require.NoError(t, err)
	require.NoError(t, a.Body.Close())
}

// While a client's content is waited for, the origin is not late.
func TestSlowContentIsNotTheOriginsFault(t *testing.T) {
	const short = 50 * time.Millisecond
	o := connect(t, Config{URL: taking(t).URL(), HeaderTimeout: short})
	a, body, err := read(t, o, upload(-1, func() error {
		<-time.After(4 * short)
		return io.EOF
	}))
	require.NoError(t, err)
	require.Equal(t, 200, a.Status)
	require.Equal(t, "hi", body)
}

// Content that does not come takes no more than three quarters of what may be in flight.
func TestContentLeavesPlacesToOthers(t *testing.T) {
	p, err := NewPool(PoolConfig{Servers: []Server{{URL: taking(t).URL(), Weight: 1}}, Config: Config{MaxInFlight: 8}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	ctx, cancel := context.WithCancel(t.Context())
	halts, ended := make(chan struct{}, 6), make(chan error)
	for range 6 {
		go func() {
			_, err := p.Fetch(ctx, upload(-1, func() error {
				halts <- struct{}{}
				<-ctx.Done()
				return ctx.Err()
			}))
			ended <- err
		}()
	}
	for range 6 {
		<-halts
	}
	_, err = p.Fetch(t.Context(), upload(-1, func() error { return io.EOF }))
	require.ErrorIs(t, err, edge.ErrUpstreamBusy)
	a, err := p.Fetch(t.Context(), get("/a"))
	require.NoError(t, err)
	require.NoError(t, a.Body.Close())
	cancel()
	for range 6 {
		require.Error(t, <-ended)
	}
	a, err = p.Fetch(t.Context(), upload(-1, func() error { return io.EOF }))
	require.NoError(t, err)
	require.NoError(t, a.Body.Close())
}
