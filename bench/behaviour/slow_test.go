package behaviour

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// film is an origin of content that a node is too small to store, of a length that
// it does not tell. Of a whole answer it sends the beginning, and the rest when it is told.
type film struct {
	content []byte
	goOn    chan struct{}
	parts   chan string // the If-Range of requests for parts
	asked   atomic.Int64
}

func (f *film) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.asked.Add(1)
	w.Header().Set("Cache-Control", "max-age=600")
	w.Header().Set("Content-Type", "video/mp4")
	w.Header().Set("Etag", `"film"`)
	if r.Header.Get("Range") != "" {
		f.parts <- r.Header.Get("If-Range")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.content))
		return
	}
	_, _ = w.Write(f.content[:len(half)]) // the node may have gone, here and below
	_ = http.NewResponseController(w).Flush()
	select {
	case <-f.goOn:
		_, _ = w.Write(f.content[len(half):])
	case <-r.Context().Done():
	}
}

// TestSlowReaderOfALargeBody: a reader that pauses does not hold up one that shares
// the fetch of a large body with it, and gets all of it when it reads on.
func TestSlowReaderOfALargeBody(t *testing.T) {
	t.Parallel()
	content := append([]byte(half), bytes.Repeat([]byte("The letters of an alphabet. "), 1<<20)...)
	for _, p := range Protos() {
		t.Run(string(p), func(t *testing.T) {
			origin := &film{content: content, goOn: make(chan struct{}, 2), parts: make(chan string, 10)}
			server := httptest.NewServer(origin)
			t.Cleanup(server.Close)
			n := edged.Configured(t, server.URL, "cache: {max_object_bytes: 1MiB}\nroutes: [{name: all, path: /*, origin: origin}]\n")
			admin := n.Administer(t)
			slow, err := n.Readers(t).half(t, p, "/film")
			require.NoError(t, err)
			fast, err := n.Readers(t).half(t, p, "/film")
			require.NoError(t, err)
			require.EqualValues(t, 1, origin.asked.Load())
			origin.goOn <- struct{}{}
			begin := time.Now()
			for i, body := range []io.ReadCloser{fast, slow} {
				got, err := io.ReadAll(body)
				_ = body.Close() // it was read to its end
				require.NoError(t, err)
				require.True(t, bytes.Equal(content[len(half):], got), "%d bytes", len(got))
				if i == 0 {
					t.Logf("%s: the fast reader had %d bytes after %d ms", p, len(got), time.Since(begin).Milliseconds())
				}
			}
			require.Equal(t, `"film"`, Receive(t, "the request for the rest", origin.parts))
			require.EqualValues(t, 2, origin.asked.Load())
			require.EqualValues(t, 1, admin.Metric(t, "letteredge_readers_apart_total"))
			Until(t, "the memory of it to be given back", func() bool { return admin.Metric(t, "letteredge_fill_memory_bytes") == 0 })
		})
	}
}

// tired is an origin that fails, and says when to come back.
type tired struct {
	fails chan struct{}
	asked atomic.Int64
}

func (o *tired) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.asked.Add(1)
	select {
	case <-o.fails:
	case <-r.Context().Done():
	}
	w.Header().Set("Retry-After", "7")
	w.WriteHeader(http.StatusServiceUnavailable)
	fmt.Fprint(w, "for the one who asked")
}

// TestErrorOfAnotherReadersFetch: of those who wait for one fetch that the origin
// answers with an error all are told that, and when to come back.
func TestErrorOfAnotherReadersFetch(t *testing.T) {
	t.Parallel()
	origin := &tired{fails: make(chan struct{})}
	server := httptest.NewServer(origin)
	t.Cleanup(server.Close)
	n := edged.Node(t, server.URL)
	r, admin := n.Readers(t), n.Administer(t)
	const readers, path = 30, "/account"
	answers := make(chan *Reply, readers)
	for i := range readers {
		r.later(t, answers, Protos()[i%3], path, "Host", "app.example")
	}
	Until(t, "all others to wait for it", func() bool { return admin.Metric(t, "letteredge_fill_waiters") == readers-1 })
	close(origin.fails)
	own := 0
	for range readers {
		got := Receive(t, "an answer", answers)
		require.Equal(t, http.StatusServiceUnavailable, got.Status)
		require.Equal(t, "7", got.Header.Get("Retry-After"))
		if string(got.Body) == "for the one who asked" {
			own++
		}
	}
	require.Equal(t, 1, own)
	require.EqualValues(t, 1, origin.asked.Load())
}
