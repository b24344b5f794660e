package quota

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/letteros/letteredge/gossip"
)

// openRegistry returns the registry of a new process of a node that is its
// cluster's only one, and that follows its log at once.
func openRegistry(t require.TestingT, l *log, c *clock) (*Registry, *Gate) {
	g := NewSeededGate(c.Now, 1)
	l.starts++
	r, err := NewRegistry(Config{Node: "local-1", Incarnation: l.starts}, l, g)
	require.NoError(t, err)
	l.enrol("local-1", "local", l.starts)
	l.follow = func() {
		_, err := r.Follow(l.leader)
		require.NoError(t, err)
	}
	l.follow()
	return r, g
}

func put(t testing.TB, r *Registry, q Quota) Bound {
	t.Helper()
	b, _, err := r.Put(q, Precondition{})
	require.NoError(t, err)
	return b
}

func TestRegistryLife(t *testing.T) {
	c := newClock()
	r, g := openRegistry(t, newLog(), c)
	_, err := r.Get("b2b")
	require.ErrorIs(t, err, ErrNotFound)

	first, created, err := r.Put(Quota{Segment: "b2b", RPS: 200}, Precondition{IfNoneMatch: "*"})
	require.NoError(t, err)
	require.True(t, created)
	require.Equal(t, 400, first.Quota.Burst)
	require.Equal(t, c.Now(), first.EffectiveAt)
	require.Equal(t, `"b2b";q=200;w=1`, g.Take("b2b", 1).Policy)
	got, err := r.Get("b2b")
	require.NoError(t, err)
	require.Equal(t, first, got)

	_, _, err = r.Put(New("b2b", 300), Precondition{IfNoneMatch: "*"})
	require.ErrorIs(t, err, ErrPreconditionFailed)

	c.Advance(time.Second)
	second, created, err := r.Put(New("b2b", 300), Precondition{IfMatch: first.ETag()})
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, c.Now(), second.EffectiveAt)
	require.NotEqual(t, first.ETag(), second.ETag())
	require.Equal(t, `"b2b";q=300;w=1`, g.Take("b2b", 1).Policy)

	_, _, err = r.Put(New("b2b", 400), Precondition{IfMatch: first.ETag()})
	require.ErrorIs(t, err, ErrPreconditionFailed)
	_, err = r.Delete("b2b", Precondition{IfMatch: first.ETag()})
	require.ErrorIs(t, err, ErrPreconditionFailed)
	require.Equal(t, `"b2b";q=300;w=1`, g.Take("b2b", 1).Policy)

	at, err := r.Delete("b2b", Precondition{IfMatch: second.ETag()})
	require.NoError(t, err)
	require.Equal(t, c.Now(), at)
	require.False(t, g.Take("b2b", 1).Governed)
	_, err = r.Delete("b2b", Precondition{IfMatch: "*"})
	require.ErrorIs(t, err, ErrNotFound)
	_, _, err = r.Put(New("b2b", 400), Precondition{IfMatch: "*"})
	require.ErrorIs(t, err, ErrPreconditionFailed)
}

func TestRegistryUnchangedPut(t *testing.T) {
	l, c := newLog(), newClock()
	r, _ := openRegistry(t, l, c)
	first := put(t, r, New("b2b", 200))
	c.Advance(time.Minute)
	l.fail = func(segment string) error { return errors.New("not to be asked to change " + segment) }
	again, created, err := r.Put(New("b2b", 200), Precondition{})
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, first, again)
	_, _, err = r.Put(New("b2b", 200), Precondition{IfMatch: `"other"`})
	require.ErrorIs(t, err, ErrPreconditionFailed)
}

func TestRegistryRefusesBadInput(t *testing.T) {
	l := newLog()
	r, _ := openRegistry(t, l, newClock())
	var invalid ErrInvalid
	_, _, err := r.Put(Quota{Segment: "b2b"}, Precondition{})
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, "rps", invalid.Field)
	_, _, err = r.Put(New("b2b", 1), Precondition{IfMatch: "x"})
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, "If-Match", invalid.Field)
	require.Empty(t, l.leader.List(QuotaKey))
}

func TestRegistryIsInTheLogBeforeItBinds(t *testing.T) {
	l := newLog()
	r, g := openRegistry(t, l, newClock())
	before := put(t, r, New("b2b", 100))
	l.fail = func(segment string) error {
		require.Equal(t, `"b2b";q=100;w=1`, g.Take("b2b", 1).Policy, "nothing binds before it is in the log")
		require.False(t, g.Take("b2c", 1).Governed)
		_, err := r.Get(segment) // reads do not wait for the log
		require.Equal(t, segment == "b2c", errors.Is(err, ErrNotFound))
		return fmt.Errorf("disk full")
	}
	_, _, err := r.Put(New("b2b", 200), Precondition{})
	require.EqualError(t, err, "put quota b2b: disk full")
	_, _, err = r.Put(New("b2c", 200), Precondition{})
	require.EqualError(t, err, "put quota b2c: disk full")
	_, err = r.Delete("b2b", Precondition{})
	require.EqualError(t, err, "delete quota b2b: disk full")
	require.Equal(t, `"b2b";q=100;w=1`, g.Take("b2b", 1).Policy)
	after, err := r.Get("b2b")
	require.NoError(t, err)
	require.Equal(t, before, after)
	l.fail = nil
	require.Greater(t, put(t, r, New("b2b", 200)).Revision, before.Revision)
}

