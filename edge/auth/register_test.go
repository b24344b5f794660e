package auth

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/gossip"
)

// ledger is a control log of one node; twice has it compute every change again
// after it was made, as one whose answer is lost does.
type ledger struct {
	records *gossip.Records
	twice   bool
	fail    error
}

func (l *ledger) Update(_ context.Context, keys []string, compute func(map[string]gossip.Record) (gossip.Txn, error)) (gossip.Outcome, error) {
	if l.fail != nil {
		return gossip.Outcome{}, l.fail
	}
	for again := l.twice; ; again = false {
		now := map[string]gossip.Record{}
		for _, k := range keys {
			if rec, ok := l.records.Get(k); ok {
				now[k] = rec
			}
		}
		txn, err := compute(now)
		if err != nil {
			return gossip.Outcome{}, err
		}
		out := gossip.Outcome{Applied: true, Index: l.records.Index()}
		if len(txn.Puts) > 0 {
			out = l.records.Apply(l.records.Index()+1, txn)
		}
		if !again {
			return out, nil
		}
	}
}

// tokens are those of a node with one configured token, and who has it.
func tokens(t *testing.T, records *gossip.Records, now func() time.Time, scopes ...Scope) (*Tokens, Principal) {
	t.Helper()
	known, err := NewTokens([]Token{{Name: "boss", Hash: HashToken("b0ss"), Scopes: scopes}})
	require.NoError(t, err)
	known.Follow(records, now, discard)
	boss, err := known.Authenticate("Bearer b0ss")
	require.NoError(t, err)
	return known, boss
}

func anyTag(string) error { return nil }

func TestTokensOfTheControlLog(t *testing.T) {
	now, l := newClock(), &ledger{records: gossip.NewRecords()}
	here, boss := tokens(t, l.records, now.Now, ScopeAdmin)
	there, _ := tokens(t, l.records, now.Now)
	r := NewRegister(here, l.records, l, now.Now)
	made, secret, err := r.Create(t.Context(), NewTokenSpec{Name: "ci", Scopes: []Scope{ScopePurges}, Expires: now.Now().Add(time.Hour)}, boss)
	require.NoError(t, err)
	require.Equal(t, "boss", made.By)
	for _, known := range []*Tokens{here, there} {
		p, err := known.Authenticate("Bearer " + secret)
		require.NoError(t, err)
		require.Equal(t, "ci", p.Name)
		require.True(t, p.Allows(ScopePurges))
		require.False(t, p.Allows(ScopeQuotas))
		_, err = known.Authenticate("Bearer " + made.Hash.String())
		require.ErrorIs(t, err, ErrBadToken)
		_, err = known.Authenticate("Bearer b0ss")
		require.NoError(t, err, "the configured one works on")
	}
	_, _, err = r.Create(t.Context(), NewTokenSpec{Name: "ci", Scopes: []Scope{ScopeRead}}, boss)
	require.ErrorIs(t, err, ErrTokenExists, "it has not expired yet")
	rec, _ := l.records.Get("token/ci")
	require.NotContains(t, string(rec.Value), secret)
	got, err := r.Get("ci")
	require.NoError(t, err)
	require.Equal(t, made, got)
	require.NotContains(t, got.ETag(), got.Hash.String()[8:20])

	// A node that starts later knows it too, and it ends on time.
	late, _ := tokens(t, l.records, now.Now)
	now.add(time.Hour - time.Nanosecond)
	_, err = late.Authenticate("Bearer " + secret)
	require.NoError(t, err)
	now.add(time.Nanosecond)
	_, err = late.Authenticate("Bearer " + secret)
	require.ErrorIs(t, err, ErrBadToken)

	// The name is free then; the former secret is not known again.
	_, next, err := r.Create(t.Context(), NewTokenSpec{Name: "ci", Scopes: []Scope{ScopeRead}}, boss)
	require.NoError(t, err)
	_, err = late.Authenticate("Bearer " + secret)
	require.ErrorIs(t, err, ErrBadToken)
	_, err = late.Authenticate("Bearer " + next)
	require.NoError(t, err)

	refusal := errors.New("not that one")
	require.ErrorIs(t, r.Delete(t.Context(), "ci", func(tag string) error {
		now, err := r.Get("ci")
		require.NoError(t, err)
		require.Equal(t, now.ETag(), tag)
		require.NotEqual(t, made.ETag(), tag)
		return refusal
	}), refusal)
	require.NoError(t, r.Delete(t.Context(), "ci", anyTag))
	for _, known := range []*Tokens{here, there, late} {
		_, err = known.Authenticate("Bearer " + next)
		require.ErrorIs(t, err, ErrBadToken)
	}
	require.ErrorIs(t, r.Delete(t.Context(), "ci", anyTag), ErrNoSuchToken)
	require.ErrorIs(t, r.Delete(t.Context(), "boss", anyTag), ErrNoSuchToken, "configured ones are in files")
	require.ErrorIs(t, r.Delete(t.Context(), "Not A Name", anyTag), ErrNoSuchToken)
	_, err = r.Get("ci")
	require.ErrorIs(t, err, ErrNoSuchToken)
	_, _, err = r.Create(t.Context(), NewTokenSpec{Name: "ci", Scopes: []Scope{ScopeRead}}, boss)
	require.NoError(t, err, "a removed one's name is free")
}

