package edge_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/edgetest"
	"github.com/letteros/letteredge/invalidation"
	"github.com/letteros/letteredge/invalidation/rollout"
	"github.com/letteros/letteredge/quota"
)

// docs is an origin of managed documents: it answers to the wanted vector, or
// with what its folder has at this moment where it ignores that.
type docs struct {
	shows   atomic.Int64 // the version of its folder
	ignores atomic.Bool  // Docs-Pin
	down    atomic.Bool
	control atomic.Value // Cache-Control of answers, a string
}

func (o *docs) Fetch(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
	if o.down.Load() {
		return nil, errors.New("down")
	}
	version := int(o.shows.Load())
	if !o.ignores.Load() && f.Vector != "" {
		all, err := edge.ParseVersions(f.Vector)
		if err != nil {
			return nil, err
		}
		version = int(all[f.Key.ID])
	}
	a := artifactOf(f.Key, version, "Vary: Accept-Language", `Etag: "o`+fmt.Sprint(version)+`"`)
	if c, ok := o.control.Load().(string); ok {
		for i := range a.Fields {
			if a.Fields[i].Name == "Cache-Control" {
				a.Fields[i].Value = c
			}
		}
	}
	return a, nil
}

// managed is a node whose one CTA is managed.
type managed struct {
	*node
	origin   *docs
	targets  *edgetest.Targets
	standing *edgetest.Standing
	pins     *edgetest.Pins
	purges   *edgetest.PurgeLog
}

func at(version int) edgetest.Snapshot {
	s := edgetest.Released(map[string]string{trial: fmt.Sprintf("trial=%d", version)})
	s.Other = rollout.Absent
	return s
}

func newManaged(t testing.TB, change ...func(*edge.Config, *edge.Deps)) *managed {
	m := &managed{
		origin: &docs{}, targets: &edgetest.Targets{}, standing: &edgetest.Standing{}, pins: &edgetest.Pins{}, purges: &edgetest.PurgeLog{},
	}
	m.restart(t, change...)
	m.targets.Flip(at(1))
	m.origin.shows.Store(1)
	return m
}

// restart is another process of the same node: empty, with the same disk.
func (m *managed) restart(t testing.TB, change ...func(*edge.Config, *edge.Deps)) {
	m.node = newNode(t, append([]func(*edge.Config, *edge.Deps){func(_ *edge.Config, d *edge.Deps) {
		d.Targets, d.Standing, d.Pins, d.Purges = m.targets, m.standing, m.pins, m.purges
		d.Previewer = edgetest.Previewer{"reader": nil, "candidate": at(2), "deleted": edgetest.Snapshot{Other: rollout.Absent}}
	}}, change...)...)
	m.up.set(m.origin.Fetch)
}

// purge does what an engine does with one.
func (m *managed) purge(sel cachekey.Selector, mode invalidation.Mode) {
	m.purges.Add(sel, mode == invalidation.ModeSoft)
	m.marks.Raise(sel, mode)
	if mode == invalidation.ModeHard {
		m.core.Purged(sel)
	}
}

func (m *managed) pinned(t testing.TB, n int) {
	eventually(t, func() bool { return m.pins.Len() == n }, "pins on disk")
}

func TestManagedIsFreshAtAnyAge(t *testing.T) {
	n := newManaged(t)
	require.Equal(t, "max-age=30, public", n.get(trial).header.Get("Cache-Control"))
	n.skew.Add(int64(1000 * time.Hour))
	n.standing.SetAge(2 * time.Second)
	n.origin.shows.Store(2) // an edit that nobody has pushed
	r := n.get(trial)
	require.Contains(t, r.body, "v1")
	require.Contains(t, r.cacheStatus(), "; hit; ttl=28")
	require.Equal(t, "2", r.header.Get("Age"), "from the last watermark")
	require.Empty(t, r.header.Get("Date"), "the transport's: the fill's would count from there")
	require.Empty(t, r.header.Get("Edge-Degraded"))
	require.EqualValues(t, 1, n.up.n.Load())
}

