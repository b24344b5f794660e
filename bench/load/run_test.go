package load

import (
	"context"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/require"
)

func TestClosedLoopCounts(t *testing.T) {
	eachProto(t, func(t *testing.T, proto Proto) {
		var asked atomic.Int64
		cfg := serve(t, proto, func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			if r.URL.Path == "/missing" {
				w.WriteHeader(http.StatusNotFound)
			}
			_, _ = w.Write([]byte("0123456789"))
		})
		cfg.URLs = append(cfg.URLs, cfg.URLs[0][:len(cfg.URLs[0])-1]+"missing")
		cfg.Choice, cfg.Requests, cfg.Connections, cfg.Method = Sequence, 400, 1, "GET"
		res, err := Run(t.Context(), cfg)
		require.NoError(t, err)
		require.EqualValues(t, 400, asked.Load(), "%d answered, %d failed: %v", res.Answered, res.Failed, res.Failures)
		require.EqualValues(t, 400, res.Answered)
		require.EqualValues(t, 400, res.Requests)
		require.EqualValues(t, 400, res.InWindow)
		require.EqualValues(t, 4000, res.Bytes)
		require.EqualValues(t, 400, res.Statuses["200"]+res.Statuses["404"])
		require.Equal(t, res.Statuses["404"], res.Unexpected)
		require.NotZero(t, res.Unexpected)
		require.Zero(t, res.Failed, "%v", res.Failures)
		require.Nil(t, res.SendLag)
		requireHistogram(t, res.Latency, 400)
	})
}

func TestOpenLoopCounts(t *testing.T) {
	eachProto(t, func(t *testing.T, proto Proto) {
		var asked atomic.Int64
		cfg := serve(t, proto, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
		cfg.Rate, cfg.Warmup, cfg.Duration = 500, 100*time.Millisecond, 300*time.Millisecond
		res, err := Run(t.Context(), cfg)
		require.NoError(t, err)
		require.EqualValues(t, 200, asked.Load(), "50 to warm up, 150 measured")
		require.EqualValues(t, 150, res.Answered)
		require.Equal(t, "open", res.Mode)
		requireHistogram(t, res.Latency, 150)
		requireHistogram(t, *res.SendLag, 150)
	})
}

func requireHistogram(t *testing.T, l Latency, n int64) {
	t.Helper()
	require.EqualValues(t, n, l.Count)
	h, err := hdrhistogram.Decode([]byte(l.Histogram))
	require.NoError(t, err)
	require.EqualValues(t, n, h.TotalCount())
	require.InDelta(t, float64(h.Max())/1e3, l.MaxUS, 1e-6)
	require.LessOrEqual(t, l.P50US, l.P90US)
	require.LessOrEqual(t, l.P999US, l.MaxUS)
	require.EqualValues(t, 100, l.Percentiles[len(l.Percentiles)-1].Percent)
}

// stall returns a handler that answers at once but for one time of 200 ms in
// which it answers nobody.
func stall() http.HandlerFunc {
	var mu sync.RWMutex
	var n atomic.Int64
	return func(http.ResponseWriter, *http.Request) {
		if n.Add(1) == 50 {
			mu.Lock()
			defer mu.Unlock()
			timer := time.NewTimer(200 * time.Millisecond)
			<-timer.C
			return
		}
		mu.RLock()
		defer mu.RUnlock()
	}
}

// A stall of 200 ms is met by every arrival that is due within it: the open
// loop must show them all, though only one request was under way at that time.
func TestStallShowsInOpenLoop(t *testing.T) {
	cfg := serve(t, H1, stall())
	cfg.Rate, cfg.Duration, cfg.Connections = 500, 600*time.Millisecond, 1
	res, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	require.EqualValues(t, 300, res.Answered)
	require.Greater(t, res.Latency.MaxUS, 150e3)
	require.Greater(t, res.Latency.P90US, 50e3, "a tenth of 300 arrivals is far less than the 100 that met the stall")
	require.Greater(t, res.SendLag.P90US, 50e3)
}

func TestStallHidesInClosedLoop(t *testing.T) {
	cfg := serve(t, H1, stall())
	cfg.Requests, cfg.Connections = 300, 1
	res, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	require.Greater(t, res.Latency.MaxUS, 150e3)
	require.Less(t, res.Latency.P90US, 50e3, "if this fails, the test above proves nothing")
}

// What is never answered and what is never sent is counted, with its wait.
func TestSilentServer(t *testing.T) {
	eachProto(t, func(t *testing.T, proto Proto) {
		release := make(chan struct{})
		defer close(release)
		cfg := serve(t, proto, func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		})
		cfg.Rate, cfg.Duration, cfg.Connections, cfg.Streams, cfg.Timeout = 100, 200*time.Millisecond, 1, 1, time.Second
		began := time.Now()
		res, err := Run(t.Context(), cfg)
		require.NoError(t, err)
		require.Less(t, time.Since(began), 30*time.Second)
		require.EqualValues(t, 20, res.Requests)
		require.EqualValues(t, 20, res.Failed)
		require.EqualValues(t, 20, res.Latency.Count)
		require.Greater(t, res.Latency.P50US, 100e3)
		require.Equal(t, "timeout", res.Failures[0].Failure)
		require.Equal(t, "unsent", res.Failures[1].Failure)
		require.InDelta(t, 1, res.ErrorRate(), 0)
	})
}

