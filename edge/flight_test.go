package edge_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/invalidation"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// gated is an upstream whose answers wait, each for a token, and which says when
// it has been asked.
type gated struct {
	asked  chan *edge.Fetch
	answer chan func(*edge.Fetch) (*edge.Answer, error)
}

func newGated(n *node) *gated {
	g := &gated{asked: make(chan *edge.Fetch, 4096), answer: make(chan func(*edge.Fetch) (*edge.Answer, error), 4096)}
	n.up.set(func(ctx context.Context, f *edge.Fetch) (*edge.Answer, error) {
		g.asked <- f
		select {
		case a := <-g.answer:
			return a(f)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
	return g
}

// next waits until the upstream is asked once more.
func (g *gated) next(t *testing.T, why string) {
	t.Helper()
	select {
	case <-g.asked:
	case <-time.After(20 * time.Second):
		t.Fatalf("in vain waited for: %s", why)
	}
}

// crowd sends count requests at once and returns when the upstream was asked and
// all the others wait in the flight.
func crowd(n *node, g *gated, count int, target string, lines ...string) *sync.WaitGroup {
	return crowdWith(n, g, count, target, func(int) []string { return lines }, nil)
}

func crowdWith(n *node, g *gated, count int, target string, lines func(i int) []string, got func(i int, r response)) *sync.WaitGroup {
	var wg sync.WaitGroup
	ask := func(i int) {
		wg.Go(func() {
			r := n.get(target, lines(i)...)
			if got != nil {
				got(i, r)
			}
		})
	}
	ask(0)
	<-g.asked
	for i := 1; i < count; i++ {
		ask(i)
	}
	eventually(n.t, func() bool { return n.core.Waiting() == count-1 }, "everyone waits in the flight")
	return &wg
}

func TestThousandAskOneFetch(t *testing.T) {
	n := newNode(t)
	g := newGated(n)
	var whole, collapsed atomic.Int64
	wg := crowdWith(n, g, 1000, trial, func(int) []string { return nil }, func(_ int, r response) {
		if r.status == 200 && strings.Contains(r.body, "b2b") {
			whole.Add(1)
		}
		if strings.Contains(r.cacheStatus(), "; collapsed") {
			collapsed.Add(1)
		}
	})
	g.answer <- func(f *edge.Fetch) (*edge.Answer, error) { return artifactOf(f.Key, 1), nil }
	wg.Wait()
	require.EqualValues(t, 1000, whole.Load())
	require.EqualValues(t, 999, collapsed.Load())
	require.EqualValues(t, 1, n.up.n.Load())
}

// What is the leader's alone reaches no waiter: each gets an answer of its own.
func TestPrivateAnswerReachesNoWaiter(t *testing.T) {
	for name, lines := range map[string][]string{
		"private":    {"Cache-Control: private, max-age=60"},
		"no-store":   {"Cache-Control: no-store"},
		"set-cookie": {"Cache-Control: max-age=60", "Set-Cookie: session=1"},
		"vary any":   {"Cache-Control: max-age=60", "Vary: *"},
		"no-cache":   {"Cache-Control: no-cache", `Etag: "x"`},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			g := newGated(n)
			var serial atomic.Int64
			personal := func(*edge.Fetch) (*edge.Answer, error) {
				return answer(200, fmt.Sprint("for ", serial.Add(1)), lines...), nil
			}
			const readers = 50
			var mu sync.Mutex
			bodies := map[string]int{}
			wg := crowdWith(n, g, readers, "/account", func(int) []string { return nil }, func(_ int, r response) {
				mu.Lock()
				defer mu.Unlock()
				bodies[r.body]++
			})
			for range readers {
				g.answer <- personal
			}
			wg.Wait()
			require.Len(t, bodies, readers, "no two readers share an answer")
			require.EqualValues(t, readers, n.up.n.Load())

			// Hit-for-miss: nobody waits for anybody now.
			const more = 20
			var again sync.WaitGroup
			for range more {
				again.Go(func() { n.get("/account") })
			}
			for range more {
				<-g.asked // all are asked before any is answered
			}
			for range more {
				g.answer <- personal
			}
			again.Wait()
		})
	}
}

func TestVariantIsNotSharedAcross(t *testing.T) {
	n := newNode(t)
	g := newGated(n)
	inLanguage := func(f *edge.Fetch) (*edge.Answer, error) {
		lang := ""
		for _, l := range f.Fields {
			if l.Name == "Accept-Language" {
				lang = l.Value
			}
		}
		return answer(200, lang, "Cache-Control: max-age=60", "Vary: Accept-Language"), nil
	}
	languages := []string{"en", "ja", "de"}
	wg := crowdWith(n, g, 60, "/page", func(i int) []string {
		return []string{"Accept-Language: " + languages[i%3]}
	}, func(i int, r response) {
		require.Equal(t, languages[i%3], r.body)
	})
	for range 60 {
		g.answer <- inLanguage
	}
	wg.Wait()
	// en leads; ja and de find out together and each are fetched once more.
	require.LessOrEqual(t, n.up.n.Load(), int64(3+2))
}

// A request that comes after a purge never gets a flight begun before it, by any
// selector that the key alone shows.
func TestNoFlightFromBeforeThePurge(t *testing.T) {
	for name, sel := range map[string]cachekey.Selector{
		"key":         {Keys: []string{trial}},
		"prefix":      {Prefix: "/v1/segments/b2b/"},
		"segment":     {Segment: "b2b"},
		"implied tag": {Tags: []string{"cta:trial"}},
		"all":         {All: true},
		// Only the answer names this one: the request joins, and is not handed
		// the result.
		"tag of the answer": {Tags: []string{"doc:trial"}},
	} {
		for _, mode := range []invalidation.Mode{invalidation.ModeHard, invalidation.ModeSoft} {
			t.Run(name+" "+mode.String(), func(t *testing.T) {
				n := newNode(t)
				g := newGated(n)
				old := crowd(n, g, 3, trial)
				n.marks.Raise(sel, mode)

				var after sync.WaitGroup
				var mu sync.Mutex
				var bodies []string
				for range 3 {
					after.Go(func() {
						r := n.get(trial)
						mu.Lock()
						defer mu.Unlock()
						bodies = append(bodies, r.body)
					})
				}
				if name == "tag of the answer" {
					eventually(t, func() bool { return n.core.Waiting() == 5 }, "they join")
				} else {
					g.next(t, "a new flight, while the old one is out")
				}
				version := func(v int) func(f *edge.Fetch) (*edge.Answer, error) {
					return func(f *edge.Fetch) (*edge.Answer, error) { return artifactOf(f.Key, v), nil }
				}
				if name == "tag of the answer" {
					g.answer <- version(1)
					g.next(t, "those who joined to ask again")
					g.answer <- version(2)
				} else {
					// Both flights are out and take either answer: the channel
					// gives 2 to both, and what matters is who waits for whom.
					g.answer <- version(2)
					g.answer <- version(2)
				}
				old.Wait()
				after.Wait()
				for _, b := range bodies {
					require.Contains(t, b, "v2")
				}
				require.EqualValues(t, 2, n.up.n.Load())
				require.Contains(t, n.get(trial).body, "v2")
			})
		}
	}
}

// The fill that began before a purge and ends after it is shown to those who
// asked before, and to nobody else.
func TestSlowFillAroundAPurgeIsNotStored(t *testing.T) {
	n := newNode(t)
	g := newGated(n)
	var before response
	var wg sync.WaitGroup
	wg.Go(func() { before = n.get(trial) })
	<-g.asked
	n.marks.Raise(cachekey.Selector{Tags: []string{"doc:trial"}}, invalidation.ModeHard)
	g.answer <- func(f *edge.Fetch) (*edge.Answer, error) { return artifactOf(f.Key, 1), nil }
	wg.Wait()
	require.Contains(t, before.body, "v1")
	require.NotContains(t, before.cacheStatus(), "stored")

	g.answer <- func(f *edge.Fetch) (*edge.Answer, error) { return artifactOf(f.Key, 2), nil }
	r := n.get(trial)
	require.Contains(t, r.body, "v2")
	require.Contains(t, r.cacheStatus(), "fwd=uri-miss; stored")
}

func TestLeaderThatGoesAwayDisturbsNobody(t *testing.T) {
	n := newNode(t)
	g := newGated(n)
	ctx, leave := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	left := make(chan int, 1)
	go func() { left <- n.do(ctx, "GET", trial).status }()
	<-g.asked
	for range 10 {
		wg.Go(func() { require.Equal(t, 200, n.get(trial).status) })
	}
	eventually(t, func() bool { return n.core.Waiting() == 10 }, "ten wait")
	leave()
	require.Equal(t, 499, <-left)
	g.answer <- func(f *edge.Fetch) (*edge.Answer, error) { return artifactOf(f.Key, 1), nil }
	wg.Wait()
	require.EqualValues(t, 1, n.up.n.Load())
	require.Contains(t, n.get(trial).cacheStatus(), "hit")
}

// A request that ends because its node does is told to come again.
func TestStoppingNodeSaysSo(t *testing.T) {
	for _, target := range []string{trial, "/account"} {
		n := newNode(t)
		g := newGated(n)
		ctx, stop := context.WithCancelCause(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() {
			r := n.do(ctx, "GET", target)
			require.Equal(t, 503, r.status)
			require.Equal(t, "1", r.header.Get("Retry-After"))
		})
		<-g.asked
		stop(edge.ErrStopping)
		wg.Wait()
		g.answer <- func(f *edge.Fetch) (*edge.Answer, error) { return artifactOf(f.Key, 1), nil }
	}
}

// A private answer whose leader has gone is closed by the fill.
func TestAbandonedPrivateAnswerIsClosed(t *testing.T) {
	n := newNode(t)
	g := newGated(n)
	ctx, leave := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { n.do(ctx, "GET", "/account") })
	<-g.asked
	leave()
	wg.Wait()
	closed := make(chan struct{})
	g.answer <- func(*edge.Fetch) (*edge.Answer, error) {
		a := answer(200, "x", "Cache-Control: private")
		a.Body = closeFunc{a.Body, func() { close(closed) }}
		return a, nil
	}
	<-closed
}

