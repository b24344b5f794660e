package driver

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/invalidation/rollout"
)

func order(key, body string, versions ...rollout.Version) Order {
	return Order{Documents: versions, By: "ci", Key: key, Body: body}
}

// What was asked with a key through one node is known to all of them, as long as
// the control log is.
func TestAnUpdateSentAgainIsTheSameUpdate(t *testing.T) {
	l := &log{records: gossip.NewRecords()}
	now := time.Now()
	at := func() time.Time { return now }
	one, two := NewBoard(l.records, l, rollout.Plans(0), at), NewBoard(l.records, l, rollout.Plans(0), at)
	first, err := one.Submit(t.Context(), order("k1", "b1", version("trial", 42)))
	require.NoError(t, err)
	_, err = one.Command(t.Context(), first.Rollout, rollout.Abort{})
	require.NoError(t, err)
	for _, b := range []*Board{one, two} {
		again, err := b.Submit(t.Context(), order("k1", "b1", version("trial", 42)))
		require.NoError(t, err, "also when the number is used up by now")
		require.Equal(t, first, again)
		_, err = b.Submit(t.Context(), order("k1", "b2", version("other", 1)))
		require.ErrorIs(t, err, ErrOtherBody)
	}
	require.Len(t, one.list(), 1)

	// What failed may be tried again; what changed nothing is done.
	_, err = two.Submit(t.Context(), order("k2", "b1", version("trial", 42)))
	require.ErrorIs(t, err, rollout.ErrConflict)
	second, err := two.Submit(t.Context(), order("k2", "b2", version("trial", 43)))
	require.NoError(t, err)
	require.NotEqual(t, first.Rollout, second.Rollout)
	same, err := one.Submit(t.Context(), order("k3", "b", version("trial", 43)))
	require.NoError(t, err)
	require.Equal(t, second.Rollout, same.Rollout)
	_, err = two.Submit(t.Context(), order("k3", "b2", version("trial", 44)))
	require.ErrorIs(t, err, ErrOtherBody)
	_, err = one.Submit(t.Context(), Order{Documents: []rollout.Version{version("p1", 1)}, Plan: rollout.AdoptPlan})
	require.NoError(t, err)

	// A dry run is not remembered.
	dry := order("k4", "b1", version("p2", 1))
	dry.DryRun = true
	_, err = one.Submit(t.Context(), dry)
	require.NoError(t, err)
	_, err = one.Submit(t.Context(), order("k4", "b2", version("p2", 2)))
	require.NoError(t, err)

	now = now.Add(KeyLife)
	_, err = two.Submit(t.Context(), order("k1", "b2", version("p3", 1)))
	require.NoError(t, err, "a key is good for a day")
	_, err = one.Submit(t.Context(), order("k1", "b1", version("p4", 1)))
	require.ErrorIs(t, err, ErrOtherBody)
}

// An update without a change is remembered, too: its key is used.
func TestAKeyOfAnUnchangedUpdate(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		defer w.lead(1)()
		w.adopt()
		done, err := w.board.Submit(t.Context(), order("k", "b1", version("trial", 42)))
		require.NoError(t, err)
		require.Equal(t, Submitted{State: Unchanged}, done)
		again, err := w.board.Submit(t.Context(), order("k", "b1", version("trial", 42)))
		require.NoError(t, err)
		require.Equal(t, done, again)
		_, err = w.board.Submit(t.Context(), order("k", "b2", version("trial", 43)))
		require.ErrorIs(t, err, ErrOtherBody)
	})
}

// racing is a control log in which another change comes before each of the first
// few.
type racing struct {
	*log
	before []func()
}

func (r *racing) Update(ctx context.Context, keys []string, compute func(map[string]gossip.Record) (gossip.Txn, error)) (gossip.Outcome, error) {
	if len(r.before) > 0 {
		next := r.before[0]
		r.before = r.before[1:]
		now := map[string]gossip.Record{}
		for _, k := range keys {
			if rec, ok := r.records.Get(k); ok {
				now[k] = rec
			}
		}
		txn, err := compute(now)
		if err != nil {
			return gossip.Outcome{}, err
		}
		next()
		for _, p := range txn.Puts { // as control.Client does: its guards do not hold any more
			if rec, ok := r.records.Get(p.Key); ok && rec.Index != now[p.Key].Index {
				return r.log.Update(ctx, keys, compute)
			}
		}
	}
	return r.log.Update(ctx, keys, compute)
}

