package edgetest

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/quota"
)

// ControlLog is the control log of a cluster of one node, without the raft: what
// a change computes is in Records when Update returns, and the node's quotas
// follow at once.
type ControlLog struct {
	Records *gossip.Records

	change sync.Mutex // held over a whole change
	failed error      // guarded by change
	follow func()     // guarded by change
}

var _ quota.Ledger = (*ControlLog)(nil)

// NewControlLog returns a log that goes on from those records, which are
// complete up to an index.
func NewControlLog(tb testing.TB, recs []gossip.Record, complete uint64) *ControlLog {
	tb.Helper()
	l := &ControlLog{Records: gossip.NewRecords(), follow: func() {}}
	if err := l.Records.Merge(recs, complete); err != nil {
		tb.Fatal(fmt.Errorf("edgetest: control log: %w", err))
	}
	return l
}

// Fail has every change fail so from now on; nil ends it.
func (l *ControlLog) Fail(err error) {
	l.change.Lock()
	defer l.change.Unlock()
	l.failed = err
}

// Update carries out what compute makes of the records of keys.
func (l *ControlLog) Update(_ context.Context, keys []string, compute func(map[string]gossip.Record) (gossip.Txn, error)) (gossip.Outcome, error) {
	l.change.Lock()
	defer l.change.Unlock()
	now := map[string]gossip.Record{}
	for _, key := range keys {
		if rec, ok := l.Records.Get(key); ok {
			now[key] = rec
		}
	}
	txn, err := compute(now)
	if err != nil || len(txn.Puts) == 0 {
		return gossip.Outcome{Applied: err == nil, Index: l.Records.Index()}, err
	}
	if l.failed != nil {
		return gossip.Outcome{}, l.failed
	}
	out := l.Records.Apply(l.Records.Index()+1, txn)
	l.follow()
	return out, nil
}

// incarnation is that of the process that Quotas enrols.
const incarnation = 7

// Quotas returns the registry of the cluster's one node, which has enrolled and
// spends every quota as a whole. Call it once.
func (l *ControlLog) Quotas(tb testing.TB) *quota.Registry {
	tb.Helper()
	const node = "local-1"
	r, err := quota.NewRegistry(quota.Config{Node: node, Incarnation: incarnation}, l, quota.NewGate(time.Now))
	if err != nil {
		tb.Fatal(fmt.Errorf("edgetest: quotas: %w", err))
	}
	value, err := json.Marshal(map[string]string{"region": "local", "incarnation": fmt.Sprintf("%016x", incarnation)})
	if err != nil {
		tb.Fatal(fmt.Errorf("edgetest: enrolment: %w", err))
	}
	l.change.Lock()
	l.follow = func() {
		if _, err := r.Follow(l.Records); err != nil {
			tb.Error(fmt.Errorf("edgetest: follow the control log: %w", err))
		}
	}
	l.change.Unlock()
	key := quota.NodeKey + node
	_, err = l.Update(context.Background(), []string{key}, func(map[string]gossip.Record) (gossip.Txn, error) {
		return gossip.Txn{Puts: []gossip.Put{{Key: key, Value: value}}}, nil
	})
	if err != nil {
		tb.Fatal(fmt.Errorf("edgetest: enrol: %w", err))
	}
	return r
}