type closeFunc struct {
	readCloser
	then func()
}

type readCloser interface {
	Read([]byte) (int, error)
	Close() error
}

func (c closeFunc) Close() error { c.then(); return c.readCloser.Close() }

func TestWaitersHaveADeadlineAndACap(t *testing.T) {
	n := newNode(t, func(c *edge.Config, _ *edge.Deps) {
		c.Wait, c.MaxWaiters = 50*time.Millisecond, 5
	})
	newGated(n)
	var mu sync.Mutex
	counts := map[int]int{}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			r := n.get(trial)
			require.NotEmpty(t, r.header.Get("Retry-After"))
			mu.Lock()
			defer mu.Unlock()
			counts[r.status]++
		})
	}
	wg.Wait()
	require.Equal(t, map[int]int{503: 20}, counts)
	require.EqualValues(t, 1, n.up.n.Load())
}

func TestPanicInAFillReachesEveryWaiter(t *testing.T) {
	n := newNode(t)
	g := newGated(n)
	wg := crowdWith(n, g, 10, trial, func(int) []string { return nil }, func(_ int, r response) {
		require.Equal(t, 502, r.status)
		require.NotContains(t, r.body, "boom")
	})
	g.answer <- func(*edge.Fetch) (*edge.Answer, error) { panic("boom") }
	wg.Wait()
	g.answer <- func(f *edge.Fetch) (*edge.Answer, error) { return artifactOf(f.Key, 1), nil }
	require.Equal(t, 200, n.get(trial).status)
}

