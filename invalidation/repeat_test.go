package invalidation

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/gossip"
)

// keyed is an order that a client may send again.
func keyed(key, body string) Order {
	return Order{Selector: tagged("doc:pricing"), By: "ci", Key: key, Body: body}
}

func TestAPurgeSentAgainIsTheSamePurge(t *testing.T) {
	now := noon
	cfg := config()
	cfg.Now = func() time.Time { return now }
	j := &memory{}
	e := newEngine(t, cfg, NewMarks(), j, &shelf{})
	first, err := e.Issue(t.Context(), keyed("k1", "b1"))
	require.NoError(t, err)
	again, err := e.Issue(t.Context(), keyed("k1", "b1"))
	require.NoError(t, err)
	require.Equal(t, first, again)
	_, err = e.Issue(t.Context(), keyed("k1", "b2"))
	require.ErrorIs(t, err, ErrOtherBody)
	require.Len(t, j.recs, 1)
	for _, key := range []string{"k2", "", ""} {
		other, err := e.Issue(t.Context(), keyed(key, "b1"))
		require.NoError(t, err)
		require.NotEqual(t, first.Dot, other.Dot)
	}

	// Whoever has the purge knows the key: another node, and this one after a kill.
	text, err := json.Marshal(j.recs[0])
	require.NoError(t, err)
	var kept Record
	require.NoError(t, json.Unmarshal(text, &kept))
	there := cfg
	there.Node, there.Incarnation = "osaka-1", 9
	other := newEngine(t, there, NewMarks(), &memory{}, &shelf{})
	payload, err := encode(kept)
	require.NoError(t, err)
	_, err = other.Deliver(first.Dot, payload)
	require.NoError(t, err)
	restarted := cfg
	restarted.Incarnation = 8
	for _, e := range []*Engine{other, newEngine(t, restarted, NewMarks(), &memory{recs: []Record{kept}}, &shelf{})} {
		r, err := e.Issue(t.Context(), keyed("k1", "b1"))
		require.NoError(t, err)
		require.Equal(t, first.Dot, r.Dot)
		_, err = e.Issue(t.Context(), keyed("k1", "b2"))
		require.ErrorIs(t, err, ErrOtherBody)
	}

	now = now.Add(KeyLife)
	later, err := e.Issue(t.Context(), keyed("k1", "b1"))
	require.NoError(t, err)
	require.NotEqual(t, first.Dot, later.Dot, "a key is good for a day")
	again, err = e.Issue(t.Context(), keyed("k1", "b1"))
	require.NoError(t, err)
	require.Equal(t, later.Dot, again.Dot, "and then for another purge")
}

// Two nodes that were given the same key at the same time agree which purge is
// meant once they have both, in whichever order they heard of them.
func TestAKeyOfTwoPurgesMeansTheFirst(t *testing.T) {
	one := Record{Dot: gossip.Dot{Node: "tokyo-1", Incarnation: 7, Seq: 1}, Selector: cachekey.Selector{All: true}, At: noon, Key: "k", Body: "b1"}
	two := Record{Dot: gossip.Dot{Node: "osaka-1", Incarnation: 9, Seq: 1}, Selector: cachekey.Selector{All: true}, At: noon.Add(time.Millisecond), Key: "k", Body: "b2"}
	for _, recs := range [][]Record{{one, two}, {two, one}} {
		cfg := config()
		cfg.Incarnation, cfg.Now = 10, func() time.Time { return noon.Add(time.Second) }
		e := newEngine(t, cfg, NewMarks(), &memory{recs: recs}, &shelf{})
		r, err := e.Issue(t.Context(), keyed("k", "b1"))
		require.NoError(t, err)
		require.Equal(t, one.Dot, r.Dot)
		_, err = e.Issue(t.Context(), keyed("k", "b2"))
		require.ErrorIs(t, err, ErrOtherBody)
	}
}

func TestPurgesSentAgainAtOnce(t *testing.T) {
	hold := make(chan struct{})
	j := &memory{appending: func(Record) error { <-hold; return nil }}
	e := newEngine(t, config(), NewMarks(), j, &shelf{})
	var all sync.WaitGroup
	dots := make(chan gossip.Dot, 8)
	for range cap(dots) {
		all.Go(func() {
			r, err := e.Issue(t.Context(), keyed("k", "b"))
			if err == nil {
				dots <- r.Dot
			}
		})
	}
	close(hold)
	all.Wait()
	require.Len(t, j.recs, 1)
	require.Len(t, dots, cap(dots))
}

// Keys take memory only as long as their purges are known.
func TestKeysLeaveWithTheirPurges(t *testing.T) {
	cfg := config()
	cfg.Retain = 2
	e := newEngine(t, cfg, NewMarks(), &memory{}, &shelf{})
	for _, key := range []string{"a", "b", "c"} {
		_, err := e.Issue(t.Context(), keyed(key, "b"))
		require.NoError(t, err)
	}
	require.Len(t, e.known.byKey, 2)
	require.Nil(t, e.known.byKey["a"])
}
