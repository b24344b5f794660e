package edge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/edgetest"
	"github.com/letteros/letteredge/invalidation"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// Which rule wins where two meet (SEMANTICS §5): one test for each pair that this
// package decides.

var doc = cachekey.Selector{Tags: []string{"doc:trial"}}

// A hard purge goes before a hold: what was purged is not shown, even if that
// leaves nothing to show; and it opens no way for what is held back.
func TestHardPurgeBeforeHold(t *testing.T) {
	n := newManaged(t)
	n.get(trial)
	n.pinned(t, 1)
	n.origin.ignores.Store(true)
	n.origin.shows.Store(2)
	n.purge(doc, invalidation.ModeHard)
	r := n.get(trial)
	require.Equal(t, 503, r.status)
	require.Equal(t, "held", r.header.Get("Edge-Degraded"))
	n.origin.ignores.Store(false)
	require.Contains(t, n.get(trial).body, "v1", "fetched anew, of the held version")
}

// A hold goes before a soft purge: readers get what is held, however often the
// refresh brings something else, and the refresh backs off.
func TestHoldBeforeSoftPurge(t *testing.T) {
	n := newManaged(t)
	n.get(trial)
	n.origin.ignores.Store(true)
	n.origin.shows.Store(2)
	n.purge(doc, invalidation.ModeSoft)
	for range 20 {
		r := n.get(trial)
		require.Equal(t, 200, r.status)
		require.Contains(t, r.body, "v1")
	}
	eventually(t, func() bool { return n.get(trial).header.Get("Edge-Degraded") == "stale" }, "the refresh has failed")
	for range 20 {
		require.Contains(t, n.get(trial).body, "v1")
	}
	require.EqualValues(t, 2, n.up.n.Load(), "one refresh, then it backs off")
	n.skew.Add(int64(11 * time.Second))
	n.origin.shows.Store(1)
	n.get(trial)
	eventually(t, func() bool { return strings.Contains(n.get(trial).cacheStatus(), "ttl=30") }, "the next one brings the target")
}

// A hold goes before availability: nothing of another version stands in for what
// is to be shown, whoever has it.
func TestHoldBeforeAvailability(t *testing.T) {
	n := newManaged(t)
	n.get(trial)
	n.targets.Flip(at(3))
	n.origin.down.Store(true)
	r := n.get(trial)
	require.Equal(t, 503, r.status)
	require.NotContains(t, r.body, "v1")
}

// A hard purge goes before availability, and a soft one does not.
func TestPurgesAndAvailability(t *testing.T) {
	for mode, status := range map[invalidation.Mode]int{invalidation.ModeHard: 502, invalidation.ModeSoft: 200} {
		n := newNode(t)
		n.up.set(sound)
		n.get(trial)
		n.marks.Raise(doc, mode)
		n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) { return nil, errors.New("down") })
		require.Equal(t, status, n.get(trial).status)
	}
}

// Isolation goes before TTL for what is not managed, and availability before
// isolation (TestIsolated); a hard purge before isolation for what is managed.
func TestHardPurgeBeforeIsolation(t *testing.T) {
	n := newManaged(t)
	n.get(trial)
	n.standing.Isolate(true)
	n.purge(doc, invalidation.ModeHard)
	n.origin.down.Store(true)
	require.Equal(t, 503, n.get(trial).status)
}

// A route that prefers an error to what may be stale has it only where nothing
// goes before: a managed copy stays at the last known target, and an origin that
// answers is heard.
func TestHoldAndOriginBeforeIsolatedError(t *testing.T) {
	asks := func(c *edge.Config, _ *edge.Deps) { c.Artifacts.Isolated = edge.IsolatedError }
	n := newManaged(t, asks)
	n.get(trial)
	n.standing.Isolate(true)
	n.skew.Add(int64(time.Hour))
	n.origin.down.Store(true)
	r := n.get(trial)
	require.Equal(t, 200, r.status)
	require.Equal(t, "isolated", r.header.Get("Edge-Degraded"))

	standing := &edgetest.Standing{}
	free := newNode(t, asks, func(_ *edge.Config, d *edge.Deps) { d.Standing = standing })
	free.up.set(sound)
	free.get(trial)
	standing.Isolate(true)
	free.skew.Add(int64(time.Hour))
	r = free.get(trial)
	require.Equal(t, 200, r.status)
	require.Empty(t, r.header.Get("Edge-Degraded"))
	free.skew.Add(int64(time.Hour))
	free.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) { return nil, errors.New("down") })
	require.Equal(t, 502, free.get(trial).status)
}