// Of two that come at once through two nodes, the second finds the first.
func TestUpdatesSentAgainAtOnce(t *testing.T) {
	l := &log{records: gossip.NewRecords()}
	one := NewBoard(l.records, l, rollout.Plans(0), time.Now)
	var first Submitted
	slow := &racing{log: l, before: []func(){func() {
		var err error
		first, err = one.Submit(t.Context(), order("k", "b", version("trial", 42)))
		require.NoError(t, err)
	}}}
	two := NewBoard(l.records, slow, rollout.Plans(0), time.Now)
	second, err := two.Submit(t.Context(), order("k", "b", version("trial", 42)))
	require.NoError(t, err)
	require.Equal(t, first, second)
	require.Len(t, one.list(), 1)
}

// Nor does it matter that the second node has not been told of the first's rollout:
// the same update is the same rollout, and a later version takes its documents.
func TestUpdatesOfANodeThatIsBehind(t *testing.T) {
	l := &log{records: gossip.NewRecords()}
	here, behind := NewBoard(l.records, l, rollout.Plans(0), time.Now), NewBoard(gossip.NewRecords(), l, rollout.Plans(0), time.Now)
	first, err := here.Submit(t.Context(), order("", "", version("trial", 42)))
	require.NoError(t, err)
	second, err := behind.Submit(t.Context(), order("", "", version("trial", 42)))
	require.NoError(t, err)
	require.Equal(t, first, second)

	third, err := behind.Submit(t.Context(), order("", "", version("trial", 43)))
	require.NoError(t, err)
	require.NotEqual(t, first.Rollout, third.Rollout)
	r, err := here.Get(first.Rollout)
	require.NoError(t, err)
	require.Equal(t, rollout.Superseded, r.State)
	_, err = behind.Submit(t.Context(), order("", "", version("trial", 42)))
	require.ErrorContains(t, err, "a number is never used again", "it is over")
}

// However many keys there are, what is kept of them is bounded.
func TestKeysAreBounded(t *testing.T) {
	now := time.Now()
	var a asked
	for i := range 3 * maxAsked {
		a = a.with(answer{Key: fmt.Sprint(i), At: now})
		now = now.Add(time.Second)
	}
	require.Len(t, a.Answers, maxAsked)
	_, known := a.find(fmt.Sprint(3*maxAsked-1), now)
	require.True(t, known)
	_, known = a.find("0", now)
	require.False(t, known, "the oldest leave first")
	a = a.with(answer{Key: "new", At: now.Add(KeyLife)})
	require.Len(t, a.Answers, 1, "those that are not good any more leave")
	require.Len(t, askedKey("x"), len(askedPrefix)+2)
}

func FuzzAsked(f *testing.F) {
	f.Add([]byte(`{"answers":[{"key":"a","body":"b","rollout":"r","state":"waiting","at":"2026-11-23T12:00:00Z"}]}`))
	f.Add([]byte(`{"answers":[{"key":1}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := readAsked(gossip.Record{Key: "x", Index: 1, Value: data})
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(a.with(answer{Key: "k"}).Answers), maxAsked)
	})
}

// Who was given an id by one node may ask another that has not been told yet.
func TestWhatTheLogKnowsIsKnownToAllNodes(t *testing.T) {
	l := &log{records: gossip.NewRecords()}
	here, behind := NewBoard(l.records, l, rollout.Plans(0), time.Now), NewBoard(gossip.NewRecords(), l, rollout.Plans(0), time.Now)
	made, err := here.Submit(t.Context(), Order{Documents: []rollout.Version{version("trial", 42)}})
	require.NoError(t, err)
	_, err = behind.Get(made.Rollout)
	require.ErrorIs(t, err, rollout.ErrUnknown, "this test is about a node that has not been told")

	found, err := behind.Find(t.Context(), made.Rollout)
	require.NoError(t, err)
	require.Equal(t, made.Rollout, found.ID)
	states, end, err := behind.Watch(t.Context(), made.Rollout)
	require.NoError(t, err)
	defer end()
	require.Equal(t, made.Rollout, (<-states).ID)
	aborted, err := behind.Command(t.Context(), made.Rollout, rollout.Abort{})
	require.NoError(t, err)
	require.True(t, aborted.Final())

	_, err = behind.Find(t.Context(), "20261129t000000-00000000")
	require.ErrorIs(t, err, rollout.ErrUnknown)
	_, err = behind.Find(t.Context(), strings.Repeat("x", 1000))
	require.ErrorIs(t, err, rollout.ErrUnknown)
	l.down = true
	_, err = behind.Find(t.Context(), "20261129t000000-00000000")
	require.ErrorIs(t, err, errDown, "nobody knows")
}
