package invalidation

import (
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

// Engine carries out purges on this node, whoever accepted them, and answers for
// them. Safe for concurrent use.
type Engine struct {
	cfg     Config
	marks   *Marks
	journal Journal
	index   Index

	cluster atomic.Pointer[Cluster]
	seq     atomic.Uint64 // of a node that is alone
	known   known
	news    news
	queue   *sweepQueue

	// apply makes raising a purge and telling of it one step, so that hooks hear
	// of purges in the order of their epochs.
	apply    sync.Mutex
	hooks    []func(Record)        // guarded by apply
	swept    []func(Record)        // guarded by apply
	receipts []func(Receipt)       // guarded by apply
	answered []func(time.Duration) // guarded by apply

	arriving once[gossip.Dot] // purges
	asking   once[string]     // orders, by key

	unsettled []Record // found at replay; Run's

	life    sync.Mutex
	running bool           // guarded by life
	closed  bool           // guarded by life
	active  sync.WaitGroup // Purge, Apply and Run; Add under life
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
		known: newKnown(cfg),
		queue: newSweepQueue(cfg.Queue),
		quit:  make(chan struct{}),
	}
	e.cluster.Store(e.alone())
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
	e.known.add(rec, rec.Expected, e.voters(), e.cfg.Now())
	return nil
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

// DryRun tells what a purge would hit on this node, and leaves no trace.
func (e *Engine) DryRun(sel cachekey.Selector) (Estimate, error) {
	sel, err := sel.Canonical()
	if err != nil {
		return Estimate{}, fmt.Errorf("dry run: %w", err)
	}
	n := e.index.Count(sel)
	return Estimate{DryRun: true, Entries: n, Nodes: []NodeCount{{ID: e.cfg.Node, Entries: &n}}}, nil
}

// Dropped counts the purges that found the queue of sweeps full.
func (e *Engine) Dropped() uint64 { return e.queue.drops() }

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
