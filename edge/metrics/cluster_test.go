package metrics

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/cache"
	"github.com/letteros/letteredge/edge/edgetest"
	"github.com/letteros/letteredge/edge/peer"
	"github.com/letteros/letteredge/gossip/control"
	"github.com/letteros/letteredge/gossip/spread"
	"github.com/letteros/letteredge/invalidation/driver"
	"github.com/letteros/letteredge/invalidation/rollout"
	"github.com/letteros/letteredge/quota"
)

// numbered sets every count in v, a pointer to a struct, to a number of its own.
func numbered(v any, from uint64) {
	s := reflect.ValueOf(v).Elem()
	for i := range s.NumField() {
		if f := s.Field(i); f.Kind() == reflect.Uint64 {
			f.SetUint(from + uint64(i))
		}
	}
}

// sources are those of a voter in which every figure is another.
func sources(t *testing.T) Sources {
	var g spread.Stats
	numbered(&g, 1000)
	d := driver.Stats{Failed: 1101, Retried: 1102, Transitions: map[rollout.State]uint64{rollout.Done: 1103, rollout.Halted: 1104}}
	u := []*peer.Upstream{{}, {}}
	for i, p := range u {
		n := uint64(600 + i*100)
		p.Stats.Own.Add(n + 1)
		p.Stats.Answered.Add(n + 2)
		p.Stats.Behind.Add(n + 3)
		p.Stats.Refused.Add(n + 4)
		p.Stats.PassedBy.Add(n + 5)
	}
	e := peer.NewElsewhere()
	e.Stats.Found.Add(1401)
	e.Stats.Missed.Add(1402)
	e.Stats.Skipped.Add(1403)
	receipts := NewReceipts()
	receipts.Came(3 * time.Millisecond)
	receipts.Came(time.Minute)
	return Sources{
		Node: "tokyo-1", Region: "tokyo", Requests: NewRequests(), Gate: quota.NewGate(time.Now),
		Cache:   func() cache.Stats { return cache.Stats{Entries: 7, Bytes: 900} },
		Waiting: func() int { return 3 }, Fills: func() edge.FillFigures { return edge.FillFigures{UnderWay: 2, Bytes: 77, Denied: 1, Apart: 78} }, Connections: func() (int, int) { return 4, 5 },
		Refused: func() []RefusedConnections { return []RefusedConnections{{"tcp", "connections_per_ip", 16}} },
		Codings: func() []edge.CodingFigures {
			return []edge.CodingFigures{{Coding: "br", Made: 11, Useless: 12, NoPlace: 13, From: 14, To: 15}}
		},
		OriginServers: func() []OriginServer {
			return []OriginServer{{Origin: "docs", Server: "a:80", Paused: true, Requests: 9, Failures: 5}}
		},
		OriginPanic:    func() map[string]bool { return map[string]bool{"docs": false} },
		OriginRetries:  func() map[string]uint64 { return map[string]uint64{"docs": 2} },
		OriginInFlight: func() map[string]int { return map[string]int{"docs": 6} },
		SweepsDropped:  func() uint64 { return 0 }, Summaries: func() (uint64, uint64) { return 8, 9 },
		State: func() (uint64, uint64) { return 1501, 1502 },
		Cluster: Cluster{
			Nodes: func() []adminapi.Node {
				return []adminapi.Node{{State: adminapi.NodeReady}, {State: adminapi.NodeReady}, {State: adminapi.NodeUnreachable}}
			},
			Standing: func() Standing {
				return Standing{Ready: true, Isolated: true, WatermarkAge: 1500 * time.Millisecond}
			},
			Gossip: func() spread.Stats { return g }, Lost: func() (uint64, uint64) { return 1201, 1202 },
			Refused: func() (uint64, uint64) { return 1211, 1212 },
			Peers:   u, Elsewhere: e, Records: func() uint64 { return 1601 },
			Control: func() control.Stats { return control.Stats{Leads: true, Term: 1701, Last: 1702, Applied: 1703} },
			Driver:  func() driver.Stats { return d },
			Purges:  func() map[string]int { return map[string]int{"pending": 1, "partial": 0, "complete": 1801} }, Receipts: receipts,
			Pins:       func() (int64, int64, uint64) { return 1901, 1902, 1903 },
			Candidates: func() (uint64, uint64) { return 2001, 2002 },
			Quotas:     edgetest.NewControlLog(t, nil, 0).Quotas(t),
		},
	}
}

// scraped is what a scrape says, without the labels that all have.
func scraped(t *testing.T, s Sources) string {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/metrics", nil)
	Handler(s, slog.New(slog.DiscardHandler)).ServeHTTP(w, r)
	require.Equal(t, 200, w.Code, w.Body.String())
	return strings.NewReplacer(`{node="tokyo-1",region="tokyo"}`, "", `node="tokyo-1",`, "", `,node="tokyo-1"`, "", `,region="tokyo"`, "", `region="tokyo",`, "").Replace(w.Body.String())
}

