package quota

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/gossip"
)

// log is a control log that nodes follow as far as the test lets them.
type log struct {
	mu      sync.Mutex
	leader  *gossip.Records
	index   uint64
	starts  uint64 // by openRegistry
	refuse  error
	between func()                     // runs after a compute, once: somebody else is faster
	fail    func(segment string) error // if set, asked before a change of that quota is made
	follow  func()                     // if set, called after each change, before its maker hears of it
}

func newLog() *log { return &log{leader: gossip.NewRecords()} }

func (l *log) commit(t gossip.Txn) gossip.Outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.index++
	return l.leader.Apply(l.index, t)
}

func (l *log) Update(_ context.Context, keys []string, compute func(map[string]gossip.Record) (gossip.Txn, error)) (gossip.Outcome, error) {
	if l.refuse != nil {
		return gossip.Outcome{}, l.refuse
	}
	for {
		now := map[string]gossip.Record{}
		for _, key := range keys {
			if rec, ok := l.leader.Get(key); ok {
				now[key] = rec
			}
		}
		txn, err := compute(now)
		if err != nil || len(txn.Puts) == 0 {
			return gossip.Outcome{Applied: err == nil}, err
		}
		if faster := l.between; faster != nil {
			l.between = nil
			faster()
		}
		if l.fail != nil {
			if err := l.fail(strings.TrimPrefix(txn.Puts[0].Key, QuotaKey)); err != nil {
				return gossip.Outcome{}, err
			}
		}
		for _, key := range keys {
			txn.Guards = append(txn.Guards, gossip.Guard{Key: key, Index: now[key].Index})
		}
		if out := l.commit(txn); out.Applied {
			if l.follow != nil {
				l.follow()
			}
			return out, nil
		}
	}
}

func (l *log) enrol(id, region string, incarnation uint64) {
	l.commit(gossip.Txn{Puts: []gossip.Put{{
		Key: NodeKey + id, Value: fmt.Appendf(nil, `{"region":%q,"incarnation":"%016x","peer":"127.0.0.1:1"}`, region, incarnation),
	}}})
}

// follower is a node's registry.
type follower struct {
	*Registry
	id   string
	gate *Gate
	had  uint64
}

func follow(t testing.TB, l *log, id string, incarnation uint64) *follower {
	f := &follower{id: id, gate: NewSeededGate(time.Now, 1)}
	var err error
	f.Registry, err = NewRegistry(Config{Node: id, Incarnation: incarnation}, l, f.gate)
	require.NoError(t, err)
	return f
}

// catchUp applies what the log has.
func (f *follower) catchUp(t testing.TB, l *log) {
	var err error
	f.had, err = f.Follow(l.leader)
	require.NoError(t, err)
}

// tell has all hear what all have applied.
func tell(all ...*follower) {
	for _, f := range all {
		for _, other := range all {
			f.Acknowledge(other.id, other.had)
		}
	}
}

func (f *follower) share(segment string) string {
	e := f.gate.table.Load().entries[segment]
	if e == nil {
		return "none"
	}
	e.limiter.mu.Lock()
	defer e.limiter.mu.Unlock()
	return fmt.Sprintf("%g/%d", e.limiter.rps, e.limiter.burst)
}

func TestQuotasOfACluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		a, b, c := follow(t, l, "a", 1), follow(t, l, "b", 2), follow(t, l, "c", 3)
		l.enrol("a", "x", 1)
		l.enrol("b", "x", 2)
		all := []*follower{a, b}
		followed := make(chan struct{})
		go func() { // what push and reports do
			defer close(followed)
			for range 50 {
				time.Sleep(20 * time.Millisecond)
				for _, f := range all {
					f.catchUp(t, l)
				}
				tell(all...)
			}
		}()
		begun := time.Now()
		bound, created, err := a.Put(Quota{Segment: "b2b", RPS: 9, Burst: 7}, Precondition{IfNoneMatch: "*"})
		require.NoError(t, err)
		require.True(t, created)
		require.Equal(t, uint64(3), bound.Revision, "the index of its record")
		require.Equal(t, 20*time.Millisecond, bound.EffectiveAt.Sub(begun), "when all had it")
		require.Equal(t, "4.5/4 4.5/3", a.share("b2b")+" "+b.share("b2b"))
		got, err := b.Get("b2b")
		require.NoError(t, err)
		require.Equal(t, bound.ETag(), got.ETag(), "any node's tag")
		d := b.gate.Take("b2b", 1)
		require.Equal(t, `"b2b";q=9;w=1`, d.Policy, "the whole limit")
		require.Equal(t, int64(0), d.Remaining, "this node's tokens")

		_, _, err = b.Put(New("b2b", 10), Precondition{IfNoneMatch: "*"})
		require.ErrorIs(t, err, ErrPreconditionFailed)
		again, created, err := b.Put(Quota{Segment: "b2b", RPS: 9, Burst: 7}, Precondition{IfMatch: got.ETag()})
		require.NoError(t, err)
		require.False(t, created)
		require.Equal(t, got, again, "nothing changed")

		// Two with one If-Match at once: the log decides.
		l.between = func() {
			_, _, err := b.Put(Quota{Segment: "b2b", RPS: 12, Burst: 7}, Precondition{IfMatch: got.ETag()})
			require.NoError(t, err)
		}
		_, _, err = a.Put(Quota{Segment: "b2b", RPS: 100}, Precondition{IfMatch: got.ETag()})
		require.ErrorIs(t, err, ErrPreconditionFailed)
		synctest.Wait()
		require.Equal(t, "6/4", a.share("b2b"))
		<-followed // nobody follows on his own from here

		// A third node gets its share once both have made room.
		l.enrol("c", "y", 3)
		c.catchUp(t, l)
		require.Equal(t, "0/0", c.share("b2b"))
		d = c.gate.Take("b2b", 1)
		require.True(t, d.Governed)
		require.False(t, d.Allowed)
		require.Less(t, d.RetryAfter, 10)
		a.catchUp(t, l)
		tell(a, b, c)
		require.Equal(t, "4/3 6/3 0/0", a.share("b2b")+" "+b.share("b2b")+" "+c.share("b2b"))
		b.catchUp(t, l)
		tell(a, b, c)
		require.Equal(t, "4/3 4/2 4/2", a.share("b2b")+" "+b.share("b2b")+" "+c.share("b2b"))
		require.True(t, c.Sharing())

		// It is noted, so that a restart need not wait for b, who is dead.
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- c.Run(ctx) }()
		synctest.Wait()
		_, noted := l.leader.Get(ShareKey + "c")
		require.True(t, noted)
		cancel()
		require.NoError(t, <-ran)
		c = follow(t, l, "c", 4)
		c.catchUp(t, l)
		require.False(t, c.Sharing(), "the log has another process")
		l.enrol("c", "y", 4)
		c.catchUp(t, l)
		require.Equal(t, "4/2", c.share("b2b"))

		// Who leaves stops first; the others grow at once.
		require.NoError(t, c.Withdraw(t.Context()))
		require.Equal(t, "0/0", c.share("b2b"))
		a.catchUp(t, l)
		require.Equal(t, "6/4", a.share("b2b"))
		_, noted = l.leader.Get(ShareKey + "c")
		require.False(t, noted)
		_, enrolled := l.leader.Get(NodeKey + "c")
		require.False(t, enrolled)

		// With one who does not answer, a change waits for a moment only.
		go func() { time.Sleep(100 * time.Millisecond); a.catchUp(t, l) }()
		begun = time.Now()
		at, err := a.Delete("b2b", Precondition{})
		require.NoError(t, err)
		require.Equal(t, time.Second, time.Since(begun))
		require.Equal(t, 100*time.Millisecond, at.Sub(begun), "the only voter had it, and terms are of no length")
		require.Equal(t, "none", a.share("b2b"))
		_, err = a.Delete("b2b", Precondition{})
		require.ErrorIs(t, err, ErrNotFound)

		l.refuse = fmt.Errorf("ask: %w", ErrNoQuorum)
		_, _, err = a.Put(New("b2b", 1), Precondition{})
		require.ErrorIs(t, err, ErrNoQuorum)
		_, err = a.Delete("b2b", Precondition{})
		require.ErrorIs(t, err, ErrNoQuorum)
		require.Error(t, a.Withdraw(t.Context()))
	})
}