func TestRegistryStartsAgain(t *testing.T) {
	l, c := newLog(), newClock()
	r, _ := openRegistry(t, l, c)
	b := put(t, r, New("b2b", 100))
	put(t, r, New(Default, 1))
	newest := put(t, r, New("b2c", 50))
	_, err := r.Delete(Default, Precondition{})
	require.NoError(t, err)

	c.Advance(time.Minute)
	r, g := openRegistry(t, l, c)
	again, err := r.Get("b2b")
	require.NoError(t, err)
	require.Equal(t, b.ETag(), again.ETag())
	require.Equal(t, c.Now(), again.EffectiveAt, "in this process since its start")
	require.False(t, g.Take("b2b", 1).Allowed, "limiters start empty")
	require.False(t, g.Take("other", 1).Governed)
	c.Advance(time.Second)
	require.True(t, g.Take("b2b", 1).Allowed, "it has the whole for itself")
	require.Greater(t, put(t, r, New("b2b", 101)).Revision, newest.Revision)
}

func TestRegistryIsBounded(t *testing.T) {
	l := newLog()
	for i := range MaxQuotas {
		segment := fmt.Sprintf("s%d", i)
		value, err := json.Marshal(New(segment, 1))
		require.NoError(t, err)
		l.commit(change(gossip.Put{Key: QuotaKey + segment, Value: value}))
	}
	r, g := openRegistry(t, l, newClock())
	_, _, err := r.Put(New("more", 1), Precondition{})
	require.ErrorIs(t, err, ErrTooMany)
	require.EqualError(t, err, "10000 quotas are defined, as many as there may be; delete one first")
	put(t, r, New("s7", 2))
	_, err = r.Delete("s8", Precondition{})
	require.NoError(t, err)
	put(t, r, New("more", 1))
	require.True(t, g.Take("s9999", 1).Governed)
	require.Len(t, slices.Collect(g.Usage()), MaxQuotas)
}

func TestRegistryList(t *testing.T) {
	r, _ := openRegistry(t, newLog(), newClock())
	for _, segment := range []string{"m", "b2c", "z", Default, "b2b", "a-b"} {
		put(t, r, New(segment, 1))
	}
	names := func(after string, limit int) ([]string, string) {
		items, next, err := r.List(after, limit)
		require.NoError(t, err)
		var all []string
		for _, b := range items {
			all = append(all, b.Quota.Segment)
		}
		return all, next
	}
	all, next := names("", 0)
	require.Equal(t, []string{Default, "a-b", "b2b", "b2c", "m", "z"}, all)
	require.Empty(t, next)
	page, next := names("", 4)
	require.Equal(t, []string{Default, "a-b", "b2b", "b2c"}, page)
	require.Equal(t, "b2c", next)
	_, err := r.Delete("b2c", Precondition{})
	require.NoError(t, err)
	page, next = names(next, 2)
	require.Equal(t, []string{"m", "z"}, page, "the cursor outlives its quota")
	require.Empty(t, next)
	page, _ = names("z", 4)
	require.Empty(t, page)

	_, _, err = r.List("B", 1)
	require.EqualError(t, err, "after must be the cursor that a page gave as its next")
	for _, limit := range []int{-1, MaxPage + 1} {
		_, _, err = r.List("", limit)
		require.EqualError(t, err, "limit must be a whole number from 1 to 1000")
	}
}

// Whatever happens, gate, log and registry hold the same, and so do those of a
// process that starts again.
func TestRegistryAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, c := newLog(), newClock()
		r, g := openRegistry(t, l, c)
		tags := []string{`"none"`}
		segment := func(t *rapid.T) string {
			return rapid.SampledFrom([]string{"a", "b", "c", Default}).Draw(t, "segment")
		}
		condition := func(t *rapid.T) Precondition {
			return rapid.SampledFrom([]Precondition{
				{}, {}, {IfMatch: "*"}, {IfNoneMatch: "*"}, {IfMatch: tags[len(tags)-1]},
			}).Draw(t, "precondition")
		}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				if b, _, err := r.Put(anyQuota(t, segment(t)), condition(t)); err == nil {
					require.NotContains(t, tags, b.ETag())
					tags = append(tags, b.ETag())
				}
			},
			"delete": func(t *rapid.T) { _, _ = r.Delete(segment(t), condition(t)) },
			"fail": func(t *rapid.T) {
				l.fail = nil
				if rapid.Bool().Draw(t, "fail") {
					l.fail = func(string) error { return errors.New("disk full") }
				}
			},
			"start again": func(*rapid.T) {
				r, g = openRegistry(t, l, c)
				tags = tags[:1]
			},
			"": func(t *rapid.T) {
				logged := l.leader.List(QuotaKey)
				items, _, err := r.List("", 0)
				require.NoError(t, err)
				require.Len(t, items, len(logged))
				inForce := map[string]Quota{}
				for u := range g.Usage() {
					inForce[u.Quota.Segment] = u.Quota
				}
				require.Len(t, inForce, len(logged))
				for i, rec := range logged {
					v, err := definition(rec)
					require.NoError(t, err)
					require.Equal(t, v, items[i].Versioned)
					require.Equal(t, v.Quota, inForce[v.Quota.Segment])
				}
			},
		})
	})
}

// Of many writers with one entity tag exactly one succeeds.
func TestRegistryLostUpdate(t *testing.T) {
	r, _ := openRegistry(t, newLog(), newClock())
	tag := put(t, r, New("b2b", 1)).ETag()
	var wg sync.WaitGroup
	results := make([]error, 16)
	for i := range results {
		wg.Go(func() {
			_, _, results[i] = r.Put(New("b2b", float64(i+2)), Precondition{IfMatch: tag})
			_, _, _ = r.List("", 0)
		})
	}
	wg.Wait()
	won := 0
	for _, err := range results {
		if err == nil {
			won++
			continue
		}
		require.ErrorIs(t, err, ErrPreconditionFailed)
	}
	require.Equal(t, 1, won)
}
