package behaviour

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// pouring is an origin that sends the first half of its content at once, and the
// second, or the end of the connection, when it is told.
type pouring struct {
	known bool
	fate  chan bool // for each answer whether it becomes whole
	asked atomic.Int64
}

const half = "0123456789"

func (p *pouring) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.asked.Add(1)
	w.Header().Set("Cache-Control", "max-age=600")
	if p.known {
		w.Header().Set("Content-Length", strconv.Itoa(2*len(half)))
	}
	_, _ = io.WriteString(w, half) // the node may have gone, here and below
	_ = http.NewResponseController(w).Flush()
	select {
	case whole := <-p.fate:
		if !whole {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, half)
	case <-r.Context().Done():
	}
}

// half reads the beginning of an answer, whose rest it returns.
func (r *Readers) half(t *testing.T, proto Proto, path string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(t.Context(), "GET", r.Base(proto)+path, nil)
	if err != nil {
		return nil, err
	}
	req.Host = "app.example"
	res, err := r.clients[proto].Do(req)
	if err != nil {
		return nil, err
	}
	got := make([]byte, len(half))
	if _, err := io.ReadFull(res.Body, got); err != nil || string(got) != half {
		return nil, fmt.Errorf("%q, %w", got, err)
	}
	return res.Body, nil
}

// TestContentIsShownWhileItComes: on all nodes and protocols readers have the
// beginning while the origin, asked once for each region, still holds the end back;
// where it breaks off no answer looks whole and nothing is stored.
func TestContentIsShownWhileItComes(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{true, false} {
		t.Run(fmt.Sprintf("length known %v", known), func(t *testing.T) {
			origin := &pouring{known: known, fate: make(chan bool, 1000)}
			server := httptest.NewServer(origin)
			t.Cleanup(server.Close)
			demo := edged.Demo(t, "--origin", server.URL)
			allReady(t, demo)
			const regions = 3
			for _, whole := range []bool{true, false} {
				origin.asked.Store(0)
				path := fmt.Sprintf("/whole-%v", whole)
				var readers []*Readers
				type result struct {
					body io.ReadCloser
					err  error
				}
				begun := make(chan result)
				for _, n := range demo.Nodes {
					r := n.Readers(t)
					readers = append(readers, r)
					for _, p := range Protos() {
						go func() {
							body, err := r.half(t, p, path)
							begun <- result{body, err}
						}()
					}
				}
				bodies := make([]io.ReadCloser, 0, 3*len(readers))
				for range 3 * len(readers) {
					got := Receive(t, "the beginning", begun)
					require.NoError(t, got.err)
					bodies = append(bodies, got.body)
				}
				require.EqualValues(t, regions, origin.asked.Load())
				for range regions {
					origin.fate <- whole
				}
				for _, body := range bodies {
					rest, err := io.ReadAll(body)
					_ = body.Close() // it was read to its end
					if whole {
						require.NoError(t, err)
						require.Equal(t, half, string(rest))
					} else {
						require.Error(t, err)
					}
				}
				if !whole {
					for range 1000 - len(origin.fate) { // whoever asks again is answered
						origin.fate <- true
					}
				}
				for _, r := range readers {
					got := r.Get(t, H1, path, "Host", "app.example")
					require.Equal(t, half+half, string(got.Body))
					if whole {
						require.True(t, got.Hit())
					}
				}
			}
		})
	}
}