func TestReadersMayKeepAManagedCopyForAMoment(t *testing.T) {
	for origin, want := range map[string]string{
		"max-age=5":                          "max-age=5",
		"public, max-age=600, immutable":     "max-age=30, public",
		"s-maxage=9, stale-if-error=4":       "max-age=30",
		"Max-Age=60, no-transform, foo":      "max-age=30, no-transform, foo",
		`max-age=60, x="a, b"`:               "max-age=30",
		"max-age=60, stale-while-revalidate": "max-age=30",
	} {
		n := newManaged(t)
		n.origin.control.Store(origin)
		n.get(trial)
		require.Equal(t, want, n.get(trial).header.Get("Cache-Control"), origin)
	}
}

// The origin's word that a copy must be validated is kept; so is the age of what
// is managed only in part.
func TestManagedCopiesThatAge(t *testing.T) {
	for name, c := range map[string]struct{ control string }{
		"must-revalidate": {"max-age=60, must-revalidate"},
		"no-cache":        {"no-cache"},
	} {
		t.Run(name, func(t *testing.T) {
			n := newManaged(t)
			n.origin.control.Store(c.control)
			n.get(trial)
			n.skew.Add(int64(2 * time.Minute))
			require.NotContains(t, n.get(trial).cacheStatus(), "; hit")
			require.EqualValues(t, 2, n.up.n.Load())
		})
	}
	n := newManaged(t)
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		a := artifactOf(f.Key, 1)
		return reversion(a, `"documents":{"free":9,"trial":1}`, "free=9, trial=1"), nil
	})
	require.Equal(t, "public, max-age=60", n.get(trial).header.Get("Cache-Control"))
	n.skew.Add(int64(61 * time.Second))
	require.NotContains(t, n.get(trial).cacheStatus(), "; hit")
}

// reversion gives an answer other documents.
func reversion(a *edge.Answer, member, field string) *edge.Answer {
	body := new(strings.Builder)
	buf := make([]byte, 1<<16)
	n, _ := a.Body.Read(buf)
	text := string(buf[:n])
	from := strings.Index(text, `"documents"`)
	body.WriteString(text[:from] + member + "}")
	b := answer(200, body.String())
	b.Fields = append(b.Fields, a.Fields...)
	for i := range b.Fields {
		if b.Fields[i].Name == "Docs-Version" {
			b.Fields[i].Value = field
		}
	}
	return b
}

func TestAbsentAndUnknown(t *testing.T) {
	n := newManaged(t)
	r := n.get("/v1/segments/b2b/ctas/other")
	require.Equal(t, 404, r.status)
	require.Equal(t, "application/problem+json", r.header.Get("Content-Type"))
	n.targets.Flip(edgetest.Snapshot{Other: rollout.Unknown})
	r = n.get(trial)
	require.Equal(t, 503, r.status)
	require.Equal(t, "held", r.header.Get("Edge-Degraded"))
	require.Zero(t, n.up.n.Load(), "nothing is treated as unmanaged")
	require.Equal(t, 200, func() int {
		n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) { return answer(200, "x"), nil })
		return n.get("/page").status
	}(), "what is no artifact needs no record")
}

// A managed answer of another version reaches nobody, whatever way it is asked for.
func TestWrongVersionReachesNoReader(t *testing.T) {
	n := newManaged(t)
	n.origin.ignores.Store(true)
	n.origin.shows.Store(2)
	for range 3 {
		r := n.get(trial)
		require.Equal(t, 503, r.status)
		require.Equal(t, "held", r.header.Get("Edge-Degraded"))
		require.NotContains(t, r.body, "v2")
	}
	_, err := n.core.ServePeer(t.Context(), peerFetch(t, trial, "trial=1"))
	require.ErrorContains(t, err, "held")
	require.Error(t, n.core.Fill(t.Context(), key(t, trial), "", at(1)))
	require.Zero(t, n.pins.Len())

	// Nor do documents beside the vector that are managed.
	n.origin.shows.Store(1)
	s := at(1)
	s.Documents["core"] = 7
	n.targets.Flip(s)
	for version, status := range map[int]int{6: 503, 7: 200} {
		n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
			return reversion(artifactOf(f.Key, 1), fmt.Sprintf(`"documents":{"core":%d,"trial":1}`, version), fmt.Sprintf("core=%d, trial=1", version)), nil
		})
		require.Equal(t, status, n.get(trial, fmt.Sprintf("Accept-Language: x%d", version)).status)
		n.purge(cachekey.Selector{All: true}, invalidation.ModeHard)
	}
	// An origin that has lost it, or fails, changes nothing about what is to be shown.
	for _, status := range []int{404, 410, 500} {
		n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) { return answer(status, ""), nil })
		require.Equal(t, 503, n.get(trial).status)
	}
}

