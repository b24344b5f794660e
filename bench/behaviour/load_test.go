package behaviour

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/docsorigin"
)

// waiting is how many requests wait for fills on all nodes together.
func waiting(t *testing.T, admins []*Admin) (sum float64) {
	for _, a := range admins {
		sum += a.Metric(t, "letteredge_fill_waiters")
	}
	return sum
}

// TestThousandReadersOneFetchPerRegion: 1,000 readers of a cold key on six nodes
// make one request to the origin for each region, also where it is slower than a
// node is patient with another.
func TestThousandReadersOneFetchPerRegion(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	demo := edged.Demo(t, "--origin", docs.URL)
	allReady(t, demo)
	admins := demo.admins(t)
	readers := make([]*Readers, 0, 2*len(demo.Nodes))
	for range 2 {
		for _, n := range demo.Nodes {
			readers = append(readers, n.Readers(t))
		}
	}
	const requests, regions = 1000, 3
	hold := docs.Holds.Hold(trial)
	answers := make(chan *Reply, requests)
	for i := range requests {
		readers[i%len(readers)].later(t, answers, Protos()[i/len(readers)%3], trial)
	}
	for range regions {
		Receive(t, "a fill of each region", hold.Held)
	}
	// Beside the readers each region's other node waits at the owner; one request
	// leads on each node.
	Until(t, "all others to wait", func() bool {
		return waiting(t, admins) == float64(requests+regions-len(demo.Nodes))
	})
	slow := time.NewTimer(3 * time.Second / 2) // for longer than a node would wait for a dead owner
	defer slow.Stop()
	<-slow.C
	docs.Holds.Let(trial)
	hold.Release()
	for range requests {
		require.Equal(t, 200, Receive(t, "an answer", answers).Status)
	}
	require.EqualValues(t, regions, docs.Fetches(trial))
}

// busy is an origin that counts what it is asked for, and how much at one time.
type busy struct {
	mu   sync.Mutex
	by   map[string]int
	now  int
	most int
}

func (b *busy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	b.by[r.URL.Path]++
	b.now++
	b.most = max(b.most, b.now)
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.now--
	}()
	timer := time.NewTimer(5 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
	w.Header().Set("Cache-Control", "max-age=600")
	fmt.Fprint(w, "content of ", r.URL.Path)
}

// counts takes what has been counted since the last time.
func (b *busy) counts() (by map[string]int, most int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	by, most = b.by, b.most
	b.by, b.most = map[string]int{}, 0
	return by, most
}

// TestPurgesDoNotMultiplyLoad: after a cold start, and after each purge of all, an
// origin is asked for each key once by each region, however many nodes and readers
// want it at the same time.
func TestPurgesDoNotMultiplyLoad(t *testing.T) {
	t.Parallel()
	origin := &busy{by: map[string]int{}}
	server := httptest.NewServer(origin)
	t.Cleanup(server.Close)
	demo := edged.Demo(t, "--origin", server.URL)
	allReady(t, demo)
	admin := demo.Nodes[0].Administer(t)
	var readers []*Readers
	for _, n := range demo.Nodes {
		readers = append(readers, n.Readers(t))
	}
	const keys, regions = 40, 3
	for round := range 4 {
		origin.counts()
		var all sync.WaitGroup
		for i := range 4 * len(readers) { // four on each node, each wants all keys
			all.Go(func() {
				for key := range keys {
					path := fmt.Sprint("/", (key+i*7)%keys)
					got := readers[i%len(readers)].try(t, Protos()[(i+key)%3], path, "Host", "app.example")
					if got == nil || string(got.Body) != "content of "+path {
						t.Errorf("%s: %v", path, got)
					}
				}
			})
		}
		all.Wait()
		by, _ := origin.counts()
		for key := range keys {
			n := by[fmt.Sprint("/", key)]
			require.LessOrEqual(t, n, regions, "round %d, key %d", round, key)
			require.Positive(t, n)
		}
		admin.Purge(t, `{"all":true}`, Hard)
	}
}

// TestFillsHaveACap: however many cold keys are asked for at one time, the origin
// sees no more at one time than fills.max, and all are answered.
func TestFillsHaveACap(t *testing.T) {
	t.Parallel()
	origin := &busy{by: map[string]int{}}
	server := httptest.NewServer(origin)
	t.Cleanup(server.Close)
	n := edged.Configured(t, server.URL, "fills: {max: 4}\nroutes: [{name: all, origin: origin}]\n")
	r := n.Readers(t)
	const keys = 200
	answers := make(chan *Reply, 2*keys)
	for i := range 2 * keys {
		r.later(t, answers, Protos()[i%3], fmt.Sprint("/", i%keys))
	}
	for range 2 * keys {
		require.Equal(t, 200, Receive(t, "an answer", answers).Status)
	}
	by, most := origin.counts()
	require.Len(t, by, keys)
	require.LessOrEqual(t, most, 4)
}
