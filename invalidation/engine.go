package invalidation

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/gossip"
)

var (
	// ErrNotDurable means that the journal did not take the purge: nothing was
	// purged, and the caller may try again.
	ErrNotDurable = errors.New("the purge could not be made durable")
	// ErrUnknownPurge means that no purge of this id is known, or not any more.
	ErrUnknownPurge = errors.New("no such purge is known here: it never was, or it is older than what is kept")
	// ErrClosed means that the Engine has been closed.
	ErrClosed = errors.New("the purge engine is closed")
)

// Engine carries out purges on this node and answers for them. Safe for
// concurrent use.
type Engine struct {
	cfg     Config
	marks   *Marks
	journal Journal
	index   Index

	seq   atomic.Uint64
	known known
	queue *sweepQueue

	// apply makes raising a purge and telling of it one step, so that hooks hear
	// of purges in the order of their epochs.
	apply sync.Mutex
	hooks []func(Record) // guarded by apply
	swept []func(Record) // guarded by apply

	unsettled []Record // found at replay; Run's

	life    sync.Mutex
	running bool           // guarded by life
	closed  bool           // guarded by life
	active  sync.WaitGroup // Purge and Run; Add under life
	quit    chan struct{}
}

// NewEngine returns an Engine that knows, and has raised, every purge that the
// journal keeps. Raising them again makes the state of a node a function of its
// journal: whatever a crash interrupted between journal and floors is now done.
func NewEngine(cfg Config, marks *Marks, journal Journal, index Index) (*Engine, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	e := &Engine{
		cfg: cfg, marks: marks, journal: journal, index: index,
		known: known{keep: cfg.Retain, keepBytes: cfg.RetainBytes},
		queue: newSweepQueue(cfg.Queue),
		quit:  make(chan struct{}),
	}
	if err := journal.Replay(e.replay); err != nil {
		return nil, fmt.Errorf("replay purges: %w", err)
	}
	return e, nil
}

func (e *Engine) replay(rec Record) error {
	e.marks.Raise(rec.Selector, rec.Mode)
	if rec.Applied == nil {
		// The cache begins empty, so the purge, applied only now for all the
		// journal tells, hit nothing.
		none := 0
		rec.Applied = &Applied{AfterMS: milliseconds(e.cfg.Now().Sub(rec.At)), Entries: &none}
		e.unsettled = append(e.unsettled, rec)
	}
	e.known.add(rec)
	return nil
}

// Purge makes a purge durable, applies it, and returns its receipt: from then on
// nothing that sel selects and that was fetched before is served from here. An
// invalid selector gives a *cachekey.Error; a journal that fails gives
// ErrNotDurable, and nothing is purged. Cancelling ctx has no effect once the
// journal has been asked. by names who asked.
//
// The journal comes first. The other way round, a crash between the two would
// lose a purge whose effect readers have seen already.
func (e *Engine) Purge(ctx context.Context, sel cachekey.Selector, mode Mode, by string) (Receipt, error) {
	sel, err := sel.Canonical()
	if err != nil {
		return Receipt{}, fmt.Errorf("purge: %w", err)
	}
	if mode > ModeSoft {
		return Receipt{}, fmt.Errorf("purge: %s is unknown", mode)
	}
	if err := ctx.Err(); err != nil {
		return Receipt{}, fmt.Errorf("purge: %w", err)
	}
	if !e.enter() {
		return Receipt{}, ErrClosed
	}
	defer e.active.Done()
	rec := Record{
		Dot:      gossip.Dot{Node: e.cfg.Node, Incarnation: e.cfg.Incarnation, Seq: e.seq.Add(1)},
		Selector: sel, Mode: mode, At: e.cfg.Now(), By: by,
	}
	if err := e.journal.Append(rec); err != nil {
		return Receipt{}, fmt.Errorf("purge %s: %w: %w", rec.Dot, ErrNotDurable, err)
	}
	rec = e.raise(rec)
	if !e.queue.push(rec) {
		e.tellSwept(rec) // it will not be: whoever waits for it must not wait for ever
	}
	return e.receipt(rec), nil
}