// An origin that does not heed Docs-Pin and has been edited: once nothing is left of
// the target, and no rollout is open, readers get the edit, marked.
func TestAnEditRatherThanNothing(t *testing.T) {
	n := newManaged(t)
	n.origin.ignores.Store(true)
	targets := at(1)
	targets.Highest = map[string]int64{"trial": 1}
	n.targets.Flip(targets)
	require.Contains(t, n.get(trial).body, "v1")
	n.origin.shows.Store(2)
	require.Contains(t, n.get(trial).body, "v1")
	n.pinned(t, 1)
	n.purge(cachekey.Selector{All: true}, invalidation.ModeHard)
	for range 2 { // it is not kept
		r := n.get(trial)
		require.Equal(t, 200, r.status)
		require.Contains(t, r.body, "v2")
		require.Equal(t, "trial=2", r.header.Get("Docs-Version"))
		require.Equal(t, "held", r.header.Get("Edge-Degraded"))
		require.Equal(t, []string{"no-store"}, r.header.Values("Cache-Control"))
		require.Contains(t, r.header.Get("Cache-Status"), "fwd=uri-miss; detail=unpushed")
	}
	_, err := n.core.ServePeer(t.Context(), peerFetch(t, trial, "trial=1"))
	require.ErrorContains(t, err, "held")
	require.Error(t, n.core.Fill(t.Context(), key(t, trial), "", targets))

	held := func(why string) {
		r := n.get(trial)
		require.Equal(t, 503, r.status, why)
		require.Equal(t, "held", r.header.Get("Edge-Degraded"), why)
	}
	n.standing.Isolate(true)
	held("it may have missed a rollout's beginning")
	n.standing.Isolate(false)
	n.targets.Flip(at(1))
	held("a rollout is open")
	targets.Highest = map[string]int64{"trial": 3}
	n.targets.Flip(targets)
	held("2 was pushed, and undone")
	targets.Highest = map[string]int64{"trial": 1}
	n.targets.Flip(targets)
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		a := artifactOf(f.Key, 2)
		a.Body = io.NopCloser(strings.NewReader("<html>"))
		return a, nil
	})
	require.Equal(t, 502, n.get(trial).status, "what is no artifact reaches no reader")
	n.up.set(n.origin.Fetch)
	n.origin.shows.Store(1)
	r := n.get(trial)
	require.Contains(t, r.body, "v1")
	require.Empty(t, r.header.Get("Edge-Degraded"))
}

// And never in place of what is here of the target: stale, or in another language.
func TestATargetRatherThanAnEdit(t *testing.T) {
	n := newManaged(t)
	n.origin.ignores.Store(true)
	targets := at(1)
	targets.Highest = map[string]int64{"trial": 1}
	n.targets.Flip(targets)
	require.Equal(t, 200, n.get(trial, "Accept-Language: en").status)
	n.origin.shows.Store(2)
	n.purge(cachekey.Selector{All: true}, invalidation.ModeSoft)
	for _, lang := range []string{"en", "ja"} {
		r := n.get(trial, "Accept-Language: "+lang)
		require.Contains(t, r.body, "v1", lang)
		require.Equal(t, "trial=1", r.header.Get("Docs-Version"), lang)
		require.NotContains(t, r.cacheStatus(), "unpushed", lang)
	}
}

func key(t testing.TB, path string) cachekey.Key {
	k, err := cachekey.ParseText(path)
	require.NoError(t, err)
	return k
}

func peerFetch(t testing.TB, path, vector string) *edge.Fetch {
	return &edge.Fetch{Method: "GET", Host: "edge.test", Target: path, Key: key(t, path), Vector: vector}
}