func TestClusterScrape(t *testing.T) {
	lines := strings.Split(scraped(t, sources(t)), "\n")
	for _, line := range []string{
		"letteredge_readers_apart_total 78",
		`letteredge_nodes{state="ready"} 2`, `letteredge_nodes{state="unreachable"} 1`, `letteredge_nodes{state="isolated"} 0`,
		`letteredge_nodes{state="starting"} 0`, `letteredge_nodes{state="left"} 0`,
		`letteredge_ready 1`, `letteredge_isolated 1`, `letteredge_watermark_age_seconds 1.5`,
		`letteredge_gossip_dropped_total{reason="forged"} 1000`, `letteredge_gossip_dropped_total{reason="foreign"} 1001`,
		`letteredge_gossip_dropped_total{reason="replayed"} 1002`, `letteredge_gossip_dropped_total{reason="malformed"} 1003`,
		`letteredge_gossip_dropped_total{reason="unknown"} 1004`, `letteredge_gossip_dropped_total{reason="failed"} 1005`,
		`letteredge_cache_emptied_total 1006`, `letteredge_gossip_purges_total 1007`, `letteredge_gossip_repairs_total 1008`,
		`letteredge_gossip_lost_total{way="stream"} 1201`, `letteredge_gossip_lost_total{way="broadcast"} 1202`,
		`letteredge_peer_handshakes_refused_total{reason="foreign"} 1211`, `letteredge_peer_handshakes_refused_total{reason="forged"} 1212`,
		`letteredge_peer_fills_total{result="own"} 1302`, `letteredge_peer_fills_total{result="answered"} 1304`,
		`letteredge_peer_fills_total{result="behind"} 1306`, `letteredge_peer_fills_total{result="refused"} 1308`,
		`letteredge_peer_fills_total{result="passed_by"} 1310`,
		`letteredge_peer_searches_total{result="found"} 1401`, `letteredge_peer_searches_total{result="missed"} 1402`,
		`letteredge_peer_searches_total{result="skipped"} 1403`,
		`letteredge_state_changes_total 1501`, `letteredge_state_commits_total 1502`, `letteredge_records_index 1601`,
		`letteredge_control_leader 1`, `letteredge_control_term 1701`, `letteredge_control_last_index 1702`, `letteredge_control_applied_index 1703`,
		`letteredge_purges{state="pending"} 1`, `letteredge_purges{state="partial"} 0`, `letteredge_purges{state="complete"} 1801`,
		`letteredge_purge_receipt_seconds_bucket{le="0.002"} 0`, `letteredge_purge_receipt_seconds_bucket{le="0.004"} 1`,
		`letteredge_purge_receipt_seconds_count 2`,
		`letteredge_pins 1901`, `letteredge_pins_bytes 1902`, `letteredge_pins_lost_total 1903`,
		`letteredge_candidate_fills_total{result="done"} 2001`, `letteredge_candidate_fills_total{result="failed"} 2002`,
		`letteredge_rollout_failed_jobs_total 1101`, `letteredge_rollout_retries_total 1102`,
		`letteredge_rollout_transitions_total{state="done"} 1103`, `letteredge_rollout_transitions_total{state="halted"} 1104`,
		`letteredge_quota_sharing 1`,
		`letteredge_codings_total{coding="br",result="made"} 11`, `letteredge_codings_total{coding="br",result="useless"} 12`,
		`letteredge_codings_total{coding="br",result="no_place"} 13`,
		`letteredge_coding_bytes_total{coding="br",side="identity"} 14`, `letteredge_coding_bytes_total{coding="br",side="coded"} 15`,
	} {
		require.True(t, slices.Contains(lines, line), line)
	}
}

// A count that somebody adds to gossip is not forgotten here.
func TestEveryCountOfGossipIsShown(t *testing.T) {
	text := scraped(t, sources(t))
	for i := range reflect.TypeFor[spread.Stats]().NumField() {
		require.Regexp(t, regexp.MustCompile(fmt.Sprintf(`(?m)^letteredge_\S+ %d$`, 1000+i)), text, reflect.TypeFor[spread.Stats]().Field(i).Name)
	}
}

// A node that votes on nothing, and one by itself, have less to show.
func TestLessScrape(t *testing.T) {
	s := sources(t)
	s.Cluster.Control, s.Cluster.Driver, s.Cluster.Peers, s.Cluster.Elsewhere = nil, nil, nil, nil
	text := scraped(t, s)
	require.NotContains(t, text, "letteredge_control_")
	require.NotContains(t, text, "letteredge_rollout_")
	require.Contains(t, text, `letteredge_peer_fills_total{result="own"} 0`)
	require.Contains(t, text, `letteredge_peer_searches_total{result="found"} 0`)
}

// Names, units and help texts are as Prometheus wants them.
func TestMetricsAreWellNamed(t *testing.T) {
	w := httptest.NewRecorder()
	Handler(sources(t), slog.New(slog.DiscardHandler)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	problems, err := promlint.New(w.Body).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
}
