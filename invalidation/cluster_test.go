package invalidation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/gossip"
)

// ring is three regions of two, as one node of them sees it.
type ring struct {
	engine  *Engine
	marks   *Marks
	journal *memory
	seq     uint64
	refuse  error

	mu      sync.Mutex
	members []Member // guarded by mu
}

func (r *ring) set(i int, p Presence) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.members[i].Presence = p
}

func (r *ring) now() []Member {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.members)
}

func newRing(t testing.TB, cfg Config) *ring {
	r := &ring{marks: NewMarks(), journal: &memory{}}
	r.engine = newEngine(t, cfg, r.marks, r.journal, &shelf{})
	for _, id := range []string{"tokyo-1", "tokyo-2", "paris-1", "paris-2", "lima-1", "lima-2"} {
		r.members = append(r.members, Member{Peer: peerOf(id)})
	}
	require.NoError(t, r.engine.Join(Cluster{
		Spread: r, Members: r.now,
		Voters: func() []string { return []string{"tokyo-1", "paris-1", "lima-1"} },
	}))
	return r
}

func peerOf(id string) Peer { return Peer{ID: id, Region: id[:len(id)-2]} }

func (r *ring) Publish(payload []byte) (gossip.Dot, error) {
	if r.refuse != nil {
		return gossip.Dot{}, r.refuse
	}
	r.seq++
	dot := gossip.Dot{Node: "tokyo-1", Incarnation: 7, Seq: r.seq}
	_, err := r.engine.Deliver(dot, payload)
	return dot, err
}

func report(node string, upTo gossip.Dot, details ...Receipt) Report {
	return Report{Node: node, Applied: gossip.Vector{upTo.Source(): upTo.Seq}, Details: details, Signature: []byte(node)}
}

func (r *ring) purge(t testing.TB) gossip.Dot {
	receipt, err := r.engine.Purge(t.Context(), tagged("a"), ModeHard, "ci")
	require.NoError(t, err)
	return receipt.Dot
}

func states(v View) string {
	text := v.State + ":"
	for _, n := range v.Nodes {
		text += " " + n.State
	}
	return text
}

func TestAForeignPurgeIsApplied(t *testing.T) {
	acceptor, other := newRing(t, config()), newRing(t, Config{Node: "paris-2", Region: "paris", Incarnation: 9})
	var payload []byte
	acceptor.journal.appending = func(rec Record) error { payload, _ = encode(rec); return nil }
	dot := acceptor.purge(t)
	other.journal.appending = func(Record) error {
		require.Zero(t, other.marks.Epoch(), "journalled before it takes effect")
		return nil
	}
	var told []Receipt
	other.engine.SubscribeReceipts(func(r Receipt) { told = append(told, r) })
	for range 3 {
		receipt, err := other.engine.Deliver(dot, payload)
		require.NoError(t, err)
		require.Equal(t, dot, receipt.Dot)
	}
	require.Equal(t, Epoch(1), other.marks.Epoch(), "a dot is applied once")
	require.Len(t, other.journal.recs, 1)
	require.Len(t, told, 1)
	require.Equal(t, "paris-2", told[0].Node)

	// The other node knows who is expected, and answers for the purge.
	v, err := other.engine.Get(dot.String())
	require.NoError(t, err)
	require.Equal(t, "pending: pending pending pending applied pending pending", states(v))
	require.Equal(t, "ci", v.By)

	// A journal that fails: nothing happens, and it may come again.
	other.journal.appending = func(Record) error { return errors.New("disk full") }
	next := dot
	next.Seq++
	_, err = other.engine.Deliver(next, payload)
	require.ErrorIs(t, err, ErrNotDurable)
	require.Equal(t, Epoch(1), other.marks.Epoch())
	other.journal.appending = nil
	_, err = other.engine.Deliver(next, payload)
	require.NoError(t, err)
	require.Equal(t, Epoch(2), other.marks.Epoch())
	require.NoError(t, other.engine.Close())
	_, err = other.engine.Deliver(next, payload)
	require.ErrorIs(t, err, ErrClosed)
}

func TestOneArrivalAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, hold := newRing(t, config()), make(chan struct{})
		r.journal.appending = func(Record) error { <-hold; return errors.New("disk full") }
		rec := Record{Dot: gossip.Dot{Node: "lima-1", Incarnation: 1, Seq: 1}, Selector: tagged("a"), At: noon}
		failed := make(chan error, 2)
		for range 2 {
			go func() { failed <- r.engine.Apply(rec) }()
		}
		synctest.Wait()
		close(hold)
		require.ErrorIs(t, <-failed, ErrNotDurable)
		require.ErrorIs(t, <-failed, ErrNotDurable)
	})
}