// An owner goes by the asker's vector and by no other; it does not give away what
// is softly purged.
func TestServePeerByVector(t *testing.T) {
	n := newManaged(t)
	n.get(trial)
	ask := func(vector string) (string, string) {
		a, err := n.core.ServePeer(t.Context(), peerFetch(t, trial, vector))
		require.NoError(t, err)
		body, err := io.ReadAll(a.Body)
		require.NoError(t, err)
		require.Equal(t, "public, max-age=60", get(a, "Cache-Control"), "the origin's own: the asker judges by it")
		return string(body), get(a, "Cache-Status")
	}
	n.skew.Add(int64(time.Hour))
	body, status := ask("trial=1")
	require.Contains(t, body, "v1")
	require.Contains(t, status, "; hit")
	body, status = ask("trial=2") // the asker's candidate, which this node does not know of
	require.Contains(t, body, "v2")
	require.Contains(t, status, "fwd=")
	require.Contains(t, n.get(trial).body, "v1")
	_, status = ask("trial=2")
	require.Contains(t, status, "; hit")
	n.marks.Raise(doc, invalidation.ModeSoft)
	_, status = ask("trial=1")
	require.Contains(t, status, "fwd=")
	require.EqualValues(t, 3, n.up.n.Load())
}

// The asker's member comes behind the owner's, and what the owner gave is as
// fresh at the asker as its own.
func TestCacheStatusOfTiers(t *testing.T) {
	owner := newManaged(t)
	asker := newManaged(t, func(c *edge.Config, _ *edge.Deps) { c.Node = "test-2" })
	asker.up.set(func(ctx context.Context, f *edge.Fetch) (*edge.Answer, error) { return owner.core.ServePeer(ctx, f) })
	require.Regexp(t, `^test-1; fwd=uri-miss.*, test-2; fwd=uri-miss; stored$`, asker.get(trial).cacheStatus())
	require.Regexp(t, `^test-1; hit; ttl=\d+, test-2; fwd=vary-miss; stored$`, func() string {
		owner.get(trial, "Accept-Language: ja")
		return asker.get(trial, "Accept-Language: ja").cacheStatus()
	}())
	asker.skew.Add(int64(time.Hour))
	require.Regexp(t, `, test-2; hit; ttl=30$`, asker.get(trial).cacheStatus())
	require.Equal(t, "max-age=30, public", asker.get(trial).header.Get("Cache-Control"))
}

const (
	summary = trial + "/summary"
	proof   = trial + "/proofs/p1"
)

// whole builds a Summary of one CTA and one Proof, as precompute does.
type whole struct{}

func (whole) Build(ctx context.Context, b *edge.Build) (*edge.Answer, error) {
	var parts []json.RawMessage
	versions := map[string]int64{}
	for _, kind := range []cachekey.Kind{cachekey.CTA, cachekey.Proof} {
		id := map[cachekey.Kind]string{cachekey.CTA: "trial", cachekey.Proof: "p1"}[kind]
		k, err := cachekey.Artifact(kind, b.Key.Segment, b.Key.CTA, id, "")
		if err != nil {
			return nil, err
		}
		s, err := b.Part(ctx, k, false)
		if err != nil {
			return nil, err
		}
		if s.Art.Status != 200 {
			continue
		}
		got, err := edge.ParseVersions(s.Art.Get("Docs-Version"))
		if err != nil {
			return nil, err
		}
		for d, v := range got {
			versions[d] = v
		}
		parts = append(parts, s.Art.Body)
	}
	documents, err := json.Marshal(versions)
	if err != nil {
		return nil, err
	}
	var field []string
	for d, v := range versions {
		field = append(field, fmt.Sprintf("%s=%d", d, v))
	}
	body := fmt.Sprintf(`{"kind":"summary","segment":"b2b","cta":"trial","id":"trial","lang":"en","title":"t","html":"","documents":%s,"proofs":%s}`,
		documents, "["+string(bytes.Join([][]byte{parts[0], parts[len(parts)-1]}, []byte(",")))+"]")
	return dated(answer(200, body, "Content-Type: application/json", "Cache-Control: max-age=60", "Docs-Version: "+strings.Join(field, ", "))), nil
}

func summaryAt(version int) edgetest.Snapshot {
	s := edgetest.Released(map[string]string{
		trial: fmt.Sprintf("trial=%d", version), proof: fmt.Sprintf("p1=%d", version),
		summary: fmt.Sprintf("p1=%d, trial=%d", version, version),
	})
	s.Other = rollout.Absent
	return s
}

