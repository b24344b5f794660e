package load

import (
	"context"
	"errors"
	"time"
)

// pauseRefused keeps a closed loop from spinning against a closed port.
const pauseRefused = 10 * time.Millisecond

// openLoop makes the arrivals that fall to one worker. The workers wait in
// turn: whoever holds the lock sleeps until the next arrival is due, passes the
// lock on and asks. So no goroutine has to hand out work, and with every worker
// busy the schedule stands still while its times go by.
func (r *run) openLoop(ctx context.Context, worker int) {
	for {
		a, ok := r.await(ctx)
		if !ok {
			return
		}
		r.one(ctx, worker, r.start.Add(a.due), a.target, a.measured)
	}
}

// await waits for the next arrival; ok is false after the last.
func (r *run) await(ctx context.Context) (a arrival, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil {
		return a, false // what is left is counted when all workers have ended
	}
	if a, ok = r.schedule.take(); !ok {
		return a, false
	}
	due := r.start.Add(a.due)
	if r.alarm.until(ctx, due) != nil {
		if late := time.Since(due); late > 0 && a.measured {
			r.rec.fail(r.rec.of(0), Unsent, nil, late)
		}
		return a, false
	}
	return a, true
}

// closedLoop asks again and again.
func (r *run) closedLoop(ctx context.Context, worker int) {
	p := r.plan
	pick := p.newPicker(r.sums, uint64(worker))
	for ctx.Err() == nil {
		now := time.Now()
		since := now.Sub(r.start)
		if since >= p.Warmup+p.Duration {
			return
		}
		measured := since >= p.Warmup
		if measured && p.Requests > 0 && r.issued.Add(1) > p.Requests {
			return
		}
		if err := r.one(ctx, worker, now, pick.pick(), measured); err != nil && classify(err) == Refused {
			_ = timerAlarm{}.until(ctx, now.Add(pauseRefused)) // the loop looks at the context itself
		}
	}
}

// one asks once and records it. Due is when the request should have been sent.
func (r *run) one(ctx context.Context, worker int, due time.Time, index int, measured bool) error {
	sent := time.Now()
	s := r.rec.of(worker)
	a, err := r.conns[worker/r.plan.Streams].do(ctx, r.plan.targets[index], nil)
	ended := time.Now()
	switch {
	case err == nil:
		r.rec.answered(s, a, measured, ended.Sub(due), sent.Sub(due))
	case !measured:
	case ctx.Err() == nil:
		r.rec.fail(s, classify(err), err, ended.Sub(due))
	case errors.Is(context.Cause(ctx), errDrained):
		r.rec.fail(s, Timeout, err, ended.Sub(due))
	default: // interrupted: neither answered nor failed
	}
	return err
}