// Rather than an error, the same versions in another language.
func TestAnotherLanguageOfTheTarget(t *testing.T) {
	n := newManaged(t)
	require.Equal(t, 200, n.get(trial, "Accept-Language: en").status)
	n.origin.down.Store(true)
	r := n.get(trial, "Accept-Language: ja")
	require.Equal(t, 200, r.status)
	require.Equal(t, "held", r.header.Get("Edge-Degraded"))
	n.targets.Flip(at(2))
	require.Equal(t, 503, n.get(trial, "Accept-Language: en").status, "but never other versions")
}

func TestFlipNeedsNoFetch(t *testing.T) {
	n := newManaged(t)
	require.Contains(t, n.get(trial).body, "v1")
	n.origin.shows.Store(2)
	require.NoError(t, n.core.Fill(t.Context(), key(t, trial), "", at(2)))
	require.Contains(t, n.get(trial).body, "v1", "filled, not shown")
	n.origin.down.Store(true)
	n.targets.Flip(at(2))
	r := n.get(trial)
	require.Contains(t, r.body, "v2")
	require.Contains(t, r.cacheStatus(), "; hit")
	former := at(1)
	n.targets.Flip(former)
	require.Contains(t, n.get(trial).body, "v1", "undone")
	require.EqualValues(t, 2, n.up.n.Load())
	require.NoError(t, n.core.Fill(t.Context(), key(t, "/v1/segments/b2b/ctas/none"), "", at(2)), "what is not there needs no fill")
}

func TestPreview(t *testing.T) {
	n := newManaged(t)
	_, err := n.gate.Set(quota.Quota{Segment: "b2b", RPS: 0.001, Burst: 1})
	require.NoError(t, err)
	n.skew.Add(int64(time.Hour))
	require.Contains(t, n.get(trial).body, "v1")
	for range 5 {
		r := n.get(trial, "Edge-Preview: candidate")
		require.Equal(t, 200, r.status, "counts no quota")
		require.Contains(t, r.body, "v2")
		require.Equal(t, http.Header{"Cache-Control": {"no-store"}}, http.Header{"Cache-Control": r.header["Cache-Control"]})
	}
	require.EqualValues(t, 2, n.up.n.Load(), "hits of the candidate's slot")
	require.Equal(t, 404, n.get(trial, "Edge-Preview: deleted").status)
	require.Equal(t, []string{"no-store"}, n.get(trial, "Edge-Preview: deleted").header["Cache-Control"])

	n.skew.Add(int64(time.Hour))
	r := n.get(trial, "Edge-Preview: forged")
	require.Contains(t, r.body, "v1", "a reader's request")
	require.Equal(t, 429, n.get(trial, "Edge-Preview: forged").status)
	for range 3 {
		r = n.get(trial, "Edge-Preview: reader")
		require.Equal(t, 200, r.status, "a check that looks as a reader does counts no quota either")
		require.Contains(t, r.body, "v1")
		require.Empty(t, r.header["Ratelimit"])
	}

	// A check is told what is there, not what stands in for it.
	n.marks.Raise(cachekey.Selector{All: true}, invalidation.ModeSoft)
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		for _, l := range f.Fields {
			require.NotContains(t, []string{"Edge-Preview", "Docs-Pin"}, l.Name)
		}
		return nil, errors.New("down")
	})
	require.Equal(t, 503, n.get(trial, "Edge-Preview: candidate", "Accept-Language: de", "Docs-Pin: trial=9").status)
}

func TestPinsOutliveTheProcess(t *testing.T) {
	n := newManaged(t)
	body := n.get(trial).body
	n.pinned(t, 1)
	n.restart(t)
	n.origin.down.Store(true)
	n.skew.Add(int64(1000 * time.Hour))
	r := n.get(trial)
	require.Equal(t, body, r.body)
	require.Contains(t, r.cacheStatus(), "; hit; ttl=30; detail=pin")
	require.Empty(t, r.header.Get("Edge-Degraded"))
	require.Contains(t, n.get(trial).cacheStatus(), "; hit")
	require.Zero(t, n.up.n.Load(), "its own disk goes before the origin")
	n.targets.Flip(at(2))
	require.Equal(t, 503, n.get(trial).status)
	require.NoError(t, n.core.SweepPins(func(_, vector string) bool { return vector == "trial=2" }))
	require.Zero(t, n.pins.Len())
}