// However targets flip while Summaries are built, shown, purged and pinned: no
// answer has two versions in it, and none is an error.
func TestNoSummaryMixesVersions(t *testing.T) {
	n := newManaged(t, func(_ *edge.Config, d *edge.Deps) { d.Builder = whole{} })
	n.targets.Flip(summaryAt(1))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			n.targets.Flip(summaryAt(1 + i%3))
			if i%7 == 0 {
				n.marks.Raise(cachekey.Selector{All: true}, []invalidation.Mode{invalidation.ModeHard, invalidation.ModeSoft}[i%2])
			}
			for range 100 {
				runtime.Gosched() // a pace, so that most Summaries are built between two flips
			}
		}
	})
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for range 300 {
				r := n.get(summary)
				require.Equal(t, 200, r.status, r.body)
				var got struct{ Documents map[string]int64 }
				require.NoError(t, json.Unmarshal([]byte(r.body), &got))
				require.Equal(t, got.Documents["trial"], got.Documents["p1"], r.body)
				require.Equal(t, 2, strings.Count(r.body, fmt.Sprintf(" v%d<", got.Documents["trial"])), r.body)
			}
		})
	}
	readers.Wait()
	close(stop)
	wg.Wait()
}

// A Summary whose parts are all managed outlives its TTL as they do.
func TestSummaryIsFreshAtAnyAge(t *testing.T) {
	n := newManaged(t, func(_ *edge.Config, d *edge.Deps) { d.Builder = whole{} })
	n.targets.Flip(summaryAt(1))
	n.get(summary)
	n.skew.Add(int64(1000 * time.Hour))
	n.origin.down.Store(true)
	require.Contains(t, n.get(summary).cacheStatus(), "; hit; ttl=30")
	n.targets.Flip(summaryAt(2))
	r := n.get(summary)
	require.Equal(t, 503, r.status)
	require.Equal(t, "held", r.header.Get("Edge-Degraded"))
}

// An owner's own targets do not judge what another node asks for: they may be a
// flip behind.
func TestAPeersTargetIsTheAskers(t *testing.T) {
	n := newManaged(t)
	s := at(1)
	s.Documents["core"] = 7
	n.targets.Flip(s)
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		return reversion(artifactOf(f.Key, 2), `"documents":{"core":8,"trial":2}`, "core=8, trial=2"), nil
	})
	_, err := n.core.ServePeer(t.Context(), peerFetch(t, trial, "trial=2"))
	require.NoError(t, err)
}

// A whole artifact is rendered from all that its target names.
func TestAnswersThatLackADocument(t *testing.T) {
	n := newManaged(t)
	n.targets.Flip(edgetest.Released(map[string]string{trial: "core=7, trial=1"}))
	require.Equal(t, 503, n.get(trial).status)
}

// A check of a candidate is told of an origin that fails; a reader is spared it.
func TestAPreviewIsNeverStale(t *testing.T) {
	n := newManaged(t)
	n.targets.Flip(at(2))
	down := false
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		if down {
			return nil, errors.New("down")
		}
		return reversion(artifactOf(f.Key, 2), `"documents":{"free":9,"trial":2}`, "free=9, trial=2"), nil
	})
	require.Equal(t, 200, n.get(trial).status)
	down = true
	n.skew.Add(int64(2 * time.Minute))
	require.Equal(t, 503, n.get(trial, "Edge-Preview: candidate").status)
	n.skew.Add(int64(2 * time.Second))
	r := n.get(trial)
	require.Equal(t, 200, r.status)
	require.Equal(t, "stale", r.header.Get("Edge-Degraded"))
}

// A 304 renews what the origin said, not what readers were told in its place.
func TestRenewalKeepsTheOriginsControl(t *testing.T) {
	n := newManaged(t)
	n.get(trial)
	n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) {
		return answer(304, "", `Etag: "o1"`), nil
	})
	n.marks.Raise(doc, invalidation.ModeSoft)
	n.get(trial)
	eventually(t, func() bool { return strings.Contains(n.get(trial).cacheStatus(), "ttl=30") }, "renewed")
	require.Equal(t, "max-age=30, public", n.get(trial).header.Get("Cache-Control"))
	a, err := n.core.ServePeer(t.Context(), peerFetch(t, trial, "trial=1"))
	require.NoError(t, err)
	require.Equal(t, "public, max-age=60", get(a, "Cache-Control"))
	require.Contains(t, get(a, "Cdn-Cache-Control"), "max-age=60")
}
