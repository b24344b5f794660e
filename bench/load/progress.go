package load

import (
	"context"
	"time"
)

// Snapshot is the state of a run at one moment. Rate and latencies are of the
// time since the snapshot before.
type Snapshot struct {
	Warmup   bool          // not measuring yet
	Elapsed  time.Duration // since the start, warm-up included
	Total    time.Duration // warm-up and window; a run with Requests may end before
	Requests int64         // measured so far, answered or not
	Errors   int64         // of these without an answer or with a wrong status
	Rate     float64       // answers per second
	P50, P99 time.Duration
	Max      time.Duration
}

// watch waits through the phases of a run and reports its progress.
type watch struct {
	run      *run
	progress *time.Ticker
	last     time.Time // of the last snapshot
	ended    int64     // answers at that time
}

// until returns at t, or when the workers are done or the context is.
func (w *watch) until(ctx context.Context, done <-chan struct{}, t time.Time) {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return
		case <-done:
			return
		case <-ctx.Done():
			return
		case <-w.progress.C:
			if report := w.run.plan.Progress; report != nil {
				report(w.snapshot(time.Now()))
			}
		}
	}
}

func (w *watch) snapshot(now time.Time) Snapshot {
	p := w.run.plan
	s := Snapshot{Elapsed: now.Sub(w.run.start), Total: p.Warmup + p.Duration}
	s.Warmup = s.Elapsed < p.Warmup
	var ended int64
	sum := newHistogram()
	for i := range w.run.rec.shard {
		h := &w.run.rec.shard[i]
		h.mu.Lock()
		ended += h.ended
		for _, n := range h.statuses {
			s.Requests += n
		}
		for _, n := range h.failed {
			s.Requests += n
			s.Errors += n
		}
		s.Errors += h.wrong
		sum.Merge(h.interval)
		h.interval.Reset()
		h.mu.Unlock()
	}
	s.Rate = float64(ended-w.ended) / now.Sub(w.last).Seconds()
	w.last, w.ended = now, ended
	s.P50, s.P99, s.Max = time.Duration(sum.ValueAtPercentile(50)), time.Duration(sum.ValueAtPercentile(99)), time.Duration(sum.Max())
	return s
}