func TestRegisterRefuses(t *testing.T) {
	now, l := newClock(), &ledger{records: gossip.NewRecords()}
	known, boss := tokens(t, l.records, now.Now, ScopeTokens, ScopePurges)
	r := NewRegister(known, l.records, l, now.Now)
	var invalid *InvalidError
	for field, spec := range map[string]NewTokenSpec{
		"name":      {Name: "CI", Scopes: []Scope{ScopeRead}},
		"scopes":    {Name: "ci"},
		"scopes[1]": {Name: "ci", Scopes: []Scope{ScopeRead, "purge"}},
		"scopes[2]": {Name: "ci", Scopes: []Scope{ScopeRead, ScopePurges, ScopeRead}},
		"expires":   {Name: "ci", Scopes: []Scope{ScopeRead}, Expires: now.Now()},
	} {
		_, _, err := r.Create(t.Context(), spec, boss)
		require.ErrorAs(t, err, &invalid, field)
		require.Equal(t, field, invalid.Field)
	}
	require.ErrorAs(t, NewTokenSpec{Name: "ci", Scopes: []Scope{ScopeRead}, Expires: now.Now().Add(MaxTokenLife + 1)}.Validate(now.Now()), &invalid)
	for _, scope := range []Scope{ScopeAdmin, ScopeQuotas, ScopeDebug} {
		_, _, err := r.Create(t.Context(), NewTokenSpec{Name: "ci", Scopes: []Scope{ScopePurges, scope}}, boss)
		require.ErrorIs(t, err, ErrNotYours, "nobody gives what they have not")
	}
	_, _, err := r.Create(t.Context(), NewTokenSpec{Name: "boss", Scopes: []Scope{ScopeRead}}, boss)
	require.ErrorIs(t, err, ErrTokenExists, "a configured name")
	spec := NewTokenSpec{Name: "ci", Scopes: []Scope{ScopeRead, ScopePurges, ScopeTokens}}
	l.fail = errors.New("no quorum")
	_, _, err = r.Create(t.Context(), spec, boss)
	require.ErrorIs(t, err, l.fail)
	l.fail, l.twice = nil, true
	_, secret, err := r.Create(t.Context(), spec, boss)
	require.NoError(t, err, "an update that was made, and is tried again, is this one")
	_, err = known.Authenticate("Bearer " + secret)
	require.NoError(t, err)
	l.twice = false
	_, _, err = r.Create(t.Context(), spec, boss)
	require.ErrorIs(t, err, ErrTokenExists)
}

func TestTokensAreBoundedAndListed(t *testing.T) {
	now, l := newClock(), &ledger{records: gossip.NewRecords()}
	known, boss := tokens(t, l.records, now.Now, ScopeAdmin)
	r := NewRegister(known, l.records, l, now.Now)
	var all []string
	var recs []gossip.Record
	for i := range MaxTokens {
		name := fmt.Sprintf("t%04d", i)
		all = append(all, name)
		recs = append(recs, gossip.Record{Key: TokenKey + name, Index: uint64(i + 1), Value: []byte(
			fmt.Sprintf(`{"hash":%q,"scopes":["read","of-a-later-release"]}`, HashToken(name)))})
	}
	require.NoError(t, l.records.Merge(recs, MaxTokens))
	_, _, err := r.Create(t.Context(), NewTokenSpec{Name: "more", Scopes: []Scope{ScopeRead}}, boss)
	require.ErrorIs(t, err, ErrTooManyTokens)
	p, err := known.Authenticate("Bearer t0999")
	require.NoError(t, err)
	require.Equal(t, []Scope{ScopeRead}, p.scopes)
	require.NoError(t, r.Delete(t.Context(), "t0500", anyTag))
	_, _, err = r.Create(t.Context(), NewTokenSpec{Name: "more", Scopes: []Scope{ScopeRead}}, boss)
	require.NoError(t, err)
	var listed []string
	for after := ""; ; {
		page, next := r.List(after, 300)
		for _, tok := range page {
			listed = append(listed, tok.Name)
		}
		if after = next; after == "" {
			break
		}
	}
	want := append([]string{"more"}, append(all[:500:500], all[501:]...)...)
	require.Equal(t, want, listed)
}

// Whatever a record holds, it is a token or nobody's.
func FuzzTokenRecord(f *testing.F) {
	f.Add("ci", `{"hash":"`+HashToken("x").String()+`","scopes":["read"],"created":"2026-11-23T12:00:00Z","expires":"2027-11-23T12:00:00Z"}`)
	f.Add("CI", `{}`)
	f.Add("ci", `[1]`)
	f.Fuzz(func(t *testing.T, name, value string) {
		r, err := readToken(gossip.Record{Key: TokenKey + name, Index: 1, Value: []byte(value)})
		if err != nil {
			return
		}
		for _, s := range r.Scopes {
			if !(Principal{Name: "x", scopes: []Scope{ScopeAdmin}}).Allows(s) {
				t.Fatalf("%q", s)
			}
		}
		text, err := r.value()
		if err != nil {
			t.Skip() // a year beyond those of RFC 3339
		}
		again, err := readToken(gossip.Record{Key: TokenKey + name, Index: 1, Value: text})
		if err != nil || again.Hash != r.Hash || len(again.Scopes) != len(r.Scopes) || !again.Expires.Equal(r.Expires) {
			t.Fatalf("%+v is read as %+v, %v", r, again, err)
		}
	})
}
