package behaviour

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// vitals is what a node holds.
type vitals struct {
	Goroutines, Files int
	Heap, RSS         int64 // Heap: what is alive, after a collection
	// Runtime is what Go's runtime has from the system and has not given back: the heap with its
	// room, stacks and what manages them, but not what a race detector keeps beside them.
	Runtime int64
}

func (v vitals) String() string {
	const mib = 1 << 20
	return fmt.Sprintf("%d goroutines, %d files, heap %.1f MiB, runtime %.1f MiB, RSS %.1f MiB", v.Goroutines, v.Files, float64(v.Heap)/mib, float64(v.Runtime)/mib, float64(v.RSS)/mib)
}

// gauge reads what the node's metrics say, without a collection.
func (a *Admin) gauge(t *testing.T) (v vitals, err error) {
	r, err := a.Try(t.Context(), "GET", "/metrics", "")
	if err != nil {
		return v, err
	}
	for line := range strings.Lines(string(r.Body)) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, _ := strconv.ParseFloat(text, 64) // of the lines that are read, all have a number
		switch name {
		case "go_goroutines":
			v.Goroutines = int(n)
		case "process_open_fds":
			v.Files = int(n)
		case "go_memstats_heap_alloc_bytes":
			v.Heap = int64(n)
		case "go_memstats_sys_bytes":
			v.Runtime += int64(n)
		case "go_memstats_heap_released_bytes":
			v.Runtime -= int64(n)
		case "process_resident_memory_bytes":
			v.RSS = int64(n)
		}
	}
	if v.Goroutines == 0 {
		return v, fmt.Errorf("GET /metrics: %d without go_goroutines", r.Status)
	}
	return v, nil
}

// vitals reads them after the node has collected twice: what a pool holds goes with
// the second.
func (a *Admin) vitals(t *testing.T) vitals {
	t.Helper()
	for range 2 {
		require.Equal(t, http.StatusOK, a.Do(t, "GET", "/debug/pprof/heap?gc=1", "").Status)
	}
	v, err := a.gauge(t)
	require.NoError(t, err)
	return v
}

// settled are the vitals of nodes that nobody asks anything: the least within some
// seconds, as what they do by themselves comes and goes.
func settled(t *testing.T, admins ...*Admin) []vitals {
	t.Helper()
	least := make([]vitals, len(admins))
	for round := range 5 {
		for i, a := range admins {
			v := a.vitals(t)
			if round > 0 {
				v = vitals{min(least[i].Goroutines, v.Goroutines), min(least[i].Files, v.Files), min(least[i].Heap, v.Heap), v.RSS, v.Runtime}
			}
			least[i] = v
		}
		pause(t.Context(), 400*time.Millisecond)
	}
	return least
}

// What a node may hold more of after a load than before it. A leak of one thing for a
// thousand requests is beyond it within minutes.
const (
	moreGoroutines = 40
	moreFiles      = 16
	moreHeap       = 24 << 20
)

// restored waits until a node holds what it held before, but for that.
func (before vitals) restored(t *testing.T, a *Admin, node string) vitals {
	t.Helper()
	var now vitals
	// What the last connections leave is held until their idle time is over.
	for deadline := time.Now().Add(3 * time.Minute); ; {
		now = a.vitals(t)
		good := now.Goroutines <= before.Goroutines+moreGoroutines && now.Files <= before.Files+moreFiles && now.Heap <= before.Heap+moreHeap
		if good {
			return now
		}
		if time.Now().After(deadline) {
			stacks := a.Do(t, "GET", "/debug/pprof/goroutine?debug=1", "").Body
			t.Errorf("%s holds %v, and held %v before:\n%s", node, now, before, stacks[:min(len(stacks), 20_000)])
			return now
		}
		pause(t.Context(), time.Second)
	}
}