// A hard purge drops pins, also one whose sweep a crash has prevented; a log that
// does not reach back to a pin cannot vouch for it. A soft purge leaves it to stand
// in while the origin fails.
func TestPurgesHitPins(t *testing.T) {
	sel := cachekey.Selector{Tags: []string{"doc:trial"}}
	for name, c := range map[string]struct {
		purge  func(n *managed)
		status int
	}{
		"none":     {func(*managed) {}, 200},
		"other":    {func(n *managed) { n.purges.Add(cachekey.Selector{Tags: []string{"doc:x"}}, false) }, 200},
		"swept":    {func(n *managed) { n.purge(sel, invalidation.ModeHard); n.pinned(n.t, 0) }, 503},
		"unswept":  {func(n *managed) { n.purges.Add(sel, false) }, 503},
		"log lost": {func(n *managed) { n.purges.Add(cachekey.Selector{Tags: []string{"doc:x"}}, false); n.purges.Forget() }, 503},
		"soft":     {func(n *managed) { n.purges.Add(sel, true) }, 200},
	} {
		t.Run(name, func(t *testing.T) {
			n := newManaged(t)
			n.get(trial)
			n.pinned(t, 1)
			c.purge(n)
			n.restart(t)
			n.origin.down.Store(true)
			r := n.get(trial)
			require.Equal(t, c.status, r.status)
			if name == "soft" {
				require.Equal(t, "held", r.header.Get("Edge-Degraded"))
				n.origin.down.Store(false)
				n.skew.Add(int64(time.Minute))
				n.get(trial)
				eventually(t, func() bool { return strings.Contains(n.get(trial).cacheStatus(), "; hit; ttl=30") }, "one refresh")
			}
		})
	}
	// What was fetched after the purge stays pinned.
	n := newManaged(t)
	n.purge(sel, invalidation.ModeHard)
	n.get(trial)
	n.pinned(t, 1)
	n.core.Purged(sel)
	n.get(trial, "Accept-Language: ja")
	n.pinned(t, 2)
}

func TestAFullDiskCostsPinsNotAnswers(t *testing.T) {
	n := newManaged(t)
	n.pins.Fail(errors.New("no space left"))
	for i := range 300 {
		require.Equal(t, 200, n.get(trial, fmt.Sprintf("Accept-Language: l%d", i)).status)
	}
	eventually(t, func() bool { return n.core.LostPins() == 300 }, "counted")
	n.pins.Fail(nil)
	require.Equal(t, 200, n.get(trial, "Accept-Language: ja").status)
	n.pinned(t, 1)
}

func TestIsolatedManaged(t *testing.T) {
	n := newManaged(t)
	n.get(trial)
	n.standing.Isolate(true)
	n.standing.SetAge(time.Hour)
	n.skew.Add(int64(time.Hour))
	r := n.get(trial)
	require.Equal(t, 200, r.status)
	require.Contains(t, r.cacheStatus(), "; hit; ttl=0")
	require.Equal(t, "isolated", r.header.Get("Edge-Degraded"))
	require.Equal(t, "3600", r.header.Get("Age"))
	require.EqualValues(t, 1, n.up.n.Load(), "at the last known target, however old")
	require.Equal(t, "isolated", n.get(trial, "Accept-Language: ja").header.Get("Edge-Degraded"), "a fill is of the last known target, too")
}

func TestIsolatedRoutesThatPreferAnError(t *testing.T) {
	standing := &edgetest.Standing{}
	for option, status := range map[edge.Isolation]int{edge.IsolatedStale: 200, edge.IsolatedError: 502} {
		n := newNode(t, func(c *edge.Config, d *edge.Deps) { d.Standing, c.Routes[0].Isolated = standing, option })
		n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) {
			return answer(200, "x", "Cache-Control: max-age=60"), nil
		})
		standing.Isolate(false)
		n.get("/a")
		standing.Isolate(true)
		n.skew.Add(int64(1000 * time.Hour)) // beyond stale-if-error
		n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) { return nil, errors.New("down") })
		r := n.get("/a")
		require.Equal(t, status, r.status)
		if status == 200 {
			require.Equal(t, "isolated", r.header.Get("Edge-Degraded"))
		}
	}
}
