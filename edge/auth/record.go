package auth

import (
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

// TokenKey begins the key of a token's record in the control log; the name
// follows. The value holds the token's hash, never the token.
const TokenKey = "token/"

// tokenValue is the value of a record token/<name>.
type tokenValue struct {
	Hash    string     `json:"hash"`
	Scopes  []Scope    `json:"scopes"`
	Created time.Time  `json:"created"`
	Expires *time.Time `json:"expires,omitempty"`
	By      string     `json:"by,omitempty"`
}

// Recorded is a token of the control log.
type Recorded struct {
	Token
	Created  time.Time
	By       string // the token that it was made with
	Revision uint64 // the index of its record
}

// ETag is the strong validator of the record (RFC 9110 §8.8.1). It holds some
// of the hash beside the index, which may come again where a cluster was made
// anew.
func (r Recorded) ETag() string {
	sum := sha256.Sum256(r.Hash[:]) // not the hash itself: that is told to nobody
	return fmt.Sprintf(`"%d-%x"`, r.Revision, sum[:8])
}

// readToken reads a record. Scopes that are not known are left out: a later
// release may have written it.
func readToken(rec gossip.Record) (Recorded, error) {
	var v tokenValue
	if err := json.Unmarshal(rec.Value, &v); err != nil {
		return Recorded{}, fmt.Errorf("record %s: %w", rec.Key, err)
	}
	hash, err := ParseHash(v.Hash)
	if err != nil {
		return Recorded{}, fmt.Errorf("record %s: %w", rec.Key, err)
	}
	r := Recorded{Token: Token{Name: strings.TrimPrefix(rec.Key, TokenKey), Hash: hash}, Created: v.Created, By: v.By, Revision: rec.Index}
	if !cachekey.ValidID(r.Name) {
		return Recorded{}, fmt.Errorf("record %s: its key names no token", rec.Key)
	}
	for _, s := range v.Scopes {
		if slices.Contains(Scopes(), s) {
			r.Scopes = append(r.Scopes, s)
		}
	}
	if v.Expires != nil {
		r.Expires = *v.Expires
	}
	return r, nil
}

func (r Recorded) value() ([]byte, error) {
	v := tokenValue{Hash: r.Hash.String(), Scopes: r.Scopes, Created: r.Created, By: r.By}
	if !r.Expires.IsZero() {
		v.Expires = &r.Expires
	}
	return json.Marshal(v)
}

// Follow has t know the tokens of the control log too, those of now and those of
// every change that comes. A record that cannot be read is nobody's token, and is
// told to log.
func (t *Tokens) Follow(records *gossip.Records, now func() time.Time, log *slog.Logger) {
	update := func() {
		all := &current{now: now}
		for _, r := range recorded(records, func(err error) { log.Error("token not understood", "err", err) }) {
			all.list = append(all.list, r.Token)
		}
		t.recorded.Store(all)
	}
	records.Subscribe(func(changed []gossip.Record) {
		if slices.ContainsFunc(changed, func(r gossip.Record) bool { return strings.HasPrefix(r.Key, TokenKey) }) {
			update()
		}
	})
	update()
}

// recorded lists the tokens of the control log by name.
func recorded(records *gossip.Records, bad func(error)) []Recorded {
	var list []Recorded
	for _, rec := range records.List(TokenKey) {
		r, err := readToken(rec)
		if err != nil {
			bad(err)
			continue
		}
		list = append(list, r)
	}
	return list
}

// InvalidError says which field of a new token is wrong, and what it allows.
type InvalidError struct{ Field, Reason string }

// Error returns a sentence that begins with the field.
func (e *InvalidError) Error() string { return e.Field + " " + e.Reason }

// The reasons for which a change of tokens is refused.
var (
	// ErrNoSuchToken: no token of the control log has that name.
	ErrNoSuchToken = errors.New("no such token")
	// ErrTokenExists: one has it already, or a configured one.
	ErrTokenExists = errors.New("a token of that name exists already")
	// ErrTooManyTokens: there are MaxTokens.
	ErrTooManyTokens = fmt.Errorf("there are %d tokens, as many as there may be; remove one first", MaxTokens)
	// ErrNotYours: the creator has not the scope itself.
	ErrNotYours = errors.New("a token can be given no scope that the one it is made with has not")
)
