package behaviour

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/load"
)

// mortal is an origin on one address that can be killed and started again, and
// counts what it is asked for by the second.
type mortal struct {
	t       *testing.T
	addr    string
	content http.Handler // what it answers; nil for its own
	server  *http.Server
	ended   chan struct{}

	mu     sync.Mutex
	counts map[int64]int // by second
}

func (m *mortal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	m.counts[time.Now().Unix()]++
	m.mu.Unlock()
	if m.content != nil {
		m.content.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Cache-Control", "max-age=5, stale-if-error=600")
	fmt.Fprint(w, "content of ", r.URL.Path)
}

func (m *mortal) start() {
	m.t.Helper()
	ln, err := net.Listen("tcp", m.addr)
	require.NoError(m.t, err)
	m.addr = ln.Addr().String()
	m.server, m.ended = &http.Server{Handler: m}, make(chan struct{})
	go func() {
		defer close(m.ended)
		_ = m.server.Serve(ln) // it ends with kill
	}()
}

// kill ends the origin with all of its connections, whatever is under way on them.
func (m *mortal) kill() {
	_ = m.server.Close() // what it was doing is lost, as it would be
	<-m.ended
}

// seconds are the counts of whole seconds between two times.
func (m *mortal) seconds(from, to time.Time) []int {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []int
	for s := from.Unix() + 1; s < to.Unix(); s++ {
		all = append(all, m.counts[s])
	}
	return all
}

// TestDeadOriginUnderLoad: while an origin is dead no reader of what is cached, and
// may be shown though the origin fails, gets an error; and when it is back it is
// asked for no more in any second than twice what it was before.
//
// LETTEREDGE_OUTAGE says how long it is dead; from 10 s on the load is 5,000
// requests a second, and the origin's load is checked too: shorter ones say nothing
// of rates.
func TestDeadOriginUnderLoad(t *testing.T) {
	outage, before, rate, keys := 2*time.Second, 2*time.Second, 500.0, 100
	if text := os.Getenv("LETTEREDGE_OUTAGE"); text != "" {
		var err error
		outage, err = time.ParseDuration(text)
		require.NoError(t, err)
	}
	measured := outage >= 10*time.Second
	after := before
	if measured {
		before, after, rate, keys = 20*time.Second, 45*time.Second, 5000, 2000
	}
	origin := &mortal{t: t, addr: "127.0.0.1:0", counts: map[int64]int{}}
	origin.start()
	defer func() { origin.kill() }()
	n := edged.Configured(t, "", fmt.Sprintf(`
origins: [{name: origin, url: "http://%s"}]
routes: [{name: all, origin: origin}]
`, origin.addr))
	urls := make([]string, keys)
	warm := n.Readers(t)
	for i := range urls {
		path := fmt.Sprint("/", i)
		urls[i] = n.HTTP + path
		require.Equal(t, 200, warm.Get(t, H1, path).Status)
	}

	type outcome struct {
		*load.Result
		err error
	}
	done := make(chan outcome, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		r, err := load.Run(ctx, load.Config{
			URLs: urls, Proto: load.H1, Rate: rate, Spacing: load.Poisson, Connections: 256, Warmup: time.Second, Timeout: 20 * time.Second,
			Duration: before + outage + after, Expect: load.Statuses{{From: 200, To: 200}}, PIDs: []int{n.PID},
		})
		done <- outcome{r, err}
	}()
	began := time.Now()
	pause := func(d time.Duration) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		<-timer.C
	}
	pause(time.Second + before)
	died := time.Now()
	origin.kill()
	pause(outage)
	origin.start()
	back := time.Now()
	var got outcome
	select {
	case got = <-done:
	case <-time.After(after + time.Minute):
		require.Fail(t, "the load does not end")
	}
	require.NoError(t, got.err)
	require.Zero(t, got.Errors(), "%v %v", got.Statuses, got.Failures)
	require.Greater(t, got.Requests, int64(rate*(before+outage).Seconds()/2))

	steady, recovery := origin.seconds(began.Add(time.Second), died), origin.seconds(back.Add(-time.Second), back.Add(after))
	require.NotZero(t, slices.Max(recovery), "it is used again")
	if !measured {
		return
	}
	sum := 0
	for _, c := range steady {
		sum += c
	}
	mean, most := float64(sum)/float64(len(steady)), slices.Max(recovery)
	t.Logf("dead for %v at %v/s, %d keys: %d requests, %d errors; p99 %v µs, p99.9 %v µs; origin before %.0f/s (most %d), after at most %d/s = %.2f x; %v",
		outage, rate, keys, got.Requests, got.Errors(), got.Latency.P99US, got.Latency.P999US, mean, slices.Max(steady), most, float64(most)/mean, recovery)
	require.LessOrEqual(t, float64(most), 2*mean)
}
