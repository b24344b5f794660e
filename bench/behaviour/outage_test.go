package behaviour

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// flaky is one server of an origin, which can be told to fail.
type flaky struct {
	*httptest.Server
	dead  atomic.Bool
	asked atomic.Int64
}

func newFlaky(t *testing.T) *flaky {
	f := &flaky{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.asked.Add(1)
		if f.dead.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Cache-Control", "max-age=0, stale-if-error=600")
		fmt.Fprint(w, "content of ", r.URL.Path)
	}))
	t.Cleanup(f.Close)
	return f
}

// TestOutage: where one of two servers fails, no reader notices; where both do,
// all that is cached goes on being served, and they are asked for no more than
// probes; once they are back they are used again, and nobody gets an error for what was
// purged meanwhile.
func TestOutage(t *testing.T) {
	t.Parallel()
	const keys = 50
	one, two := newFlaky(t), newFlaky(t)
	n := edged.Configured(t, "", fmt.Sprintf(`
origins:
  - name: origin
    servers: [{url: %q, weight: 0.5}, {url: %q, weight: 0.5}]
    breaker: {failures: 3, pause: 1s, max_pause: 1s}
    retries: 1
routes: [{name: all, origin: origin}]
`, one.URL, two.URL))
	r, admin := n.Readers(t), n.Administer(t)
	readAll := func() {
		for key := range keys {
			path := fmt.Sprint("/", key)
			got := r.Get(t, Protos()[key%3], path, "Host", "app.example")
			require.Equal(t, 200, got.Status, "%s: %s", path, got.Body)
			require.Equal(t, "content of "+path, string(got.Body))
		}
	}
	readAll()
	require.EqualValues(t, keys, one.asked.Load()+two.asked.Load())
	require.InDelta(t, keys/2, one.asked.Load(), 1)

	one.dead.Store(true)
	readAll()
	require.EqualValues(t, 1, admin.Metric(t, "letteredge_origin_server_up"), "one of two is up")
	require.EqualValues(t, 3, admin.Metric(t, "letteredge_origin_retries_total"))

	two.dead.Store(true)
	readAll()
	require.Zero(t, admin.Metric(t, "letteredge_origin_server_up"))
	began, before, probes := time.Now(), one.asked.Load()+two.asked.Load(), int64(0)
	Until(t, "three probes", func() bool {
		readAll()
		probes = one.asked.Load() + two.asked.Load() - before
		return probes >= 3
	})
	// However slow this machine is: one a second for each server, and the first.
	require.LessOrEqual(t, probes, 2*int64(time.Since(began)/time.Second+1), "a dead origin is asked for probes only")

	one.dead.Store(false)
	two.dead.Store(false)
	Until(t, "both to be back", func() bool {
		readAll()
		return admin.Metric(t, "letteredge_origin_server_up") == 2
	})

	// They are spared still. What nobody has any more waits for its turn.
	admin.Purge(t, `{"all":true}`, Hard)
	var all sync.WaitGroup
	got, errs := make([]*Reply, keys), make([]error, keys)
	for key := range keys {
		all.Go(func() {
			got[key], errs[key] = r.Do(t.Context(), Protos()[key%3], Ask{Target: fmt.Sprint("/", key), Fields: []string{"Host", "app.example"}})
		})
	}
	all.Wait()
	for key, err := range errs {
		require.NoError(t, err)
		require.Equal(t, 200, got[key].Status, "/%d: %s", key, got[key])
	}
}
