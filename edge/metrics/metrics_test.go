package metrics

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/quota"
)

func TestOutcomes(t *testing.T) {
	art := &edge.Artifact{}
	for want, r := range map[Outcome]edge.Reply{
		Hit:       {Status: 200, Art: art, Cache: edge.CacheStatus{Hit: true, TTL: 5}},
		Stale:     {Status: 200, Art: art, Cache: edge.CacheStatus{Hit: true, TTL: -5}},
		Miss:      {Status: 200, Art: art, Cache: edge.CacheStatus{Fwd: edge.FwdURIMiss}},
		Collapsed: {Status: 200, Art: art, Cache: edge.CacheStatus{Fwd: edge.FwdURIMiss, Collapsed: true}},
		Passed:    {Status: 404, Stream: io.NopCloser(strings.NewReader("")), Passed: []edge.Field{}},
		Limited:   {Status: 429},
		Refused:   {Status: 400},
		Failed:    {Status: 502},
	} {
		require.Equal(t, want, outcomeOf(&r), want.String())
	}
}

func TestScrape(t *testing.T) {
	requests := NewRequests()
	x := &edge.Exchange{}
	x.Req.Proto = edge.H3
	x.Rep = edge.Reply{Status: 200, Art: &edge.Artifact{}, Body: make([]byte, 100), Degraded: "stale", Cache: edge.CacheStatus{Hit: true, TTL: -1}}
	requests.Done(x)
	requests.Filled("artifacts", 200, 3*time.Millisecond)
	requests.Filled("artifacts", 0, time.Second)
	gate := quota.NewGate(time.Now)
	_, err := gate.Set(quota.Quota{Segment: "b2b", RPS: 1})
	require.NoError(t, err)
	gate.Take("b2b", 1)
	src := sources(t)
	src.Requests, src.Gate = requests, gate
	h := Handler(src, slog.New(slog.DiscardHandler))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, 200, w.Code)
	for _, line := range []string{
		`letteredge_requests_total{node="tokyo-1",outcome="stale",proto="h3",region="tokyo"} 1`,
		`letteredge_response_body_bytes_total{node="tokyo-1",proto="h3",region="tokyo"} 100`,
		`letteredge_degraded_total{node="tokyo-1",region="tokyo"} 1`,
		`letteredge_fill_duration_seconds_count{node="tokyo-1",region="tokyo",route="artifacts"} 2`,
		`letteredge_fill_failures_total{node="tokyo-1",region="tokyo",route="artifacts"} 1`,
		`letteredge_quota_requests_total{decision="refused",node="tokyo-1",region="tokyo",segment="b2b"} 1`,
		`letteredge_cache_entries{node="tokyo-1",region="tokyo"} 7`,
		`letteredge_origin_server_up{node="tokyo-1",origin="docs",region="tokyo",server="a:80"} 0`,
		`letteredge_origin_requests_total{node="tokyo-1",origin="docs",region="tokyo",server="a:80"} 9`,
		`letteredge_origin_failures_total{node="tokyo-1",origin="docs",region="tokyo",server="a:80"} 5`,
		`letteredge_origin_retries_total{node="tokyo-1",origin="docs",region="tokyo"} 2`,
		`letteredge_fill_waiters{node="tokyo-1",region="tokyo"} 3`,
		`letteredge_connections{node="tokyo-1",region="tokyo",transport="quic"} 5`,
		`letteredge_connections_refused_total{limit="connections_per_ip",node="tokyo-1",region="tokyo",transport="tcp"} 16`,
		`letteredge_origin_in_flight{node="tokyo-1",origin="docs",region="tokyo"} 6`,
		`letteredge_summary_rebuilds_total{node="tokyo-1",region="tokyo",result="failed"} 9`,
		`go_goroutines`,
	} {
		require.Contains(t, w.Body.String(), line)
	}
}

func TestDoneAllocatesNothing(t *testing.T) {
	requests := NewRequests()
	x := &edge.Exchange{}
	x.Rep = edge.Reply{Status: 200, Art: &edge.Artifact{}, Cache: edge.CacheStatus{Hit: true}}
	require.Zero(t, testing.AllocsPerRun(1000, func() { requests.Done(x) }))
}
