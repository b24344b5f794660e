package driver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// Config bounds a Driver. Zero values take the default.
type Config struct {
	// Poll is how often an origin is asked whether it shows a candidate (250 ms).
	Poll time.Duration
	// Job bounds one job of a node (20 s).
	Job time.Duration
	// Patience is how long a node may fail to do a job, or to confirm a flip,
	// without being fenced (30 s).
	Patience time.Duration
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		v     *time.Duration
		usual time.Duration
	}{{&c.Poll, 250 * time.Millisecond}, {&c.Job, 20 * time.Second}, {&c.Patience, 30 * time.Second}} {
		if *d.v <= 0 {
			*d.v = d.usual
		}
	}
	return c
}

// Deps are a Driver's collaborators, all required but Log.
type Deps struct {
	Records *gossip.Records
	Ledger  Ledger
	Nodes   Nodes
	Cluster Cluster
	Origin  Origin
	Log     *slog.Logger
}

// Driver carries rollouts out while this node leads. Safe for concurrent use.
type Driver struct {
	cfg Config
	Deps
	stats counters

	mu   sync.Mutex
	news chan struct{} // guarded by mu; closed when records have changed
}

// New returns a Driver, which does nothing before Run.
func New(cfg Config, deps Deps) (*Driver, error) {
	if deps.Records == nil || deps.Ledger == nil || deps.Nodes == nil || deps.Cluster == nil || deps.Origin == nil {
		return nil, errors.New("driver: every collaborator but Log is required")
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	d := &Driver{cfg: cfg.withDefaults(), Deps: deps, news: make(chan struct{})}
	deps.Records.Subscribe(func(changed []gossip.Record) {
		for _, r := range changed {
			if rollout.Concerns(r.Key) {
				d.mu.Lock()
				close(d.news)
				d.news = make(chan struct{})
				d.mu.Unlock()
				return
			}
		}
	})
	return d, nil
}

func (d *Driver) changed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.news
}

// errDeposed says that a later leader has written a rollout.
var errDeposed = errors.New("a later leader carries the rollout out")

// Run carries out all rollouts until ctx ends: until this node leads no more.
// term is the control log's; it is written into what Run writes, and what a
// later one has written is left alone.
func (d *Driver) Run(ctx context.Context, term uint64) {
	var all sync.WaitGroup
	defer all.Wait()
	carried := newBusy()
	for {
		news := d.changed() // before the look: what comes in between is not missed
		for _, rec := range d.Records.List(rollout.RolloutKey) {
			r, err := rollout.ReadRollout(rec)
			if err != nil || r.Final() || !carried.claim(r.ID) {
				continue
			}
			all.Go(func() {
				defer carried.release(r.ID)
				(&carrier{Driver: d, id: r.ID, term: term}).run(ctx)
			})
		}
		select {
		case <-ctx.Done():
			return
		case <-news:
		case <-carried.look:
		}
	}
}

// update applies events to a rollout's record, with all that changes with it.
func (d *Driver) update(ctx context.Context, r rollout.Rollout, term uint64, events []rollout.Event) (before, after rollout.Rollout, err error) {
	keys := r.Keys()
	if slices.ContainsFunc(events, func(e rollout.Event) bool { _, shown := e.(rollout.Shown); return shown }) {
		keys = append(keys, d.others(r.ID)...)
	}
	_, err = d.Ledger.Update(ctx, keys, func(now map[string]gossip.Record) (gossip.Txn, error) {
		if before, err = rollout.ReadRollout(now[rollout.RolloutKey+r.ID]); err != nil {
			return gossip.Txn{}, err
		}
		if before.ID == "" {
			return gossip.Txn{}, fmt.Errorf("%w: %s", rollout.ErrUnknown, r.ID)
		}
		if before.Term > term {
			return gossip.Txn{}, errDeposed
		}
		after = before
		for _, e := range events {
			after, _ = rollout.Next(after, e)
		}
		puts, err := rollout.Write(before, &after, term, now)
		return gossip.Txn{Puts: puts}, err
	})
	return before, after, err
}

// others are the keys of the rollouts beside one that may be under way. One that
// is not known here yet is not begun by this leader before it is.
func (d *Driver) others(id string) (keys []string) {
	for _, rec := range d.Records.List(rollout.RolloutKey) {
		if o, err := rollout.ReadRollout(rec); err == nil && o.ID != id && !o.Final() {
			keys = append(keys, rec.Key)
		}
	}
	return keys
}
