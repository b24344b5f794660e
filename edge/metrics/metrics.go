package metrics

import (
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/cache"
	"github.com/letteros/letteredge/quota"
)

// Sources are the figures that other packages keep; all are read at a scrape.
type Sources struct {
	Node, Region string
	Requests     *Requests
	Cache        func() cache.Stats
	Gate         *quota.Gate
	// Waiting is how many requests wait for another's fill.
	Waiting func() int
	// Fills are what the fills under way cost.
	Fills func() edge.FillFigures
	// Codings are what became of content codings.
	Codings func() []edge.CodingFigures
	// Connections are the open ones, by transport.
	Connections func() (tcp, quic int)
	// Refused are those that were one too many, by the limit that they were over.
	Refused func() []RefusedConnections
	// OriginInFlight are the fetches under way, by origin.
	OriginInFlight func() map[string]int
	// OriginServers are the servers of all origins, and OriginRetries the fetches
	// that were asked again, by origin.
	OriginServers func() []OriginServer
	OriginRetries func() map[string]uint64
	// OriginPanic says of which origins so few servers are left that ejections do not
	// count.
	OriginPanic func() map[string]bool
	// SweepsDropped counts purges whose entries were not counted.
	SweepsDropped func() uint64
	// Summaries counts those rebuilt after a purge, and those that failed.
	Summaries func() (rebuilt, failed uint64)
	// State counts the changes made durable, and the fsyncs that took.
	State   func() (changes, commits uint64)
	Cluster Cluster
}

// RefusedConnections were over a limit.
type RefusedConnections struct {
	Transport, Limit string
	Count            uint64
}

// OriginServer is what is known of one server of an origin.
type OriginServer struct {
	Origin, Server     string
	Paused, Ejected    bool
	Requests, Failures uint64
}

// Handler writes the metrics of src.
func Handler(src Sources, log *slog.Logger) http.Handler {
	reg := prometheus.NewRegistry()
	labelled := prometheus.WrapRegistererWith(prometheus.Labels{"node": src.Node, "region": src.Region}, reg)
	labelled.MustRegister(src.Requests.fills, src.Requests.failed, src.Cluster.Receipts.after, scrape(src.collect))
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn), MaxRequestsInFlight: 4,
	})
}

