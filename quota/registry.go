package quota

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/letteros/letteredge/gossip"
)

// Config says for whom a Registry speaks.
type Config struct {
	Node        string // this node's id, as it enrols
	Incarnation uint64 // of this process
	// Timeout bounds the making of a change; 0 means 10 s.
	Timeout time.Duration
	// Settle is how long a change waits for all nodes to have it, so that it can
	// tell since when they do; 0 means 1 s.
	Settle time.Duration
	// Voters are the control log's; none means this node.
	Voters []string
	// Expiry is how long a node may go on by its former share, after most voters
	// have applied a change that it has not: what a Term lasts, and the error of two
	// clocks.
	Expiry time.Duration
}

// Registry joins a Gate with the control log: a change is in the log before it
// binds, and the log's records are what binds. Its methods may be called from
// any number of goroutines; reads do not wait for the log.
type Registry struct {
	cfg    Config
	ledger Ledger
	gate   *Gate
	news   news

	mu      sync.RWMutex // held while the gate is changed, too: its shares follow the roll
	bound   map[string]Bound
	order   []string // the keys of bound, sorted
	settled map[string]settled
	roll    roll
	applied map[string]uint64 // by key: the index of the last record, of a removal too

	follow   sync.Mutex
	followed uint64 // guarded by follow
}

