package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	l.index++
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
		<-time.After(10000 * time.Hour)
		require.True(t, knows(tokens, forever))
		l.down = errors.New("no majority")
		require.ErrorIs(t, r.Remove(t.Context(), "forever"), l.down)
		require.True(t, knows(tokens, forever), "without a majority nothing changes")
		l.down = nil
		require.NoError(t, r.Remove(t.Context(), "forever"))
		require.ErrorIs(t, r.Remove(t.Context(), "forever"), ErrUnknownToken)
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
