package invalidation

import (
	"context"
	"errors"
	"time"
)

// Run sweeps behind the purges, keeps their counts, and reclaims floors, until
// ctx ends or Close is called; it then returns nil. What still waits for its
// sweep is left: the cache ends with the process. It may be called once.
func (e *Engine) Run(ctx context.Context) error {
	e.life.Lock()
	if e.running || e.closed {
		e.life.Unlock()
		return errors.New("run purges: the engine runs already, or is closed")
	}
	e.running = true
	e.active.Add(1)
	e.life.Unlock()
	defer e.active.Done()

	e.settle(e.unsettled)
	e.unsettled = nil
	reclaim := time.NewTicker(e.cfg.ReclaimEvery)
	defer reclaim.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-e.quit:
			return nil
		case <-e.queue.wake:
			e.sweep(ctx)
		case <-reclaim.C:
			if e.cfg.Oldest != nil {
				e.marks.Reclaim(e.cfg.Oldest())
			}
		}
	}
}

// Close refuses further purges, ends Run, and returns when neither it nor a
// Purge is under way: the journal may then be closed.
func (e *Engine) Close() error {
	e.life.Lock()
	if !e.closed {
		e.closed = true
		close(e.quit)
	}
	e.life.Unlock()
	e.active.Wait()
	return nil
}

// enter joins the work that Close waits for; false once closed.
func (e *Engine) enter() bool {
	e.life.Lock()
	defer e.life.Unlock()
	if e.closed {
		return false
	}
	e.active.Add(1)
	return true
}

// sweep serves all purges that wait in one pass.
func (e *Engine) sweep(ctx context.Context) {
	stop := func() bool {
		select {
		case <-e.quit:
			return true
		default:
			return ctx.Err() != nil
		}
	}
	var settled, swept []Record
	newPass(e.queue.take()).run(e.index, stop, func(rec Record, entries int) {
		swept = append(swept, rec)
		if rec, ok := e.known.settle(rec.Dot.String(), entries); ok {
			settled = append(settled, rec)
		}
	})
	e.settle(settled)
	for _, rec := range settled {
		e.tellReceipt(e.receipt(rec))
	}
	e.news.tell()
	e.tellSwept(swept...)
}

// settle keeps receipts over a restart, where the journal can.
func (e *Engine) settle(recs []Record) {
	settler, ok := e.journal.(Settler)
	if !ok || len(recs) == 0 {
		return
	}
	if err := settler.Settle(recs); err != nil {
		e.cfg.Log.Warn("receipts of purges not kept", "count", len(recs), "err", err)
	}
}
