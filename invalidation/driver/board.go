package driver

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// Board is where updates are asked for and rollouts looked at, on any node.
type Board struct {
	records *gossip.Records
	ledger  Ledger
	plans   map[string]rollout.Plan
	now     func() time.Time

	mu       sync.Mutex
	watchers map[chan rollout.Rollout]string // rollout by channel; guarded by mu
}

// Limits of what is kept.
const (
	maxOpen     = 64   // rollouts that are not final
	maxKept     = 256  // rollouts at all
	maxWatchers = 1024 // of one node
)

// ErrTooMany says that there are too many rollouts, or watchers of them.
var ErrTooMany = errors.New("there are too many already")

// NewBoard returns a Board with the plans that updates may name.
func NewBoard(records *gossip.Records, ledger Ledger, plans map[string]rollout.Plan, now func() time.Time) *Board {
	b := &Board{records: records, ledger: ledger, plans: maps.Clone(plans), now: now, watchers: map[chan rollout.Rollout]string{}}
	records.Subscribe(b.tell)
	return b
}

// Order asks for an update.
type Order struct {
	Documents []rollout.Version
	Artifacts []string
	Plan      string // "" is the default
	By        string
	DryRun    bool // decide, but change nothing
	// Key makes it safe to send the order again, through any node, for KeyLife: it
	// is answered as it was the first time. Body stands for what was asked. Both are
	// digests; an empty Key is none.
	Key, Body string
}

// Submitted is what became of an order.
type Submitted struct {
	Rollout string // "" if nothing changes
	State   string // of the rollout, or unchanged
}

// Unchanged is the state of an update that brings nothing new.
const Unchanged = "unchanged"

// Submit takes an update in. Errors are *rollout.FieldError for one that is none,
// *rollout.ConflictError for one that does not fit what is recorded, ErrTooMany,
// ErrOtherBody, and the ledger's.
func (b *Board) Submit(ctx context.Context, o Order) (Submitted, error) {
	if o.Plan == "" {
		o.Plan = rollout.DefaultPlan
	}
	plan, ok := b.plans[o.Plan]
	if !ok {
		return Submitted{}, &rollout.FieldError{Field: "plan", Reason: "must be one of " + strings.Join(slices.Sorted(maps.Keys(b.plans)), ", ")}
	}
	u := rollout.Update{Documents: o.Documents, Artifacts: o.Artifacts, Plan: plan, By: o.By}
	if err := u.Validate(); err != nil {
		return Submitted{}, err
	}
	if len(o.Key) > maxDigest || len(o.Body) > maxDigest {
		return Submitted{}, fmt.Errorf("submit: a key and a body's digest have at most %d bytes", maxDigest)
	}
	id, err := b.newID()
	if err != nil {
		return Submitted{}, err
	}
	known, stale := b.known()
	for {
		out, err := b.submit(ctx, o, u, id, known, stale)
		var unseen *unseenError
		if !errors.As(err, &unseen) || len(known) > 2*maxOpen {
			return out, err
		}
		known = append(known, unseen.rollouts...)
	}
}

// unseenError names rollouts that the control log knows and this node does not yet.
type unseenError struct{ rollouts []string }

// Error is what is told where the log goes on faster than it can be read.
func (e *unseenError) Error() string {
	return "other updates of these documents are being taken in: " + strings.Join(e.rollouts, ", ")
}

// submit takes an update in beside the rollouts that are known.
func (b *Board) submit(ctx context.Context, o Order, u rollout.Update, id string, known, stale []string) (Submitted, error) {
	keys := []string{rollout.RolloutKey + id}
	for _, v := range u.Documents {
		keys = append(keys, rollout.DocumentKey+v.ID)
	}
	for _, key := range known {
		keys = append(keys, rollout.RolloutKey+key)
	}
	if o.Key != "" {
		keys = append(keys, askedKey(o.Key))
	}
	var out Submitted
	_, err := b.ledger.Update(ctx, keys, func(now map[string]gossip.Record) (gossip.Txn, error) {
		at := b.now()
		var puts []gossip.Put
		done, before, err := repeated(o, at, now)
		if out = done; before || err != nil {
			return gossip.Txn{}, err
		}
		if unseen := b.unseen(u, known, now); unseen != nil {
			return gossip.Txn{}, &unseenError{unseen}
		}
		if len(known) >= maxOpen {
			return gossip.Txn{}, fmt.Errorf("%w: %d rollouts are not finished", ErrTooMany, len(known))
		}
		out, puts, err = decide(u, id, at, known, now)
		if err != nil || o.DryRun {
			return gossip.Txn{}, err
		}
		if len(puts) > 0 {
			for _, old := range stale {
				puts = append(puts, gossip.Put{Key: rollout.RolloutKey + old, Delete: true})
			}
		}
		own, err := remember(o, out, at, now)
		return gossip.Txn{Puts: append(puts, own...)}, err
	})
	if err == nil && o.DryRun && out.Rollout == id {
		out.Rollout = "" // there is none
	}
	return out, err
}

