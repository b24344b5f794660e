package quota

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/letteros/letteredge/gossip"
)

// Follow applies what the control log has made of records since the last call,
// and returns the index that this node may acknowledge to others: up to there it
// decides by the log, which Records.Index does not say while its hooks still run.
// Call it before each report. Records that cannot be read are told, once.
func (r *Registry) Follow(records *gossip.Records) (uint64, error) {
	r.follow.Lock()
	defer r.follow.Unlock()
	if records.Index() == r.followed {
		return r.followed, nil
	}
	changed, complete := records.Since(r.followed)
	err := r.Apply(changed)
	r.followed = complete
	r.Acknowledge(r.cfg.Node, complete)
	return complete, err
}

// Apply takes in changed records of the control log, in any order and as often as
// they come: the highest index counts. Those that do not concern quotas are
// skipped. When it returns, this node decides by them. A record that cannot be
// read changes nothing, and is told.
func (r *Registry) Apply(changed []gossip.Record) error {
	var errs []error
	r.mu.Lock()
	defer r.mu.Unlock()
	moved := false
	for _, rec := range changed {
		if rec.Index <= r.applied[rec.Key] {
			continue
		}
		if name, ok := strings.CutPrefix(rec.Key, NodeKey); ok {
			errs = append(errs, r.enrol(name, rec))
			r.applied[rec.Key], moved = rec.Index, true
		} else if name, ok := strings.CutPrefix(rec.Key, ShareKey); ok {
			r.roll.admitted[name] = !rec.Deleted
			r.applied[rec.Key], moved = rec.Index, true
		}
	}
	// Shares first: what falls must have fallen before a definition rises.
	if moved {
		r.gate.Reshare(r.roll.shares)
	}
	errs = append(errs, r.define(changed))
	r.news.tell()
	return errors.Join(errs...)
}

func (r *Registry) enrol(node string, rec gossip.Record) error {
	if rec.Deleted {
		r.roll.leave(node)
		return nil
	}
	h, err := enrolment(rec)
	r.roll.enrol(node, h)
	return err
}

// define puts the definitions among the records in force: those of segments that
// have none at once, as there are many of them when a node starts.
func (r *Registry) define(changed []gossip.Record) error {
	var errs []error
	var anew []Quota
	for _, rec := range changed {
		segment, ok := strings.CutPrefix(rec.Key, QuotaKey)
		if !ok || rec.Index <= r.applied[rec.Key] {
			continue
		}
		if rec.Deleted {
			r.remove(segment, rec.Index)
			continue
		}
		v, err := definition(rec)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if _, exists := r.bound[segment]; !exists {
			r.enter(v, time.Time{})
			anew = append(anew, v.Quota)
			continue
		}
		share, base := r.roll.shares(v.Quota)
		at, err := r.gate.set(v.Quota, share, base)
		if err != nil {
			errs = append(errs, fmt.Errorf("record %s: %w", rec.Key, err))
			continue
		}
		r.enter(v, at)
	}
	if len(anew) > 0 {
		at := r.gate.add(anew, r.roll.shares)
		for _, q := range anew {
			b := r.bound[q.Segment]
			b.EffectiveAt = at
			r.bound[q.Segment] = b
		}
	}
	return errors.Join(errs...)
}

func (r *Registry) enter(v Versioned, at time.Time) {
	segment := v.Quota.Segment
	r.applied[QuotaKey+segment] = v.Revision
	r.bound[segment] = Bound{Versioned: v, EffectiveAt: at}
	if i, found := slices.BinarySearch(r.order, segment); !found {
		r.order = slices.Insert(r.order, i, segment)
	}
}

func (r *Registry) remove(segment string, index uint64) {
	r.applied[QuotaKey+segment] = index
	r.gate.Remove(segment)
	delete(r.bound, segment)
	delete(r.settled, segment)
	if i, found := slices.BinarySearch(r.order, segment); found {
		r.order = slices.Delete(r.order, i, i+1)
	}
}

// Acknowledge notes that another node has applied the control log up to an index
// without a gap: what its report says, being what Follow returned there.
func (r *Registry) Acknowledge(node string, index uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.roll.open()
	if !r.roll.acknowledge(node, index) {
		return
	}
	if r.roll.open() != before {
		r.gate.Reshare(r.roll.shares)
	}
	r.news.tell()
}

// Sharing reports whether this node spends its share of the quotas; a node that
// has just enrolled does not until all others have made room for it.
func (r *Registry) Sharing() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.roll.open()
}

// retryEvery is how long Run waits after a failure.
const retryEvery = time.Second

// Run notes in the control log that this node has been let in, once it is, so
// that it need not ask again after a restart. It returns nil when ctx ends.
func (r *Registry) Run(ctx context.Context) error {
	for {
		next := r.news.next()
		if r.unnoted() {
			if err := r.note(ctx); err != nil {
				next = nil // the log cannot take it now: that is told where it is the subject
			}
		}
		var retry <-chan time.Time
		if next == nil {
			retry = time.After(retryEvery)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-next:
		case <-retry:
		}
	}
}

// unnoted reports whether this node shares, and the log does not know yet.
func (r *Registry) unnoted() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.roll.open() && !r.roll.admitted[r.cfg.Node]
}

func (r *Registry) note(ctx context.Context) error {
	node, share := NodeKey+r.cfg.Node, ShareKey+r.cfg.Node
	_, err := r.ledger.Update(ctx, []string{node, share}, func(now map[string]gossip.Record) (gossip.Txn, error) {
		me, noted := now[node], now[share]
		if h, err := enrolment(me); err != nil || me.Deleted || h.incarnation != r.cfg.Incarnation || noted.Index > 0 && !noted.Deleted {
			return gossip.Txn{}, nil
		}
		return change(gossip.Put{Key: share, Value: []byte("{}")}), nil
	})
	return err
}

// Withdraw stops admitting what a quota governs, and then gives this node's
// share back to the others: it removes the node's enrolment from the log. Call it
// when the node leaves for good; a node that only restarts keeps its place.
func (r *Registry) Withdraw(ctx context.Context) error {
	r.mu.Lock()
	r.roll.stopped = true
	r.gate.Reshare(r.roll.shares)
	r.mu.Unlock()
	node, share := NodeKey+r.cfg.Node, ShareKey+r.cfg.Node
	_, err := r.ledger.Update(ctx, []string{node, share}, func(now map[string]gossip.Record) (gossip.Txn, error) {
		var txn gossip.Txn
		for _, key := range []string{node, share} {
			if rec := now[key]; rec.Index > 0 && !rec.Deleted {
				txn.Puts = append(txn.Puts, gossip.Put{Key: key, Delete: true})
			}
		}
		return txn, nil
	})
	if err != nil {
		return fmt.Errorf("leave quotas: %w", err)
	}
	return nil
}