func (s Sources) collect(emit emit) {
	s.Requests.collect(emit)
	c := s.Cache()
	emit.gauge("letteredge_cache_entries", "Keys in the index.", float64(c.Entries))
	emit.gauge("letteredge_cache_bytes", "Bytes of all stored responses, with their index, keys, tags, codings and prepared field blocks.", float64(c.Bytes))
	emit.counter("letteredge_cache_evictions_total", "Entries that were not admitted, or that went for others or for the bound on bytes.", float64(c.Evicted))
	emit.counter("letteredge_cache_advisor_dropped_sets_total", "Entries that the advisor was too busy to hear of.", float64(c.DroppedSets))
	emit.counter("letteredge_cache_advisor_rejected_sets_total", "Entries that were not admitted, by what the index counts of their use or by the advisor.", float64(c.RejectedSets))
	emit.counter("letteredge_cache_advisor_hits_total", "Lookups that the advisor knew the key of.", float64(c.AdvisorHits))
	emit.counter("letteredge_cache_advisor_misses_total", "Lookups of stored keys that the advisor did not know.", float64(c.AdvisorMisses))
	for u := range s.Gate.Usage() {
		segment := u.Quota.Segment
		emit.counter("letteredge_quota_requests_total", "Requests that a quota decided on.", float64(u.Allowed), "segment", segment, "decision", "allowed")
		emit.counter("letteredge_quota_requests_total", "Requests that a quota decided on.", float64(u.Refused), "segment", segment, "decision", "refused")
		emit.counter("letteredge_quota_requests_total", "Requests that a quota decided on.", float64(u.ShadowRefused), "segment", segment, "decision", "shadow_refused")
		emit.gauge("letteredge_quota_rate", "Requests per second that a quota allows.", u.Quota.RPS, "segment", segment)
	}
	emit.gauge("letteredge_fill_waiters", "Requests waiting for another's fill.", float64(s.Waiting()))
	fills := s.Fills()
	emit.gauge("letteredge_fills", "Fetches that fill the cache under way, at most fills.max.", float64(fills.UnderWay))
	emit.gauge("letteredge_fill_memory_bytes", "Content that these hold, at most fills.memory.", float64(fills.Bytes))
	emit.counter("letteredge_fill_memory_denied_total", "Times that one of these got no more memory: its answer passed through unstored, or was a stale copy or 503.", float64(fills.Denied))
	emit.counter("letteredge_readers_apart_total", "Readers of content too large to store that went on by a fetch of their own, as they were slower than others.", float64(fills.Apart))
	emit.counter("letteredge_refreshes_ahead_total", "Copies fetched anew before their end, as enough readers wanted them.", float64(fills.Ahead))
	for _, f := range s.Codings() {
		const made = "Codings of stored content: made, useless as they were no smaller, no_place as too many were being made."
		emit.counter("letteredge_codings_total", made, float64(f.Made), "coding", f.Coding, "result", "made")
		emit.counter("letteredge_codings_total", made, float64(f.Useless), "coding", f.Coding, "result", "useless")
		emit.counter("letteredge_codings_total", made, float64(f.NoPlace), "coding", f.Coding, "result", "no_place")
		const bytes = "Bytes of the content that was coded, and what they came to."
		emit.counter("letteredge_coding_bytes_total", bytes, float64(f.From), "coding", f.Coding, "side", "identity")
		emit.counter("letteredge_coding_bytes_total", bytes, float64(f.To), "coding", f.Coding, "side", "coded")
	}
	tcp, quic := s.Connections()
	emit.gauge("letteredge_connections", "Open connections of the data plane.", float64(tcp), "transport", "tcp")
	emit.gauge("letteredge_connections", "Open connections of the data plane.", float64(quic), "transport", "quic")
	for _, r := range s.Refused() {
		emit.counter("letteredge_connections_refused_total", "Connections that were one too many, by the limit.", float64(r.Count), "transport", r.Transport, "limit", r.Limit)
	}
	for origin, n := range s.OriginInFlight() {
		emit.gauge("letteredge_origin_in_flight", "Fetches under way.", float64(n), "origin", origin)
	}
	for _, o := range s.OriginServers() {
		up := 1.0
		if o.Paused {
			up = 0
		}
		ejected := 0.0
		if o.Ejected {
			ejected = 1
		}
		emit.gauge("letteredge_origin_server_up", "0 while the breaker keeps requests from the server.", up, "origin", o.Origin, "server", o.Server)
		emit.gauge("letteredge_origin_server_ejected", "1 while the server gets nothing, as it failed more often than its outlier ratio allows.", ejected, "origin", o.Origin, "server", o.Server)
		emit.counter("letteredge_origin_requests_total", "Requests sent to the server.", float64(o.Requests), "origin", o.Origin, "server", o.Server)
		emit.counter("letteredge_origin_failures_total", "Of these, those without an answer or with 502, 503 or 504.", float64(o.Failures), "origin", o.Origin, "server", o.Server)
	}
	for origin, on := range s.OriginPanic() {
		panics := 0.0
		if on {
			panics = 1
		}
		emit.gauge("letteredge_origin_panic", "1 while so few servers are left that ejections do not count.", panics, "origin", origin)
	}
	for origin, n := range s.OriginRetries() {
		emit.counter("letteredge_origin_retries_total", "Requests that were sent again, after a failure or as a hedge.", float64(n), "origin", origin)
	}
	emit.counter("letteredge_purge_sweeps_dropped_total", "Purges whose entries were not counted, the queue being full.", float64(s.SweepsDropped()))
	rebuilt, failed := s.Summaries()
	emit.counter("letteredge_summary_rebuilds_total", "Summaries rebuilt after a purge.", float64(rebuilt), "result", "done")
	emit.counter("letteredge_summary_rebuilds_total", "Summaries rebuilt after a purge.", float64(failed), "result", "failed")
	changes, commits := s.State()
	emit.counter("letteredge_state_changes_total", "Changes of the state file that were made durable.", float64(changes))
	emit.counter("letteredge_state_commits_total", "Transactions of the state file, each of which costs an fsync.", float64(commits))
	s.Cluster.collect(emit)
}