func TestAPurgeThatIsNotPublished(t *testing.T) {
	r := newRing(t, config())
	r.refuse = errors.New("log full")
	_, err := r.engine.Purge(t.Context(), tagged("a"), ModeHard, "ci")
	require.ErrorIs(t, err, ErrNotDurable)
	require.ErrorIs(t, err, r.refuse)
	var long cachekey.Selector
	for i := range 256 {
		long.Keys = append(long.Keys, fmt.Sprintf("h.example/%05000d", i))
	}
	_, err = r.engine.Purge(t.Context(), long, ModeHard, "ci")
	var bad *cachekey.Error
	require.ErrorAs(t, err, &bad)
	_, err = r.engine.Issue(t.Context(), Order{Selector: tagged("a"), Timeout: MaxTimeout + 1})
	require.ErrorContains(t, err, "timeout")
}

func TestWaitIsWokenByReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(t, config())
		dot := r.purge(t)
		begun := time.Now()
		region, all := make(chan View, 1), make(chan View, 1)
		wait := func(to chan View, scope Scope) {
			v, done, err := r.engine.Wait(t.Context(), dot.String(), scope, 30*time.Second)
			require.NoError(t, err)
			require.True(t, done)
			to <- v
		}
		go wait(region, ScopeRegion)
		go wait(all, ScopeAll)
		r.engine.Observe(report("tokyo-2", dot))
		synctest.Wait()
		require.Empty(t, region, "no majority of the voters yet")
		three := 3
		time.Sleep(10 * time.Millisecond)
		r.engine.Observe(report("lima-1", dot, Receipt{Dot: dot, AppliedAfterMS: 2, Entries: &three}))
		synctest.Wait()
		require.Equal(t, "pending: applied pending pending pending applied applied", states(<-region))
		require.Empty(t, all)
		for _, id := range []string{"paris-1", "paris-2", "lima-2"} {
			r.engine.Observe(report(id, dot))
		}
		v := <-all
		require.Empty(t, v.Nodes[4].Signature, "its own report has not come yet")
		r.engine.Observe(report("tokyo-1", dot))
		own, err := r.engine.Get(dot.String())
		require.NoError(t, err)
		require.Equal(t, "dG9reW8tMQ==", own.Nodes[4].Signature)
		require.Equal(t, "complete: applied applied applied applied applied applied", states(v))
		require.Equal(t, "lima-1 2 10 3 bGltYS0x",
			fmt.Sprint(v.Nodes[0].ID, " ", *v.Nodes[0].AppliedAfterMS, " ", *v.Nodes[0].ReceiptAfterMS, " ", *v.Nodes[0].Entries, " ", v.Nodes[0].Signature))
		require.Nil(t, v.Nodes[1].AppliedAfterMS, "it has not said")
		require.Equal(t, 10*time.Millisecond, time.Since(begun))
	})
}

func TestWaitEndsWithTheFence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(t, config())
		dot := r.purge(t)
		r.set(1, Dead)
		r.set(5, Left)
		time.Sleep(time.Second)
		for _, id := range []string{"lima-1", "paris-1", "paris-2"} {
			r.engine.Observe(report(id, dot))
		}
		v, done, err := r.engine.Wait(t.Context(), dot.String(), ScopeAll, 2*time.Second)
		require.NoError(t, err)
		require.False(t, done)
		require.Equal(t, "partial: applied left applied applied applied unreachable", states(v))
		v, done, err = r.engine.Wait(t.Context(), dot.String(), ScopeAll, 30*time.Second)
		require.NoError(t, err)
		require.True(t, done)
		require.Equal(t, "complete: applied left applied applied applied fenced", states(v))

		// Complete lasts, also if one who had left is seen again.
		r.set(5, Alive)
		v, err = r.engine.Get(dot.String())
		require.NoError(t, err)
		require.Equal(t, "complete", v.State)
		require.Equal(t, "complete", v.Regions[0].State, "lima's")
	})
}

func TestWaitEndsWithItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(t, config())
		dot := r.purge(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		v, done, err := r.engine.Wait(ctx, dot.String(), ScopeAll, 30*time.Second)
		require.NoError(t, err)
		require.False(t, done)
		require.Equal(t, "partial", v.State)
		v, done, err = r.engine.Wait(t.Context(), dot.String(), ScopeNone, time.Second)
		require.NoError(t, err)
		require.True(t, done)
		require.Equal(t, "pending", v.State, "its time-out has not passed")
		time.Sleep(2 * time.Second)
		v, err = r.engine.Get(dot.String())
		require.NoError(t, err)
		require.Equal(t, "partial", v.State)
		_, _, err = r.engine.Wait(t.Context(), "x", ScopeAll, time.Second)
		require.ErrorIs(t, err, ErrUnknownPurge)

		go func() { time.Sleep(time.Second); r.set(1, Left); r.engine.MembersChanged() }()
		for _, id := range []string{"lima-1", "lima-2", "paris-1", "paris-2"} {
			r.engine.Observe(report(id, dot))
		}
		_, done, err = r.engine.Wait(t.Context(), dot.String(), ScopeAll, 2*time.Second)
		require.NoError(t, err)
		require.True(t, done)
	})
}