func TestScopesInACluster(t *testing.T) {
	l := newLog()
	a := follow(t, l, "a", 1)
	l.enrol("a", "x", 1)
	l.enrol("b", "x", 2)
	l.enrol("c", "y", 3)
	for _, q := range []string{`{"segment":"g","rps":6,"burst":6,"scope":"global"}`, `{"segment":"r","rps":6,"burst":6,"scope":"region"}`, `{"segment":"n","rps":6,"burst":6,"scope":"node"}`} {
		parsed, err := Parse("", []byte(q))
		require.NoError(t, err)
		value, err := parsed.MarshalJSON()
		require.NoError(t, err)
		l.commit(gossip.Txn{Puts: []gossip.Put{{Key: QuotaKey + parsed.Segment, Value: value}}})
	}
	a.catchUp(t, l)
	a.Acknowledge("b", 3)
	a.Acknowledge("c", 3)
	require.Equal(t, "2/2 3/3 6/6", a.share("g")+" "+a.share("r")+" "+a.share("n"))
}

// A record that cannot be read leaves what was, and is told; an enrolment that
// cannot be read is still a node.
func TestRecordsThatCannotBeRead(t *testing.T) {
	l := newLog()
	a := follow(t, l, "a", 1)
	l.enrol("a", "x", 1)
	good, err := New("b2b", 10).MarshalJSON()
	require.NoError(t, err)
	l.commit(gossip.Txn{Puts: []gossip.Put{{Key: QuotaKey + "b2b", Value: good}}})
	a.catchUp(t, l)
	require.Equal(t, "10/20", a.share("b2b"))
	for key, value := range map[string]string{
		QuotaKey + "b2b": `{"segment":"b2b","rps":-1}`, QuotaKey + "b2c": `{"segment":"b2b","rps":1}`, QuotaKey + "x": `[]`,
		NodeKey + "z": `{"region":7}`, NodeKey + "y": `{"region":"x","incarnation":"?"}`,
	} {
		err := a.Apply([]gossip.Record{{Key: key, Index: 9, Value: []byte(value)}})
		require.ErrorContains(t, err, "record "+key)
	}
	got, err := a.Get("b2b")
	require.NoError(t, err)
	require.Equal(t, 10.0, got.Quota.RPS)
	a.Acknowledge("a", 9)
	rank, n := a.roll.place(ScopeGlobal)
	require.Equal(t, "0/0", fmt.Sprintf("%d/%d", rank, n), "two more have not acknowledged")
	require.NoError(t, a.Apply([]gossip.Record{{Key: "doc/trial", Index: 10, Value: []byte(`{}`)}}), "not about quotas")

	// A field that a later release adds is skipped.
	require.NoError(t, a.Apply([]gossip.Record{{Key: QuotaKey + "b2b", Index: 11, Value: []byte(
		`{"segment":"b2b","rps":20,"burst":40,"scope":"node","overflow":"reject","mode":"enforce","priority":5,"partition":"strict","more":1}`)}}))
	require.Equal(t, "20/40", a.share("b2b"))
	require.NoError(t, a.Apply([]gossip.Record{{Key: QuotaKey + "b2b", Index: 8, Deleted: true}}), "an older one")
	require.Equal(t, "20/40", a.share("b2b"))
}

func TestBatchesLargerThanAShare(t *testing.T) {
	c := newClock()
	g := NewSeededGate(c.Now, 1)
	_, err := g.SetShare(Quota{Segment: "b2b", RPS: 10, Burst: 12}, Share{RPS: 5, Burst: 4})
	require.NoError(t, err)
	c.Advance(time.Minute)
	admitted, d := g.TakeEach("b2b", 4)
	require.True(t, d.Allowed)
	require.Equal(t, 4, admitted)
	admitted, _ = g.TakeEach("b2b", 2)
	require.Zero(t, admitted, "as one, or not at all")
	c.Advance(time.Minute)
	admitted, d = g.TakeEach("b2b", 9)
	require.Equal(t, 4, admitted, "item by item")
	require.False(t, d.Allowed)
	for u := range g.Usage() {
		require.Equal(t, Usage{Quota: Quota{Segment: "b2b", RPS: 10, Burst: 12}, Allowed: 8, Refused: 7}, u)
	}
	admitted, d = g.TakeEach("other", 9)
	require.Equal(t, 9, admitted)
	require.False(t, d.Governed)
}