func TestBrokenBodyIsAnErrorAndNotStored(t *testing.T) {
	n := newNode(t)
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		a := artifactOf(f.Key, 1)
		a.Body = closeFunc{brokenBody{}, func() {}}
		return a, nil
	})
	require.Equal(t, 502, n.get(trial).status)
	n.up.set(sound)
	require.Contains(t, n.get(trial).cacheStatus(), "fwd=uri-miss; stored")
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, errors.New("unexpected EOF") }
func (brokenBody) Close() error             { return nil }

func TestLargeBodiesPassThrough(t *testing.T) {
	n := newNode(t, func(c *edge.Config, _ *edge.Deps) { c.MaxObject = 1000 })
	for _, known := range []bool{true, false} {
		n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) {
			a := answer(200, strings.Repeat("x", 5000), "Cache-Control: max-age=60")
			if !known {
				a.Length = -1
			}
			return a, nil
		})
		for range 2 {
			r := n.get(fmt.Sprintf("/large-%v", known))
			require.Len(t, r.body, 5000)
			require.NotContains(t, r.cacheStatus(), "stored")
		}
	}
}

// An artifact is never passed through unchecked, however large it says it is.
func TestLargeArtifactIsRefused(t *testing.T) {
	n := newNode(t, func(c *edge.Config, _ *edge.Deps) { c.MaxObject = 100 })
	for _, known := range []bool{true, false} {
		n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
			a := artifactOf(f.Key, 1)
			if !known {
				a.Length = -1
			}
			return a, nil
		})
		r := n.get(trial)
		require.Equal(t, 502, r.status)
		require.Contains(t, r.body, "at most 100 bytes")
	}
}

