package auth

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/gossip"
)

// Limits of the tokens in the control log.
const (
	MaxTokens = 1000
	// MaxTokenLife is how far ahead a token may expire.
	MaxTokenLife = 10 * 365 * 24 * time.Hour
)

// Ledger changes records of the control log: gossip/control's client.
type Ledger interface {
	// Update has compute called, perhaps more than once, with the current records
	// of keys, and carries out the transaction that it returns if they still are
	// what they were; an empty one changes nothing. An error of compute comes back
	// as it is.
	Update(ctx context.Context, keys []string, compute func(map[string]gossip.Record) (gossip.Txn, error)) (gossip.Outcome, error)
}

// Register makes and removes the tokens of the control log, from any node. Safe
// for concurrent use.
type Register struct {
	records *gossip.Records
	ledger  Ledger
	tokens  *Tokens // whose configured names are taken
	now     func() time.Time
}

// NewRegister returns a register of the tokens that tokens follows.
func NewRegister(tokens *Tokens, records *gossip.Records, ledger Ledger, now func() time.Time) *Register {
	return &Register{records: records, ledger: ledger, tokens: tokens, now: now}
}

// NewTokenSpec is a token to be made.
type NewTokenSpec struct {
	Name    string
	Scopes  []Scope
	Expires time.Time // zero is never
}

// Validate returns an *InvalidError for what is no token at that time.
func (s NewTokenSpec) Validate(now time.Time) error {
	if !cachekey.ValidID(s.Name) {
		return &InvalidError{"name", fmt.Sprintf("is %.80q; must match [a-z][a-z0-9_-]{0,63}", s.Name)}
	}
	known := make([]string, len(Scopes()))
	for i, k := range Scopes() {
		known[i] = string(k)
	}
	if len(s.Scopes) == 0 {
		return &InvalidError{"scopes", "must name at least one of " + strings.Join(known, ", ")}
	}
	for i, scope := range s.Scopes {
		at := fmt.Sprintf("scopes[%d]", i)
		if !slices.Contains(Scopes(), scope) {
			return &InvalidError{at, fmt.Sprintf("is %.80q; must be one of %s", scope, strings.Join(known, ", "))}
		}
		if slices.Contains(s.Scopes[:i], scope) {
			return &InvalidError{at, fmt.Sprintf("is %q, as another; each must stand once", scope)}
		}
	}
	if !s.Expires.IsZero() && (!s.Expires.After(now) || s.Expires.After(now.Add(MaxTokenLife))) {
		return &InvalidError{"expires", "must be in the future, by at most ten years"}
	}
	return nil
}

// Create makes a token for somebody, by whoever may do what it is to do, and
// returns its secret, which nobody can tell later. Errors are *InvalidError,
// ErrNotYours, ErrTokenExists, ErrTooManyTokens and the ledger's; after one of
// the ledger's the token may turn out to exist, and nobody knows its secret. A
// name whose token has expired is free.
func (r *Register) Create(ctx context.Context, spec NewTokenSpec, by Principal) (Recorded, string, error) {
	now := r.now().UTC()
	if err := spec.Validate(now); err != nil {
		return Recorded{}, "", err
	}
	for _, s := range spec.Scopes {
		if !by.Allows(s) {
			return Recorded{}, "", fmt.Errorf("%w: %s has not %s", ErrNotYours, by.Name, s)
		}
	}
	if slices.ContainsFunc(r.tokens.configured, func(t Token) bool { return t.Name == spec.Name }) {
		return Recorded{}, "", ErrTokenExists
	}
	secret := NewToken()
	made := Recorded{
		Token:   Token{Name: spec.Name, Hash: HashToken(secret), Scopes: slices.Clone(spec.Scopes), Expires: spec.Expires.UTC().Round(0)},
		Created: now.Round(0), By: by.Name,
	}
	value, err := made.value()
	if err != nil {
		return Recorded{}, "", fmt.Errorf("create token %s: %w", spec.Name, err)
	}
	key := TokenKey + spec.Name
	out, err := r.ledger.Update(ctx, []string{key}, func(is map[string]gossip.Record) (gossip.Txn, error) {
		before, there := is[key]
		if there = there && !before.Deleted; there {
			old, err := readToken(before)
			if err == nil && old.Hash == made.Hash {
				return gossip.Txn{}, nil // an earlier try of this very update
			}
			if err != nil || old.Expires.IsZero() || now.Before(old.Expires) {
				return gossip.Txn{}, ErrTokenExists
			}
		}
		if !there && len(r.records.List(TokenKey)) >= MaxTokens {
			return gossip.Txn{}, ErrTooManyTokens
		}
		return gossip.Txn{Puts: []gossip.Put{{Key: key, Value: value}}}, nil
	})
	if err != nil {
		return Recorded{}, "", fmt.Errorf("create token %s: %w", spec.Name, err)
	}
	made.Revision = out.Index
	if rec, ok := r.records.Get(key); ok { // after an earlier try, its index
		if is, err := readToken(rec); err == nil && is.Hash == made.Hash {
			made.Revision = is.Revision
		}
	}
	return made, secret, nil
}

// Get returns a token, or ErrNoSuchToken.
func (r *Register) Get(name string) (Recorded, error) {
	rec, ok := r.records.Get(TokenKey + name)
	if !ok {
		return Recorded{}, ErrNoSuchToken
	}
	return readToken(rec)
}

// List returns up to limit tokens by name, those after the name "after", and
// that of the last one if there are more.
func (r *Register) List(after string, limit int) (page []Recorded, next string) {
	list := recorded(r.records, func(error) {}) // told by Follow
	from, found := slices.BinarySearchFunc(list, after, func(t Recorded, after string) int { return strings.Compare(t.Name, after) })
	if found {
		from++
	}
	page = list[from:]
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].Name
	}
	return page, next
}

// Delete removes a token, if match accepts its entity tag. It returns
// ErrNoSuchToken, match's error or the ledger's.
func (r *Register) Delete(ctx context.Context, name string, match func(etag string) error) error {
	if !cachekey.ValidID(name) {
		return ErrNoSuchToken
	}
	key := TokenKey + name
	_, err := r.ledger.Update(ctx, []string{key}, func(is map[string]gossip.Record) (gossip.Txn, error) {
		before, there := is[key]
		if !there || before.Deleted {
			return gossip.Txn{}, ErrNoSuchToken
		}
		// One that cannot be read can be removed, but by no precondition.
		tag := ""
		if old, err := readToken(before); err == nil {
			tag = old.ETag()
		}
		if err := match(tag); err != nil {
			return gossip.Txn{}, err
		}
		return gossip.Txn{Puts: []gossip.Put{{Key: key, Delete: true}}}, nil
	})
	if err != nil {
		return fmt.Errorf("remove token %s: %w", name, err)
	}
	return nil
}