// Reports may come in any order, again and again, and before the purge itself.
func TestTheOrderOfReportsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dot := gossip.Dot{Node: "lima-2", Incarnation: 1, Seq: 2}
		ids := []string{"tokyo-2", "paris-1", "paris-2", "lima-1", "lima-2"}
		var reports []Report
		for range rapid.IntRange(1, 8).Draw(rt, "reports") {
			r := report(rapid.SampledFrom(ids).Draw(rt, "node"), gossip.Dot{Node: "lima-2", Incarnation: 1, Seq: uint64(rapid.IntRange(1, 3).Draw(rt, "seq"))})
			for _, id := range rapid.SliceOfDistinct(rapid.SampledFrom(ids), rapid.ID[string]).Draw(rt, "known") {
				r.Known = append(r.Known, peerOf(id))
			}
			if rapid.Bool().Draw(rt, "detailed") && r.Applied.Covers(dot) {
				n := rapid.IntRange(0, 2).Draw(rt, "entries")
				r.Details = []Receipt{{Dot: dot, AppliedAfterMS: 5, Entries: &n}}
			}
			reports = append(reports, r)
		}
		rec := Record{Dot: dot, Selector: tagged("a"), At: noon, Expected: []Peer{peerOf("lima-2"), peerOf("tokyo-1")}}
		seen := func(order []Report) string {
			cfg := config()
			cfg.Now = func() time.Time { return noon }
			r := newRing(t, cfg)
			require.NoError(t, r.engine.Apply(rec))
			for _, one := range order {
				r.engine.Observe(one)
			}
			v, err := r.engine.Get(dot.String())
			require.NoError(t, err)
			text, err := json.Marshal(v)
			require.NoError(t, err)
			return string(text)
		}
		shuffled := rapid.Permutation(append(reports, reports...)).Draw(rt, "order")
		require.JSONEq(rt, seen(reports), seen(shuffled))
	})

	r := newRing(t, config())
	dot := gossip.Dot{Node: "lima-2", Incarnation: 1, Seq: 2}
	r.engine.Observe(report("paris-1", dot))
	require.NoError(t, r.engine.Apply(Record{Dot: dot, Selector: tagged("a"), At: noon, Expected: []Peer{peerOf("paris-1"), peerOf("tokyo-1")}}))
	v, err := r.engine.Get(dot.String())
	require.NoError(t, err)
	require.Equal(t, "pending: pending pending applied pending applied pending", states(v), "the report was there before the purge")
}

func TestOldPurgesShowByTheLatestReports(t *testing.T) {
	r := newRing(t, config())
	first := r.purge(t)
	for range maxDetailed + 10 {
		r.purge(t)
	}
	last := gossip.Dot{Node: "tokyo-1", Incarnation: 7, Seq: r.seq}
	for _, m := range r.members[1:] {
		r.engine.Observe(report(m.ID, last))
	}
	v, err := r.engine.Get(first.String())
	require.NoError(t, err)
	require.Equal(t, "applied applied applied applied applied applied", states(v)[len(v.State)+2:])
	require.Nil(t, v.Nodes[1].AppliedAfterMS)
}

func TestJoinIsChecked(t *testing.T) {
	require.ErrorContains(t, newEngine(t, config(), NewMarks(), &memory{}, &shelf{}).Join(Cluster{}), "required")
}

func FuzzPayload(f *testing.F) {
	dot := gossip.Dot{Node: "lima-2", Incarnation: 1, Seq: 2}
	full, err := encode(Record{Selector: tagged("a"), At: noon, By: "ci", Expected: []Peer{peerOf("lima-2")}, Timeout: time.Second})
	require.NoError(f, err)
	f.Add(full)
	f.Add([]byte(`{"select":{"all":true},"mode":"soft","at":"2026-11-23T12:00:00Z","nodes":{"":["x"]},"timeout_ms":-1}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		rec, err := decode(dot, payload)
		if err != nil {
			return
		}
		require.Equal(t, dot, rec.Dot)
		require.Nil(t, rec.Applied)
		again, err := encode(rec)
		require.NoError(t, err)
		back, err := decode(dot, again)
		require.NoError(t, err)
		third, err := encode(back)
		require.NoError(t, err)
		require.Equal(t, string(again), string(third))
	})
}
