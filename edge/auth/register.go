package auth

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/gossip"
)

// TokenKey begins the key of a token's record in the control log; its name
// follows. The record holds the token's hash, never the token.
const TokenKey = "token/"

// MaxIssued bounds the tokens of a cluster: each of them is compared with what
// every request carries.
const MaxIssued = 1000

// Ledger changes records of the control log: gossip/control's client.
type Ledger interface {
	Update(ctx context.Context, keys []string, compute func(map[string]gossip.Record) (gossip.Txn, error)) (gossip.Outcome, error)
}

// ClusterToken is a token that the cluster knows.
type ClusterToken struct {
	Name    string
	Scopes  []Scope
	Created time.Time
	Expires time.Time // zero: never
	By      string    // the token that made it
	// ETag is the strong validator of the record (RFC 9110 §8.8.1).
	ETag string
}

// tokenRecord is its record.
type tokenRecord struct {
	Hash    string    `json:"hash"`
	Scopes  []Scope   `json:"scopes"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"`
	By      string    `json:"by,omitempty"`

	index uint64 // of the record
}

// etag holds something of the hash beside the index, which may come again where a
// cluster was made anew; not the hash itself, which is told to nobody.
func (t tokenRecord) etag() string {
	sum := sha256.Sum256([]byte(t.Hash))
	return fmt.Sprintf(`"%d-%x"`, t.index, sum[:8])
}

// over reports whether the token has expired.
func (t tokenRecord) over(now time.Time) bool { return !t.Expires.IsZero() && !now.Before(t.Expires) }

// Reasons to refuse a change of tokens.
var (
	// ErrTokenExists: there is one of that name.
	ErrTokenExists = errors.New("there is a token of that name already")
	// ErrUnknownToken: there is none of that name in the control log.
	ErrUnknownToken = errors.New("there is no such token")
	// ErrTooManyTokens: there are MaxIssued.
	ErrTooManyTokens = errors.New("there are too many tokens")
)

// Register makes and removes tokens for all nodes. Safe for concurrent use.
type Register struct {
	tokens  *Tokens
	records *gossip.Records
	ledger  Ledger
	now     func() time.Time
	log     *slog.Logger
}

// NewRegister returns a register whose tokens are known to tokens from now on,
// beside the configured ones.
func NewRegister(tokens *Tokens, records *gossip.Records, ledger Ledger, now func() time.Time, log *slog.Logger) *Register {
	r := &Register{tokens: tokens, records: records, ledger: ledger, now: now, log: log}
	records.Subscribe(func(changed []gossip.Record) {
		if slices.ContainsFunc(changed, func(rec gossip.Record) bool { return strings.HasPrefix(rec.Key, TokenKey) }) {
			r.follow()
		}
	})
	r.follow()
	return r
}

// follow takes in what the records say. A record that cannot be read lets nobody
// in.
func (r *Register) follow() {
	var list []Token
	for name, t := range r.all() {
		hash, err := ParseHash(t.Hash)
		if err != nil {
			r.log.Error("token of the control log not understood", "token", name, "err", err)
			continue
		}
		list = append(list, Token{Name: name, Hash: hash, Scopes: t.Scopes, Expires: t.Expires})
	}
	r.tokens.issued.Store(&list)
}

func (r *Register) all() map[string]tokenRecord {
	all := map[string]tokenRecord{}
	for _, rec := range r.records.List(TokenKey) {
		var t tokenRecord
		if err := json.Unmarshal(rec.Value, &t); err != nil {
			r.log.Error("token of the control log not understood", "record", rec.Key, "err", err)
			continue
		}
		t.index = rec.Index
		all[strings.TrimPrefix(rec.Key, TokenKey)] = t
	}
	return all
}

// List returns the tokens of the control log, by name.
func (r *Register) List() []ClusterToken {
	var list []ClusterToken
	for name, t := range r.all() {
		list = append(list, t.as(name))
	}
	slices.SortFunc(list, func(a, b ClusterToken) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func (t tokenRecord) as(name string) ClusterToken {
	return ClusterToken{name, t.Scopes, t.Created, t.Expires, t.By, t.etag()}
}

// Create makes a token, which is told once: nobody keeps it. expires is zero for
// one that does not. Errors are ErrTokenExists, ErrTooManyTokens, the ledger's, and
// one that says what is wrong with the name or a scope; after one of the ledger's the
// token may turn out to exist, and nobody knows it. A name whose token has expired
// is free.
func (r *Register) Create(ctx context.Context, name string, scopes []Scope, expires time.Time, by string) (string, ClusterToken, error) {
	if !cachekey.ValidID(name) {
		return "", ClusterToken{}, fmt.Errorf("name %q: must be [a-z][a-z0-9_-]{0,63}", name)
	}
	if r.tokens.configured(name) {
		return "", ClusterToken{}, ErrTokenExists
	}
	token := NewToken()
	t := tokenRecord{Hash: HashToken(token).String(), Scopes: scopes, Created: r.now().UTC().Truncate(time.Second), Expires: expires.UTC(), By: by}
	if expires.IsZero() {
		t.Expires = time.Time{}
	}
	value, err := json.Marshal(t)
	if err != nil {
		return "", ClusterToken{}, fmt.Errorf("create token %s: %w", name, err)
	}
	key := TokenKey + name
	out, err := r.ledger.Update(ctx, []string{key}, func(now map[string]gossip.Record) (gossip.Txn, error) {
		if rec, ok := now[key]; ok && !rec.Deleted {
			var is tokenRecord
			if err := json.Unmarshal(rec.Value, &is); err == nil && is.Hash == t.Hash {
				// This very update was carried out, and its answer lost.
				t.index = rec.Index
				return gossip.Txn{}, nil
			} else if err != nil || !is.over(r.now()) {
				return gossip.Txn{}, ErrTokenExists
			}
		} else if len(r.records.List(TokenKey)) >= MaxIssued {
			return gossip.Txn{}, ErrTooManyTokens
		}
		return gossip.Txn{Puts: []gossip.Put{{Key: key, Value: value}}}, nil
	})
	if err != nil {
		return "", ClusterToken{}, err
	}
	if t.index == 0 {
		t.index = out.Index
	}
	return token, t.as(name), nil
}

// Remove takes a token back, if match accepts its entity tag; "" for a record that
// cannot be read. The error is ErrUnknownToken, match's, or the ledger's.
func (r *Register) Remove(ctx context.Context, name string, match func(etag string) error) error {
	if !cachekey.ValidID(name) {
		return ErrUnknownToken
	}
	key := TokenKey + name
	_, err := r.ledger.Update(ctx, []string{key}, func(now map[string]gossip.Record) (gossip.Txn, error) {
		rec, ok := now[key]
		if !ok || rec.Deleted {
			return gossip.Txn{}, ErrUnknownToken
		}
		is, tag := tokenRecord{}, ""
		if json.Unmarshal(rec.Value, &is) == nil {
			is.index = rec.Index
			tag = is.etag()
		}
		if err := match(tag); err != nil {
			return gossip.Txn{}, err
		}
		return gossip.Txn{Puts: []gossip.Put{{Key: key, Delete: true}}}, nil
	})
	return err
}
