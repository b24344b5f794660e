package quota

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/letteros/letteredge/gossip"
)

// OpenRegistry returns the registry of a node without a control log: its
// definitions are the store's, every change is durable there before it binds,
// and it may spend every quota as a whole. The gate must be new. A definition
// that cannot be read as a valid quota is an error that names it: to go on
// without would be to serve without its limit.
func OpenRegistry(store Store, gate *Gate) (*Registry, error) {
	loaded, err := store.Load()
	if err != nil {
		return nil, fmt.Errorf("load quotas: %w", err)
	}
	if len(loaded) > MaxQuotas {
		return nil, fmt.Errorf("load quotas: the store holds %d, at most %d are allowed", len(loaded), MaxQuotas)
	}
	l := &shelf{store: store, records: map[string]gossip.Record{}}
	r, err := NewRegistry(Config{Node: "lone"}, l, gate)
	if err != nil {
		return nil, err
	}
	r.roll.lone = true
	l.apply = r.Apply
	var recs []gossip.Record
	for _, v := range loaded {
		if err := v.Quota.Validate(); err != nil {
			return nil, fmt.Errorf("load quotas: quota %q: %w", v.Quota.Segment, err)
		}
		key := QuotaKey + v.Quota.Segment
		if _, twice := l.records[key]; twice {
			return nil, fmt.Errorf("load quotas: the store holds %q twice", v.Quota.Segment)
		}
		rec, err := recordOf(v)
		if err != nil {
			return nil, fmt.Errorf("load quotas: %w", err)
		}
		l.records[key] = rec
		l.revision = max(l.revision, v.Revision)
		recs = append(recs, rec)
	}
	if err := r.Apply(recs); err != nil {
		return nil, fmt.Errorf("load quotas: %w", err)
	}
	return r, nil
}

func recordOf(v Versioned) (gossip.Record, error) {
	value, err := json.Marshal(v.Quota)
	return gossip.Record{Key: QuotaKey + v.Quota.Segment, Index: v.Revision, Value: value}, err
}

// shelf is the Ledger of a node that is alone: the definitions in a Store.
type shelf struct {
	store Store
	apply func([]gossip.Record) error

	mu       sync.Mutex // held over a whole change, the store's fsync included
	revision uint64     // the newest given out
	records  map[string]gossip.Record
}

// Update changes one definition.
func (l *shelf) Update(_ context.Context, keys []string, compute func(map[string]gossip.Record) (gossip.Txn, error)) (gossip.Outcome, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := make(map[string]gossip.Record, len(keys))
	for _, key := range keys {
		if rec, ok := l.records[key]; ok {
			now[key] = rec
		}
	}
	txn, err := compute(now)
	if err != nil || len(txn.Puts) == 0 {
		return gossip.Outcome{Applied: err == nil, Index: l.revision}, err
	}
	for _, put := range txn.Puts {
		if !slices.Contains(keys, put.Key) {
			return gossip.Outcome{}, fmt.Errorf("change %s: it was not asked for", put.Key)
		}
		if err := l.put(put); err != nil {
			return gossip.Outcome{}, err
		}
	}
	return gossip.Outcome{Applied: true, Index: l.revision}, nil
}

func (l *shelf) put(put gossip.Put) error {
	// The number is used up even if the store fails: it may have kept the change.
	l.revision++
	rec := gossip.Record{Key: put.Key, Index: l.revision, Value: put.Value, Deleted: put.Delete}
	if put.Delete {
		if err := l.store.Delete(rec.Key[len(QuotaKey):]); err != nil {
			return err
		}
		delete(l.records, rec.Key)
	} else {
		v, err := definition(rec)
		if err != nil {
			return err
		}
		if err := l.store.Put(v); err != nil {
			return err
		}
		l.records[rec.Key] = rec
	}
	return l.apply([]gossip.Record{rec})
}
