package origin

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// stalling sends some bytes after the request and then nothing.
func stalling(t *testing.T, prefix string) *rawOrigin {
	return newRawOrigin(t, func(c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err == nil {
			_, _ = io.WriteString(c, prefix)
			_, _ = io.Copy(io.Discard, r)
		}
	})
}

func TestStallsEnd(t *testing.T) {
	const short = 50 * time.Millisecond
	t.Run("before the header", func(t *testing.T) {
		o := connect(t, Config{URL: stalling(t, "").URL(), HeaderTimeout: short})
		_, _, err := read(t, o, get("/a"))
		require.ErrorIs(t, err, ErrHeaderTimeout)
	})
	t.Run("in the header", func(t *testing.T) {
		o := connect(t, Config{URL: stalling(t, "HTTP/1.1 200 OK\r\nX-").URL(), HeaderTimeout: short})
		_, _, err := read(t, o, get("/a"))
		require.ErrorIs(t, err, ErrHeaderTimeout)
	})
	t.Run("in the body", func(t *testing.T) {
		o := connect(t, Config{URL: stalling(t, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi").URL(), BodyTimeout: time.Second})
		a, body, err := read(t, o, get("/a"))
		require.ErrorIs(t, err, ErrBodyTimeout)
		require.Equal(t, 200, a.Status)
		require.Equal(t, "hi", body)
	})
	t.Run("origin does not take the request", func(t *testing.T) {
		raw := newRawOrigin(t, func(c net.Conn, _ *bufio.Reader) { <-t.Context().Done() })
		t.Cleanup(raw.close)
		o := connect(t, Config{URL: raw.URL(), HeaderTimeout: short})
		_, _, err := read(t, o, &edge.Fetch{Method: "POST", Target: "/a", Body: endless{}, Length: 1 << 40})
		require.ErrorIs(t, err, ErrHeaderTimeout)
	})
	t.Run("nobody listens", func(t *testing.T) {
		raw := answering(t, "")
		raw.close()
		o := connect(t, Config{URL: raw.URL()})
		_, _, err := read(t, o, get("/a"))
		require.Error(t, err)
		require.Zero(t, o.InFlight())
	})
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// A reader that is slow itself does not make the origin look stalled.
func TestSlowReaderIsNotTheOriginsFault(t *testing.T) {
	o := connect(t, Config{URL: answering(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").URL(), BodyTimeout: 30 * time.Millisecond})
	a, err := o.Fetch(context.Background(), get("/a"))
	require.NoError(t, err)
	<-time.After(100 * time.Millisecond)
	body, err := io.ReadAll(a.Body)
	require.NoError(t, err)
	require.Equal(t, "hi", string(body))
	require.NoError(t, a.Body.Close())
}

func TestCapOfFetchesInFlight(t *testing.T) {
	o := connect(t, Config{URL: answering(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").URL(), MaxInFlight: 2})
	first, err := o.Fetch(context.Background(), get("/a"))
	require.NoError(t, err)
	second, err := o.Fetch(context.Background(), get("/a"))
	require.NoError(t, err)
	require.Equal(t, 2, o.InFlight())

	_, err = o.Fetch(context.Background(), get("/a"))
	require.ErrorIs(t, err, edge.ErrUpstreamBusy)

	require.NoError(t, first.Body.Close())
	require.NoError(t, first.Body.Close(), "closing twice frees one slot")
	require.Equal(t, 1, o.InFlight())
	third, err := o.Fetch(context.Background(), get("/a"))
	require.NoError(t, err)
	require.NoError(t, second.Body.Close())
	require.NoError(t, third.Body.Close())
	require.Zero(t, o.InFlight())
}

func TestContextEndsTheFetch(t *testing.T) {
	o := connect(t, Config{URL: stalling(t, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi").URL()})
	gone := errors.New("reader is gone")
	ctx, cancel := context.WithCancelCause(context.Background())
	a, err := o.Fetch(ctx, get("/a"))
	require.NoError(t, err)
	cancel(gone)
	_, err = io.ReadAll(a.Body)
	require.ErrorIs(t, err, gone)
	require.NoError(t, a.Body.Close())
}

func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	raw := stalling(t, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi")
	silent := stalling(t, "")
	o := connect(t, Config{URL: raw.URL()})
	s := connect(t, Config{URL: silent.URL()})
	a, err := o.Fetch(context.Background(), get("/a"))
	require.NoError(t, err)
	failed := make(chan error, 1)
	go func() {
		_, err := s.Fetch(context.Background(), get("/a"))
		failed <- err
	}()
	for s.InFlight() == 0 {
		<-time.After(time.Millisecond)
	}
	require.NoError(t, s.Close())
	require.ErrorIs(t, <-failed, ErrClosed)
	require.NoError(t, o.Close(), "though nobody has closed the body")
	_, err = io.ReadAll(a.Body)
	require.ErrorIs(t, err, ErrClosed)
	require.NoError(t, a.Body.Close())
	_, err = o.Fetch(context.Background(), get("/a"))
	require.ErrorIs(t, err, ErrClosed)
}
