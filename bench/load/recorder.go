package load

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Range and precision of the histograms: 64 ns steps at the bottom, three
// digits above, to 10 minutes.
const (
	histLowest  = 100
	histHighest = int64(10 * time.Minute)
	histDigits  = 3
)

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(histLowest, histHighest, histDigits)
}

// shards of the recorder: enough that workers seldom meet, few enough that
// 20,000 workers do not cost a histogram each.
const shards = 8

// recorder counts what happened to the measured requests.
type recorder struct {
	expect Statuses
	live   bool // keep interval histograms for Progress
	shard  [shards]shard
}

type shard struct {
	mu       sync.Mutex // guards all below
	ended    int64      // requests with an answer, the warm-up's included
	lat, lag *hdrhistogram.Histogram
	interval *hdrhistogram.Histogram // since the last snapshot; nil unless live
	statuses [600]int64
	wrong    int64 // statuses not expected
	failed   [failures]int64
	example  [failures]string
	bytes    int64
}

func newRecorder(p *plan) *recorder {
	r := &recorder{expect: p.Expect, live: p.Progress != nil}
	for i := range r.shard {
		s := &r.shard[i]
		s.lat, s.lag = newHistogram(), newHistogram()
		if r.live {
			s.interval = newHistogram()
		}
	}
	return r
}

// of returns the shard of a worker.
func (r *recorder) of(worker int) *shard { return &r.shard[worker%shards] }

// record adds x to h, clamped to its range.
func record(h *hdrhistogram.Histogram, x time.Duration) {
	_ = h.RecordValue(min(max(int64(x), 0), histHighest)) // in range, so no error
}

// answered notes an answer. Lag is how late its request was sent.
func (r *recorder) answered(s *shard, a answer, measured bool, latency, lag time.Duration) {
	right := r.expect.Has(a.status)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended++
	if !measured {
		return
	}
	record(s.lat, latency)
	record(s.lag, lag)
	if s.interval != nil {
		record(s.interval, latency)
	}
	if a.status >= 0 && a.status < len(s.statuses) {
		s.statuses[a.status]++
	}
	if !right {
		s.wrong++
	}
	s.bytes += a.bytes
}

// fail notes a measured request without an answer. Its wait goes into the
// latencies where it is a lower bound of one.
func (r *recorder) fail(s *shard, f Failure, err error, waited time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed[f]++
	if f == Timeout || f == Unsent {
		record(s.lat, waited)
		if s.interval != nil {
			record(s.interval, waited)
		}
	}
	if s.example[f] == "" && err != nil {
		s.example[f] = shorten(err.Error(), 200)
	}
}

func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}

// ended counts all answers so far, the warm-up's included.
func (r *recorder) ended() (n int64) {
	for i := range r.shard {
		s := &r.shard[i]
		s.mu.Lock()
		n += s.ended
		s.mu.Unlock()
	}
	return n
}
