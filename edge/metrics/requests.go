package metrics

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/letteros/letteredge/edge"
)

// Outcome is what became of a request, the label of letteredge_requests_total.
type Outcome uint8

// The outcomes.
const (
	Hit       Outcome = iota // from the cache, fresh
	Stale                    // from the cache, stale
	Miss                     // a fill was waited for, its answer may be shared
	Collapsed                // another request's fill was waited for
	Passed                   // an answer for this reader alone
	Limited                  // 429
	Refused                  // another 4xx of the edge's own
	Failed                   // a 5xx of the edge's own
	outcomeCount
)

// String returns the label.
func (o Outcome) String() string {
	return [...]string{"hit", "stale", "miss", "collapsed", "passed", "limited", "refused", "failed"}[o]
}

func outcomeOf(r *edge.Reply) Outcome {
	switch {
	case r.Art == nil && r.Passed == nil && r.Stream == nil && r.Status >= 400:
		switch {
		case r.Status == 429:
			return Limited
		case r.Status < 500:
			return Refused
		}
		return Failed
	case r.Cache.Hit && r.Cache.TTL < 0:
		return Stale
	case r.Cache.Hit:
		return Hit
	case r.Cache.Collapsed:
		return Collapsed
	case r.Art != nil:
		return Miss
	}
	return Passed
}

const protos = 3

// Requests counts the requests of the data plane; it is the core's Observer.
type Requests struct {
	counts   [protos][outcomeCount]atomic.Uint64
	bytes    [protos]atomic.Uint64
	degraded atomic.Uint64
	fills    *prometheus.HistogramVec
	failed   *prometheus.CounterVec
}

var _ edge.Observer = (*Requests)(nil)

// NewRequests returns counters at zero.
func NewRequests() *Requests {
	return &Requests{
		fills: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "letteredge_fill_duration_seconds", Help: "Time from a fetch to the header section of its answer.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 16),
		}, []string{"route"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "letteredge_fill_failures_total", Help: "Fetches that brought no answer, or one of status 5xx.",
		}, []string{"route"}),
	}
}

// Done counts a request.
func (r *Requests) Done(x *edge.Exchange) {
	p := x.Req.Proto
	r.counts[p][outcomeOf(&x.Rep)].Add(1)
	r.bytes[p].Add(uint64(len(x.Rep.Body)))
	if x.Rep.Degraded != "" {
		r.degraded.Add(1)
	}
}

// Filled counts a fetch.
func (r *Requests) Filled(route string, status int, took time.Duration) {
	r.fills.WithLabelValues(route).Observe(took.Seconds())
	if status == 0 || status >= 500 {
		r.failed.WithLabelValues(route).Inc()
	}
}

// collect gives the counts to a scrape.
func (r *Requests) collect(emit emit) {
	for p := range r.counts {
		proto := edge.Proto(p).String()
		for o := range r.counts[p] {
			emit.counter("letteredge_requests_total", "Requests of the data plane.", float64(r.counts[p][o].Load()),
				"proto", proto, "outcome", Outcome(o).String())
		}
		emit.counter("letteredge_response_body_bytes_total", "Bytes of content answered from memory.", float64(r.bytes[p].Load()), "proto", proto)
	}
	emit.counter("letteredge_degraded_total", "Answers that were less than was asked for and said so.", float64(r.degraded.Load()))
}