// known returns the ids of the rollouts that are not final, and of old ones that
// are not worth keeping.
func (b *Board) known() (open, stale []string) {
	all := b.list()
	for i, r := range all {
		switch {
		case !r.Final():
			open = append(open, r.ID)
		case i >= maxKept && len(stale) < 16:
			stale = append(stale, r.ID)
		}
	}
	return open, stale
}

// unseen returns the rollouts that brought u's versions, or the latest ones, by the
// log's records, and that are neither known nor here.
func (b *Board) unseen(u rollout.Update, known []string, now map[string]gossip.Record) (ids []string) {
	for _, v := range u.Documents {
		d, err := rollout.ReadDocument(now[rollout.DocumentKey+v.ID])
		if err != nil {
			continue // decide says so
		}
		for i, p := range d.Pushed {
			if p.Version != v.Version && i < len(d.Pushed)-1 || p.Rollout == "" || slices.Contains(known, p.Rollout) || slices.Contains(ids, p.Rollout) {
				continue
			}
			if _, here := b.records.Get(rollout.RolloutKey + p.Rollout); !here {
				ids = append(ids, p.Rollout)
			}
		}
	}
	return ids
}

// decide is what a submission makes of the records.
func decide(u rollout.Update, id string, at time.Time, known []string, now map[string]gossip.Record) (Submitted, []gossip.Put, error) {
	documents := map[string]rollout.Document{}
	before := rollout.Book{Documents: map[string]rollout.Document{}}
	for _, v := range u.Documents {
		d, err := rollout.ReadDocument(now[rollout.DocumentKey+v.ID])
		if err != nil {
			return Submitted{}, nil, err
		}
		documents[v.ID], before.Documents[v.ID] = d, d
	}
	var open []rollout.Rollout
	for _, key := range known {
		r, err := rollout.ReadRollout(now[rollout.RolloutKey+key])
		if err != nil {
			return Submitted{}, nil, err
		}
		if r.ID != "" {
			open = append(open, r)
		}
	}
	a, err := rollout.Accept(u, id, at, documents, open)
	switch {
	case err != nil:
		return Submitted{}, nil, err
	case a.Rollout.ID == "":
		return Submitted{State: Unchanged}, nil, nil
	case a.Existing:
		return Submitted{a.Rollout.ID, string(a.Rollout.State)}, nil, nil
	}
	puts, err := rollout.Puts(a.Rollout, before, rollout.Book{Documents: a.Documents})
	for _, o := range a.Overtaken {
		more, err := rollout.Puts(o, rollout.Book{}, rollout.Book{})
		if err != nil {
			return Submitted{}, nil, err
		}
		puts = append(puts, more[0]) // its own record: it has touched nothing
	}
	return Submitted{id, string(a.Rollout.State)}, puts, err
}

// newID names a rollout: when, and at random.
func (b *Board) newID() (string, error) {
	var random [4]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", fmt.Errorf("name a rollout: %w", err)
	}
	return b.now().UTC().Format("20060102t150405.000")[:15] + "-" + hex.EncodeToString(random[:]), nil
}

