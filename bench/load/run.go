package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// errDrained ends what is still in flight Config.Timeout after the window.
var errDrained = errors.New("the run is over")

// run is a load under way.
type run struct {
	plan  *plan
	conns []conn
	rec   *recorder
	sums  []float64 // of Zipf
	start time.Time

	mu       sync.Mutex // held by the worker whose turn it is to wait for the next arrival
	schedule *schedule  // open loop; guarded by mu
	alarm    alarm      // guarded by mu

	issued atomic.Int64 // measured requests of the closed loop
}

// Run carries out a load and returns what was measured. If the context ends
// before, that is what was measured until then, marked Interrupted. Run
// returns a *FieldError for a setting that is wrong, and ErrUnreachable
// (wrapped) where a host takes no connection.
func Run(ctx context.Context, cfg Config) (*Result, error) {
	p, err := cfg.plan()
	if err != nil {
		return nil, err
	}
	if _, err := readProcs(p.PIDs); err != nil {
		return nil, fieldErrorf("pid", "must be a process of this machine: %v", err)
	}
	d, err := p.resolve(ctx)
	if err != nil {
		return nil, err
	}
	r := &run{plan: p, rec: newRecorder(p), sums: popularity(p.Choice, len(p.targets), p.ZipfS)}
	for range p.Connections {
		r.conns = append(r.conns, d.newConn())
	}
	defer r.close()

	// The workers' context ends before the deferred close: a connection is
	// closed when nobody uses it.
	work, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if err := r.connect(work); err != nil {
		return nil, err
	}
	return r.measure(ctx, work, cancel), nil
}

const dialsAtOnce = 64

// connect opens every connection to every host, so that no measured request
// pays for a handshake.
func (r *run) connect(ctx context.Context) error {
	hosts := map[string]*target{}
	for _, t := range r.plan.targets {
		hosts[t.addr] = t
	}
	// No errgroup context: over h1 a connection lives as long as the context
	// it was made under.
	var g errgroup.Group
	g.SetLimit(dialsAtOnce)
	var failed atomic.Bool
	for _, c := range r.conns {
		g.Go(func() error {
			for _, t := range hosts {
				if failed.Load() {
					return nil
				}
				if err := connect(ctx, c, t); err != nil {
					failed.Store(true)
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

func connect(ctx context.Context, c conn, t *target) error {
	if err := c.connect(ctx, t); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%s: %w: %w", t.addr, ErrUnreachable, err)
	}
	return nil
}

func (r *run) close() {
	var g errgroup.Group
	g.SetLimit(dialsAtOnce)
	for _, c := range r.conns {
		g.Go(func() error { c.close(); return nil })
	}
	_ = g.Wait() // close has no error
}

// measure runs the workers through warm-up, window and drain.
func (r *run) measure(ctx, work context.Context, cancel context.CancelCauseFunc) *Result {
	p := r.plan
	loop := r.closedLoop
	if p.Rate > 0 {
		r.schedule, r.alarm = p.newSchedule(r.sums), newAlarm()
		defer r.alarm.close()
		loop = r.openLoop
	}
	r.start = time.Now()
	// Without a warm-up the window opens before the first request: a mark made
	// beside the workers would count answers of the window to what came before.
	opened := r.mark()
	var workers sync.WaitGroup
	for i := range p.Connections * p.Streams {
		workers.Go(func() { loop(work, i) })
	}
	done := make(chan struct{})
	go func() { workers.Wait(); close(done) }()

	w := &watch{run: r, progress: time.NewTicker(p.ProgressEvery), last: r.start}
	defer w.progress.Stop()
	if p.Warmup > 0 {
		w.until(ctx, done, r.start.Add(p.Warmup))
		opened = r.mark()
	}
	w.until(ctx, done, r.start.Add(p.Warmup+p.Duration))
	closed := r.mark()
	w.until(ctx, done, closed.at.Add(p.Timeout))
	cause := errDrained
	if ctx.Err() != nil {
		cause = ctx.Err() // it may not have reached work yet: the reason is the user's all the same
	}
	cancel(cause)
	<-done
	r.countUnsent(ctx, closed.at)
	return r.result(opened, closed, ctx.Err() != nil)
}

// countUnsent notes the arrivals that were due and that no worker came to.
func (r *run) countUnsent(ctx context.Context, closed time.Time) {
	if r.schedule == nil {
		return
	}
	now := time.Now()
	if ctx.Err() != nil {
		r.schedule.stop(closed.Sub(r.start))
	}
	for {
		a, ok := r.schedule.take()
		if !ok {
			return
		}
		if a.measured {
			r.rec.fail(r.rec.of(0), Unsent, nil, now.Sub(r.start.Add(a.due)))
		}
	}
}

// mark is what was so at one end of the window.
type mark struct {
	at    time.Time
	ended int64
	procs []procTimes
	err   error
}

func (r *run) mark() mark {
	m := mark{ended: r.rec.ended()}
	m.procs, m.err = readProcs(r.plan.PIDs)
	m.at = time.Now()
	return m
}