func TestInterrupted(t *testing.T) {
	eachProto(t, func(t *testing.T, proto Proto) {
		for _, rate := range []float64{0, 200} {
			ctx, cancel := context.WithCancel(t.Context())
			var asked atomic.Int64
			cfg := serve(t, proto, func(http.ResponseWriter, *http.Request) {
				if asked.Add(1) == 20 {
					cancel()
				}
			})
			cfg.Rate, cfg.Duration, cfg.Connections, cfg.Streams = rate, time.Hour, 1, 1
			res, err := Run(ctx, cfg)
			require.NoError(t, err)
			require.True(t, res.Interrupted)
			require.GreaterOrEqual(t, res.Answered, int64(19))
			for _, f := range res.Failures { // on a busy machine some were due before the end, and not sent
				require.Equal(t, "unsent", f.Failure, "what was cut off by the user is no failure")
				require.Positive(t, rate)
			}
		}
	})
}

func TestProgress(t *testing.T) {
	cfg := serve(t, H1, func(http.ResponseWriter, *http.Request) {})
	var seen []Snapshot
	cfg.Duration, cfg.Warmup, cfg.ProgressEvery = time.Second, time.Second, 50*time.Millisecond
	cfg.Progress = func(s Snapshot) { seen = append(seen, s) }
	res, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	require.NotEmpty(t, seen)
	last := seen[len(seen)-1]
	require.True(t, seen[0].Warmup)
	require.True(t, slices.ContainsFunc(seen, func(s Snapshot) bool { return s.Rate > 0 }), "%v", seen) // in none, perhaps, of the last 50 ms
	require.LessOrEqual(t, last.Requests, res.Requests)
	require.Contains(t, last.String(), "errors 0")
}

func TestProcessorTime(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("processor time of other processes is read from /proc, which only Linux has")
	}
	cfg := serve(t, H1, func(http.ResponseWriter, *http.Request) {})
	cfg.Requests, cfg.PIDs = 5000, []int{os.Getpid()}
	res, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	require.Len(t, res.CPU, 1)
	require.Empty(t, res.CPU[0].Error)
	require.Positive(t, res.CPU[0].UserUS+res.CPU[0].SystemUS)
	per, err := res.CPUPerRequest()
	require.NoError(t, err)
	require.InDelta(t, res.CPU[0].PerRequestUS, micros(per), 0.01)
}

func TestUnreachable(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := ln.Addr().String()
	require.NoError(t, ln.Close())
	for _, cfg := range []Config{
		{URLs: []string{"http://" + addr}},
		{URLs: []string{"https://" + addr}, Proto: H2},
		{URLs: []string{"https://" + addr}, Proto: H3, Timeout: 200 * time.Millisecond},
	} {
		_, err := Run(t.Context(), cfg)
		require.ErrorIs(t, err, ErrUnreachable)
		_, err = Fetch(t.Context(), cfg)
		require.ErrorIs(t, err, ErrUnreachable)
	}
}

func TestLoopbackOnly(t *testing.T) {
	for _, url := range []string{"http://192.0.2.1/", "http://[2001:db8::1]:8080/", "http://0.0.0.0:1/"} {
		_, err := Run(t.Context(), Config{URLs: []string{url}})
		var field *FieldError
		require.ErrorAs(t, err, &field)
		require.Contains(t, field.Reason, "--allow-remote")
	}
}

// A server that goes away in the middle: refused connections are counted, and
// do not count as quick answers.
func TestServerGoesAway(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() {
		conn, err := ln.Accept()
		_ = ln.Close()
		if err == nil {
			_ = conn.Close()
		}
	}()
	cfg := Config{URLs: []string{"http://" + ln.Addr().String()}, Connections: 1, Duration: 200 * time.Millisecond}
	res, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	require.Zero(t, res.Answered)
	require.Zero(t, res.Latency.Count)
	require.Positive(t, res.Failed)
	require.LessOrEqual(t, res.Failed, int64(25), "a closed port must not make the loop spin")
}