// list returns all rollouts, the latest first.
func (b *Board) list() []rollout.Rollout {
	var all []rollout.Rollout
	for _, rec := range b.records.List(rollout.RolloutKey) {
		if r, err := rollout.ReadRollout(rec); err == nil && r.ID != "" {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(x, y rollout.Rollout) int {
		if c := y.Created.Compare(x.Created); c != 0 {
			return c
		}
		return strings.Compare(y.ID, x.ID)
	})
	return all
}

// List returns up to limit rollouts, the latest first, those behind after; next
// is the after of the next page, "" on the last.
func (b *Board) List(after string, limit int) (page []rollout.Rollout, next string) {
	all := b.list()
	if after != "" {
		at := slices.IndexFunc(all, func(r rollout.Rollout) bool { return r.ID == after })
		if at < 0 {
			return nil, ""
		}
		all = all[at+1:]
	}
	if len(all) > limit {
		return all[:limit], all[limit-1].ID
	}
	return all, ""
}

// Find returns a rollout that this node or, if that has not been told of it yet,
// the control log knows: who has just been given an id may ask any node for it.
// Errors are rollout.ErrUnknown and the ledger's.
func (b *Board) Find(ctx context.Context, id string) (rollout.Rollout, error) {
	r, err := b.Get(id)
	if !errors.Is(err, rollout.ErrUnknown) || len(id) > maxID {
		return r, err
	}
	ctx, cancel := context.WithTimeout(ctx, findTimeout)
	defer cancel()
	key := rollout.RolloutKey + id
	_, err = b.ledger.Update(ctx, []string{key}, func(now map[string]gossip.Record) (gossip.Txn, error) {
		var err error
		if r, err = rollout.ReadRollout(now[key]); err == nil && r.ID == "" {
			err = rollout.ErrUnknown
		}
		return gossip.Txn{}, err
	})
	return r, err
}

// findTimeout is how long the control log is waited for by who only looks.
const findTimeout = 2 * time.Second

// Get returns a rollout that this node knows; the error is rollout.ErrUnknown.
func (b *Board) Get(id string) (rollout.Rollout, error) {
	if len(id) > maxID {
		return rollout.Rollout{}, rollout.ErrUnknown
	}
	rec, ok := b.records.Get(rollout.RolloutKey + id)
	if !ok {
		return rollout.Rollout{}, rollout.ErrUnknown
	}
	return rollout.ReadRollout(rec)
}

const maxID = 64

// Documents returns up to limit records of documents, by id, those behind after.
func (b *Board) Documents(after string, limit int) (page []rollout.Document, next string, err error) {
	for _, rec := range b.records.List(rollout.DocumentKey) {
		if strings.TrimPrefix(rec.Key, rollout.DocumentKey) <= after {
			continue
		}
		if len(page) == limit {
			return page, page[limit-1].ID, nil
		}
		d, err := rollout.ReadDocument(rec)
		if err != nil {
			return nil, "", err
		}
		page = append(page, d)
	}
	return page, "", nil
}

// Command applies what somebody decided to a rollout: rollout.Abort,
// rollout.Promote or rollout.Rollback. It returns the rollout as it is then.
// Errors are rollout.ErrUnknown, a *rollout.ConflictError, and the ledger's.
func (b *Board) Command(ctx context.Context, id string, e rollout.Event) (rollout.Rollout, error) {
	r, err := b.Find(ctx, id)
	if err != nil {
		return r, err
	}
	var after rollout.Rollout
	_, err = b.ledger.Update(ctx, r.Keys(), func(now map[string]gossip.Record) (gossip.Txn, error) {
		before, err := rollout.ReadRollout(now[rollout.RolloutKey+id])
		if err != nil {
			return gossip.Txn{}, err
		}
		if before.ID == "" {
			return gossip.Txn{}, rollout.ErrUnknown
		}
		if err := b.allowed(before, e, now); err != nil {
			return gossip.Txn{}, err
		}
		after, _ = rollout.Next(before, e)
		puts, err := rollout.Write(before, &after, before.Term, now)
		return gossip.Txn{Puts: puts}, err
	})
	return after, err
}

// allowed refuses a command that a rollout's state does not allow.
func (b *Board) allowed(r rollout.Rollout, e rollout.Event, now map[string]gossip.Record) error {
	refuse := func(format string, args ...any) error {
		return &rollout.ConflictError{Reason: fmt.Sprintf(format, args...)}
	}
	switch e.(type) {
	case rollout.Abort:
		if r.State != rollout.Waiting && r.State != rollout.Running && r.State != rollout.Paused {
			return refuse("rollout %s is %s; only a waiting, running or paused one is aborted", r.ID, r.State)
		}
	case rollout.Promote:
		if r.State != rollout.Paused {
			return refuse("rollout %s is %s; only a paused one is promoted", r.ID, r.State)
		}
	case rollout.Rollback:
		if r.Plan.Adopt {
			return refuse("rollout %s has adopted what was shown; there is nothing to go back to", r.ID)
		}
		for _, o := range b.list() {
			if o.ID != r.ID && o.Started() && !o.Final() && r.Meets(o) {
				return refuse("rollout %s is under way for the same artifacts", o.ID)
			}
		}
		book, err := rollout.ReadBook(r, now)
		if err != nil {
			return err
		}
		return rollout.Revert(r, book)
	}
	return nil
}