// Slots are named by vector: what is stored for one is never shown for another.
func TestVectorsNameSlots(t *testing.T) {
	targets := &switched{}
	targets.vector.Store("trial=1")
	n := newNode(t, func(_ *edge.Config, d *edge.Deps) { d.Targets = targets })
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		v := 1
		if f.Vector == "trial=2" {
			v = 2
		}
		return artifactOf(f.Key, v), nil
	})
	require.Contains(t, n.get(trial).body, "v1")
	targets.vector.Store("trial=2")
	require.Contains(t, n.get(trial).body, "v2")
	targets.vector.Store("trial=1")
	r := n.get(trial)
	require.Contains(t, r.body, "v1", "flipped back")
	require.Contains(t, r.cacheStatus(), "hit")
	require.EqualValues(t, 2, n.up.n.Load())
}

type switched struct{ vector atomic.Value }

func (s *switched) Snapshot() edge.Snapshot { return fixed(s.vector.Load().(string)) }

type fixed string

func (f fixed) Target(cachekey.Key) (string, rollout.Managed) {
	if f == "" {
		return "", rollout.Unmanaged
	}
	return string(f), rollout.AtTarget
}

func (fixed) Version(string) (int64, bool) { return 0, false }
func (fixed) Unpushed(string, int64) bool  { return false }

// Random readers, fills and purges: no answer is another segment's, and none is
// older than the last purge that had returned when it was asked for.
func TestRandomPurgesAndReaders(t *testing.T) {
	n := newNode(t)
	segments := []string{"b2b", "b2c", "enterprise"}
	ctas := []string{"trial", "demo", "upgrade", "invite"}
	// versions is what the origin has; purged the version below which a purge
	// that has returned forbids answers.
	var versions, purged [3][4]atomic.Int64
	at := func(f *edge.Fetch) *atomic.Int64 {
		for i := range segments {
			for j := range ctas {
				if f.Key.Segment == segments[i] && f.Key.CTA == ctas[j] {
					return &versions[i][j]
				}
			}
		}
		panic(f.Key.Text)
	}
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		v := at(f).Load()
		for range rand.IntN(50) {
			runtime.Gosched() // a slow origin
		}
		return artifactOf(f.Key, int(v)+1), nil
	})
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				i, j := rand.IntN(3), rand.IntN(4)
				v := versions[i][j].Add(1)
				path := fmt.Sprintf("/v1/segments/%s/ctas/%s", segments[i], ctas[j])
				n.marks.Raise([]cachekey.Selector{
					{Keys: []string{path}}, {Tags: []string{"doc:" + ctas[j]}}, {Segment: segments[i]}, {All: true},
				}[rand.IntN(4)], invalidation.ModeHard)
				for old := purged[i][j].Load(); old < v && !purged[i][j].CompareAndSwap(old, v); old = purged[i][j].Load() {
				}
				for range rand.IntN(20) {
					runtime.Gosched() // leaves a lone processor to readers and fills
				}
			}
		})
	}
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for range 2000 {
				i, j := rand.IntN(3), rand.IntN(4)
				floor := purged[i][j].Load()
				r := n.get(fmt.Sprintf("/v1/segments/%s/ctas/%s", segments[i], ctas[j]))
				require.Equal(t, 200, r.status, r.body)
				require.Contains(t, r.body, fmt.Sprintf(`"segment":%q,"cta":%q`, segments[i], ctas[j]))
				var v int64
				_, err := fmt.Sscanf(r.body[strings.Index(r.body, " v")+2:], "%d", &v)
				require.NoError(t, err)
				require.GreaterOrEqual(t, v, floor+1)
			}
		})
	}
	readers.Wait()
	close(stop)
	wg.Wait()
}