// raise applies a durable purge and tells the hooks.
func (e *Engine) raise(rec Record) Record {
	e.apply.Lock()
	defer e.apply.Unlock()
	e.marks.Raise(rec.Selector, rec.Mode)
	rec.Applied = &Applied{AfterMS: milliseconds(e.cfg.Now().Sub(rec.At))}
	e.known.add(rec)
	for _, hook := range e.hooks {
		hook(rec)
	}
	return rec
}

// Subscribe has hook called with every purge from now on, once it is applied and
// before Purge returns, in the order of their epochs. All purges wait for it: it
// must be quick, and must call neither Purge nor Subscribe.
func (e *Engine) Subscribe(hook func(Record)) {
	e.apply.Lock()
	defer e.apply.Unlock()
	e.hooks = append(e.hooks, hook)
}

// SubscribeSwept has hook called with every purge from now on, once its entries
// have been counted and taken out, or will not be because the queue is full.
// What is put back into the cache on that call does not hide from the count.
func (e *Engine) SubscribeSwept(hook func(Record)) {
	e.apply.Lock()
	defer e.apply.Unlock()
	e.swept = append(e.swept, hook)
}

func (e *Engine) tellSwept(recs ...Record) {
	e.apply.Lock()
	hooks := e.swept
	e.apply.Unlock()
	for _, rec := range recs {
		for _, hook := range hooks {
			hook(rec)
		}
	}
}

// DryRun tells what a purge would hit, and leaves no trace.
func (e *Engine) DryRun(sel cachekey.Selector) (Estimate, error) {
	sel, err := sel.Canonical()
	if err != nil {
		return Estimate{}, fmt.Errorf("dry run: %w", err)
	}
	n := e.index.Count(sel)
	return Estimate{DryRun: true, Entries: n, Nodes: []NodeCount{{ID: e.cfg.Node, Entries: n}}}, nil
}

// Get returns what is known of a purge, or ErrUnknownPurge. After a restart a
// purge whose count had not been settled shows no entries, as the cache began
// empty.
func (e *Engine) Get(id string) (View, error) {
	rec, ok := e.known.get(id)
	if !ok {
		return View{}, fmt.Errorf("purge %.80q: %w", id, ErrUnknownPurge)
	}
	return e.view(rec), nil
}

// List returns up to limit purges, the latest first, beginning behind the purge
// with the id after ("" for the first page), and that for the next page, "" on
// the last.
func (e *Engine) List(after string, limit int) (views []View, next string) {
	recs, more := e.known.list(after, max(1, limit))
	views = make([]View, 0, len(recs))
	for _, rec := range recs {
		views = append(views, e.view(rec))
	}
	if more {
		next = views[len(views)-1].Purge
	}
	return views, next
}

// Dropped counts the purges that found the queue of sweeps full.
func (e *Engine) Dropped() uint64 { return e.queue.drops() }

func (e *Engine) receipt(rec Record) Receipt {
	return Receipt{
		Dot: rec.Dot, Node: e.cfg.Node,
		AppliedAfterMS: rec.Applied.AfterMS, Entries: rec.Applied.Entries,
	}
}

func (e *Engine) view(rec Record) View {
	return View{
		Purge: rec.Dot.String(), State: stateComplete,
		Select: rec.Selector, Mode: rec.Mode, AcceptedAt: rec.At, By: rec.By,
		Nodes: []NodeView{{
			ID: e.cfg.Node, Region: e.cfg.Region, State: stateApplied,
			AppliedAfterMS: rec.Applied.AfterMS, Entries: rec.Applied.Entries,
		}},
		Regions: []RegionView{{Region: e.cfg.Region, State: stateComplete}},
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