// NewRegistry returns a registry that knows no quota and spends nothing until
// Apply has told it of some, and of this node's enrolment. The gate must be new.
func NewRegistry(cfg Config, ledger Ledger, gate *Gate) (*Registry, error) {
	if cfg.Node == "" || ledger == nil || gate == nil {
		return nil, errors.New("quotas: Node, a ledger and a gate are required")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.Settle == 0 {
		cfg.Settle = time.Second
	}
	if len(cfg.Voters) == 0 {
		cfg.Voters = []string{cfg.Node}
	}
	return &Registry{
		cfg: cfg, ledger: ledger, gate: gate, bound: map[string]Bound{}, applied: map[string]uint64{}, settled: map[string]settled{},
		roll: roll{
			node: cfg.Node, incarnation: cfg.Incarnation,
			enrolled: map[string]holder{}, admitted: map[string]bool{}, acked: map[string]uint64{},
		},
	}, nil
}

// Get returns the definition of a segment's quota, or ErrNotFound. It does not
// fall back to Default.
func (r *Registry) Get(segment string) (Bound, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	b, ok := r.bound[segment]
	if !ok {
		return Bound{}, ErrNotFound
	}
	return b, nil
}

// Put creates (true) or replaces a quota, if the precondition holds for what the
// log has now; a Burst of 0 takes its default. A definition equal to the one in
// force changes nothing: its revision, entity tag and effective_at remain. It returns
// ErrInvalid, ErrPreconditionFailed, ErrTooMany or the ledger's error, and then
// the former definition is still in force; but after a time-out, or the loss of
// the quorum on the way, the change may turn out to have been made.
//
// EffectiveAt is when the former definition bound nobody any more: when all
// enrolled nodes were known to have applied the change or, if some have not said so
// within Config.Settle, when these know at the latest that they may decide by no more
// than their base shares (Config.Expiry), or, if these are more than what is left to
// them, by nothing (BaseTerm): that lies ahead. It is about nodes that had a definition
// to spend: one that has not heard of a new quota, or knows it in shadow mode, is
// limited when it hears.
func (r *Registry) Put(q Quota, pre Precondition) (Bound, bool, error) {
	if q.Burst == 0 {
		q.Burst = DefaultBurst(q.RPS)
	}
	if err := q.Validate(); err != nil {
		return Bound{}, false, err
	}
	value, err := json.Marshal(q)
	if err != nil {
		return Bound{}, false, fmt.Errorf("put quota %s: %w", q.Segment, err)
	}
	key := QuotaKey + q.Segment
	ctx, cancel := context.WithTimeout(context.Background(), r.cfg.Timeout)
	defer cancel()
	var created, same bool
	var index uint64
	former := Former{Index: math.MaxUint64} // where nothing changes, it is not known who holds what
	out, err := r.ledger.Update(ctx, []string{key}, func(now map[string]gossip.Record) (gossip.Txn, error) {
		before, exists, err := current(now[key])
		if err != nil {
			return gossip.Txn{}, err
		}
		if err := pre.Check(before.tag(exists)); err != nil {
			return gossip.Txn{}, err
		}
		created, same, index = !exists, exists && before.Quota == q, before.Revision
		if same {
			return gossip.Txn{}, nil
		}
		if created && r.full() {
			return gossip.Txn{}, ErrTooMany
		}
		former = Former{Index: now[key].Index, Outlasts: exists && (before.Quota.Segment == "" || before.Quota.Outlasts(q))}
		return change(gossip.Put{Key: key, Value: value}), nil
	})
	if err != nil {
		return Bound{}, false, refused("put quota "+q.Segment, err)
	}
	if !same {
		index = out.Index
	}
	at, err := r.settle(ctx, q.Segment, index, former)
	if err != nil {
		return Bound{}, false, fmt.Errorf("put quota %s: %w", q.Segment, err)
	}
	return Bound{Versioned: Versioned{Quota: q, Revision: index}, EffectiveAt: at}, created, nil
}

// Delete removes a quota if the precondition holds for what the log has now, and
// returns from when on nobody is bound by it, as Put does. It returns
// ErrNotFound, ErrPreconditionFailed, ErrInvalid or the ledger's error, as Put.
func (r *Registry) Delete(segment string, pre Precondition) (time.Time, error) {
	key := QuotaKey + segment
	ctx, cancel := context.WithTimeout(context.Background(), r.cfg.Timeout)
	defer cancel()
	out, err := r.ledger.Update(ctx, []string{key}, func(now map[string]gossip.Record) (gossip.Txn, error) {
		before, exists, err := current(now[key])
		if err != nil {
			return gossip.Txn{}, err
		}
		if !exists { // conditions are not evaluated: RFC 9110 §13.2.1
			return gossip.Txn{}, ErrNotFound
		}
		if err := pre.Check(before.tag(true)); err != nil {
			return gossip.Txn{}, err
		}
		return change(gossip.Put{Key: key, Delete: true}), nil
	})
	if err != nil {
		return time.Time{}, refused("delete quota "+segment, err)
	}
	at, err := r.settle(ctx, segment, out.Index, Former{})
	if err != nil {
		return time.Time{}, fmt.Errorf("delete quota %s: %w", segment, err)
	}
	return at, nil
}

// current reads what the log has now. What cannot be read exists: it can be
// replaced, but by no precondition.
func current(rec gossip.Record) (v Versioned, exists bool, err error) {
	if rec.Index == 0 || rec.Deleted {
		return Versioned{}, false, nil
	}
	if v, err = definition(rec); err != nil {
		return Versioned{Revision: rec.Index}, true, nil
	}
	return v, true, nil
}

// change is the transaction of one put; the ledger adds the guards.
func change(put gossip.Put) gossip.Txn { return gossip.Txn{Puts: []gossip.Put{put}} }

// refused wraps what is not about the request.
func refused(op string, err error) error {
	var invalid ErrInvalid
	for _, about := range []error{ErrNotFound, ErrPreconditionFailed, ErrTooMany} {
		if errors.Is(err, about) {
			return about
		}
	}
	if errors.As(err, &invalid) {
		return invalid
	}
	return fmt.Errorf("%s: %w", op, err)
}

func (r *Registry) full() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.bound) >= MaxQuotas
}

// Limits of one page of List.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// List returns up to limit quotas (0: DefaultPage; at most MaxPage) in the order
// of their segments, those after the cursor "after" ("" for the first page), and
// the cursor of the next page, "" if this is the last. A quota that is there from
// the first page to the last is listed exactly once, whatever else changes.
func (r *Registry) List(after string, limit int) ([]Bound, string, error) {
	if after != "" && !ValidSegment(after) {
		return nil, "", ErrInvalid{"after", "must be the cursor that a page gave as its next"}
	}
	if limit < 0 || limit > MaxPage {
		return nil, "", ErrInvalid{"limit", "must be a whole number from 1 to " + strconv.Itoa(MaxPage)}
	}
	if limit == 0 {
		limit = DefaultPage
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	from, _ := slices.BinarySearchFunc(r.order, after, func(s, after string) int {
		if strings.Compare(s, after) <= 0 {
			return -1
		}
		return 1
	})
	page := r.order[from:]
	next := ""
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1]
	}
	items := make([]Bound, 0, len(page))
	for _, segment := range page {
		items = append(items, r.bound[segment])
	}
	return items, next, nil
}
