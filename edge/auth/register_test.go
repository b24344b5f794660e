package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/gossip"
)

// log is a control log of one node.
type log struct {
	records *gossip.Records
	index   uint64
	down    error
	lost    bool // the answer of the next change: it is computed again
}

func (l *log) Update(_ context.Context, keys []string, compute func(map[string]gossip.Record) (gossip.Txn, error)) (gossip.Outcome, error) {
	if l.down != nil {
		return gossip.Outcome{}, l.down
	}
	now := map[string]gossip.Record{}
	for _, k := range keys {
		if r, ok := l.records.Get(k); ok {
			now[k] = r
		}
	}
	txn, err := compute(now)
	if err != nil {
		return gossip.Outcome{}, err
	}
	if len(txn.Puts) == 0 {
		return gossip.Outcome{Applied: true, Index: l.index}, nil
	}
	l.index++
	if l.lost {
		l.lost = false
		l.records.Apply(l.index, txn)
		return l.Update(context.Background(), keys, compute)
	}
	return l.records.Apply(l.index, txn), nil
}

// A token that is made through one node is known to all, until it expires or is
// taken back; what the log keeps is not the token.
func TestRegister(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &log{records: gossip.NewRecords()}
		tokens, err := NewTokens([]Token{{Name: "root", Hash: HashToken("root"), Scopes: []Scope{ScopeAdmin}}})
		require.NoError(t, err)
		r := NewRegister(tokens, l.records, l, time.Now, slog.New(slog.DiscardHandler))
		knows := func(tokens *Tokens, token string) bool {
			_, err := tokens.Authenticate("Bearer " + token)
			return err == nil
		}
		token, made, err := r.Create(t.Context(), "ci", []Scope{ScopePurges}, time.Now().Add(time.Hour), "root")
		require.NoError(t, err)
		require.Equal(t, "root", made.By)
		who, err := tokens.Authenticate("Bearer " + token)
		require.NoError(t, err)
		require.Equal(t, "ci", who.Name)
		require.True(t, who.Allows(ScopePurges))
		require.False(t, who.Allows(ScopeQuotas))
		for _, rec := range l.records.List("") {
			require.NotContains(t, string(rec.Value), token)
		}

		var other Tokens // of a node that has no configured ones, and starts later
		NewRegister(&other, l.records, l, time.Now, slog.New(slog.DiscardHandler))
		require.True(t, knows(&other, token))

		_, _, err = r.Create(t.Context(), "ci", []Scope{ScopeRead}, time.Time{}, "root")
		require.ErrorIs(t, err, ErrTokenExists)
		_, _, err = r.Create(t.Context(), "root", []Scope{ScopeRead}, time.Time{}, "root")
		require.ErrorIs(t, err, ErrTokenExists, "a configured one")
		_, _, err = r.Create(t.Context(), "Bad Name", []Scope{ScopeRead}, time.Time{}, "root")
		require.ErrorContains(t, err, "[a-z]")

		<-time.After(time.Hour)
		require.False(t, knows(tokens, token), "it has expired")
		forever, _, err := r.Create(t.Context(), "forever", []Scope{ScopeRead}, time.Time{}, "root")
		require.NoError(t, err)
		require.Equal(t, []string{"ci", "forever"}, []string{r.List()[0].Name, r.List()[1].Name})
		again, remade, err := r.Create(t.Context(), "ci", []Scope{ScopeRead}, time.Time{}, "root")
		require.NoError(t, err, "the name of an expired one is free")
		require.NotEqual(t, made.ETag, remade.ETag)
		require.Equal(t, r.List()[0].ETag, remade.ETag)
		require.False(t, knows(tokens, token), "and it stays what it was")
		refusal := errors.New("not that one")
		require.ErrorIs(t, r.Remove(t.Context(), "ci", func(tag string) error {
			require.Equal(t, remade.ETag, tag)
			return refusal
		}), refusal)
		require.True(t, knows(tokens, again))
		<-time.After(10000 * time.Hour)
		require.True(t, knows(tokens, forever))
		l.down = errors.New("no majority")
		require.ErrorIs(t, r.Remove(t.Context(), "forever", whichever), l.down)
		require.True(t, knows(tokens, forever), "without a majority nothing changes")
		l.down = nil
		require.NoError(t, r.Remove(t.Context(), "forever", whichever))
		require.ErrorIs(t, r.Remove(t.Context(), "forever", whichever), ErrUnknownToken)
		require.False(t, knows(tokens, forever))
		require.False(t, knows(&other, forever))
		require.True(t, knows(tokens, "root"))
	})
}

func TestRegisterIsBounded(t *testing.T) {
	l := &log{records: gossip.NewRecords()}
	var txn gossip.Txn
	for i := range MaxIssued {
		txn.Puts = append(txn.Puts, gossip.Put{Key: fmt.Sprintf("token/t%d", i), Value: []byte(`{"hash":"` + HashToken(fmt.Sprint(i)).String() + `"}`)})
	}
	for i := 0; i < len(txn.Puts); i += 100 {
		l.index++
		require.True(t, l.records.Apply(l.index, gossip.Txn{Puts: txn.Puts[i : i+100]}).Applied)
	}
	r := NewRegister(&Tokens{}, l.records, l, time.Now, slog.New(slog.DiscardHandler))
	_, _, err := r.Create(t.Context(), "more", []Scope{ScopeRead}, time.Time{}, "")
	require.ErrorIs(t, err, ErrTooManyTokens)
}

func whichever(string) error { return nil }

// A change that was carried out, and whose answer was lost on the way, is not taken
// for another's: else nobody would ever know the token.
func TestRegisterOfALostAnswer(t *testing.T) {
	l := &log{records: gossip.NewRecords(), lost: true}
	tokens := &Tokens{}
	r := NewRegister(tokens, l.records, l, time.Now, slog.New(slog.DiscardHandler))
	token, made, err := r.Create(t.Context(), "ci", []Scope{ScopeRead}, time.Time{}, "root")
	require.NoError(t, err)
	_, err = tokens.Authenticate("Bearer " + token)
	require.NoError(t, err)
	require.Equal(t, r.List()[0].ETag, made.ETag)
	require.ErrorIs(t, r.Remove(t.Context(), "No Name", whichever), ErrUnknownToken)
}

// Whatever a record holds, it lets in nobody but who has its token.
func FuzzTokenRecord(f *testing.F) {
	f.Add(`{"hash":"` + HashToken("x").String() + `","scopes":["read"],"expires":"2027-11-23T12:00:00Z"}`)
	f.Add(`{"hash":"","scopes":null}`)
	f.Add(`[1]`)
	f.Fuzz(func(t *testing.T, value string) {
		records, tokens := gossip.NewRecords(), &Tokens{}
		if records.Merge([]gossip.Record{{Key: TokenKey + "ci", Index: 1, Value: []byte(value)}}, 1) != nil {
			return
		}
		r := NewRegister(tokens, records, nil, time.Now, slog.New(slog.DiscardHandler))
		_ = r.List()
		if p, err := tokens.Authenticate("Bearer y"); err == nil && !strings.Contains(strings.ToLower(value), HashToken("y").String()[7:]) {
			t.Fatalf("%q lets %v in", value, p)
		}
	})
}