func TestRegistryNeedsItsParts(t *testing.T) {
	_, err := NewRegistry(Config{}, newLog(), NewGate(time.Now))
	require.Error(t, err)
}

// TestAChangeBindsWhenNobodyDecidesByTheFormer: a node that does not answer may go
// on by its former share until its term ends, and the answer says so.
func TestAChangeBindsWhenNobodyDecidesByTheFormer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		const expiry = 5050 * time.Millisecond
		node := func(id string, incarnation uint64) *follower {
			f := &follower{id: id, gate: NewSeededGate(time.Now, 1)}
			var err error
			f.Registry, err = NewRegistry(Config{
				Node: id, Incarnation: incarnation, Voters: []string{"a", "b", "c"}, Expiry: expiry, Timeout: 4 * time.Second,
			}, l, f.gate)
			require.NoError(t, err)
			l.enrol(id, "x", incarnation)
			return f
		}
		a, b, c, d := node("a", 1), node("b", 2), node("c", 3), node("d", 4)
		all := []*follower{a, b, c, d}
		// reach has a change come to some after a while.
		var one sync.Mutex
		reach := func(after time.Duration, some ...*follower) {
			go func() {
				time.Sleep(after)
				one.Lock()
				defer one.Unlock()
				for _, f := range some {
					f.catchUp(t, l)
				}
				tell(all...)
			}()
		}
		put := func(by *follower, rps float64) (time.Duration, time.Duration) {
			begun := time.Now()
			bound, _, err := by.Put(Quota{Segment: "b2b", RPS: rps, Burst: 4}, Precondition{})
			require.NoError(t, err)
			again, _, err := by.Put(Quota{Segment: "b2b", RPS: rps, Burst: 4}, Precondition{})
			require.NoError(t, err)
			require.Equal(t, bound, again, "asked again, the same")
			return bound.EffectiveAt.Sub(begun), time.Since(begun)
		}
		reach(20*time.Millisecond, all...)
		at, took := put(a, 300)
		require.Equal(t, []time.Duration{20 * time.Millisecond, 20 * time.Millisecond}, []time.Duration{at, took})

		// d is frozen, and decides by 300 until it has had no word for a term.
		reach(30*time.Millisecond, a)
		reach(50*time.Millisecond, b)
		reach(70*time.Millisecond, c)
		at, took = put(a, 2)
		require.Equal(t, 50*time.Millisecond+expiry, at, "a term after two of three voters had it")
		require.Equal(t, time.Second, took)
		at, _ = put(b, 2)
		require.Equal(t, expiry+BaseTerm+BaseTerm/100, at, "who is asked later does not know what d holds")
		// It wakes: from now on all have it.
		reach(0, d)
		synctest.Wait()
		at, took = put(c, 2)
		require.Zero(t, at)
		require.Zero(t, took)

		// One that has left is not waited for, though it keeps its place.
		l.commit(gossip.Txn{Puts: []gossip.Put{{Key: NodeKey + "d", Value: []byte(`{"region":"x","incarnation":"0000000000000004","left":true}`)}}})
		reach(10*time.Millisecond, a, b, c)
		at, _ = put(a, 1)
		require.Equal(t, 10*time.Millisecond, at)
		require.Equal(t, "0.25/1", a.share("b2b"))

		// Where most voters do not say that they have it, nobody can tell.
		reach(10*time.Millisecond, a)
		begun := time.Now()
		_, _, err := a.Put(New("b2b", 7), Precondition{})
		require.ErrorIs(t, err, ErrNoQuorum)
		require.ErrorContains(t, err, "the change is in the control log")
		require.Equal(t, 4*time.Second, time.Since(begun))
		_, err = a.Delete("b2b", Precondition{})
		require.ErrorIs(t, err, ErrNoQuorum)
	})
}
