package precompute

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/letteros/letteredge/cachekey"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func summaryKey(t require.TestingT) cachekey.Key {
	key, err := cachekey.Artifact(cachekey.Summary, "b2b", "trial", "trial", "")
	require.NoError(t, err)
	return key
}

// part is an artifact as a node would have it.
func part(kind, id string, fresh time.Duration, documents string, more string) Part {
	return Part{
		Status: 200, Fresh: fresh, SWR: time.Minute, SIE: time.Hour, Tags: []string{"kind:" + kind, "doc:" + id},
		Body: fmt.Appendf(nil, `{"kind":%q,"segment":"b2b","cta":"trial","id":%q,"lang":"en","title":"t","html":"<p>&amp;</p>","documents":%s%s}`, kind, id, documents, more),
	}
}

// shelf is a Fetch from a map by path.
func shelf(parts map[string]Part) Fetch {
	return func(_ context.Context, key cachekey.Key, _ bool) (Part, error) {
		p, ok := parts[strings.TrimPrefix(key.Text, "/v1/segments/b2b/ctas/")]
		if !ok {
			return Part{}, errors.New("unreachable")
		}
		return p, nil
	}
}

func whole() map[string]Part {
	return map[string]Part{
		"trial":           part("cta", "trial", 50*time.Second, `{"trial":42,"core":7}`, `,"proof_ids":["p1","p2"]`),
		"trial/proofs/p1": part("proof", "p1", 20*time.Second, `{"p1":3,"core":7}`, ""),
		"trial/proofs/p2": part("proof", "p2", 40*time.Second, `{"p2":1}`, ""),
	}
}

func TestComposeCarriesAllParts(t *testing.T) {
	s, err := Compose(context.Background(), summaryKey(t), DefaultMaxProofs, shelf(whole()))
	require.NoError(t, err)
	require.Equal(t, 200, s.Status)
	require.False(t, s.Light)
	require.Equal(t, "core=7, p1=3, p2=1, trial=42", DocsVersion(s.Versions))
	require.Equal(t, 20*time.Second, s.Fresh, "no fresher than its first part to go stale")
	for _, tag := range []string{"doc:trial", "doc:p1", "doc:p2", "kind:proof", "proof:p1", "proof:p2"} {
		require.Contains(t, s.Tags, tag)
	}
	var doc struct {
		Kind      string
		Segment   string
		HTML      string
		Documents map[string]int64
		Proofs    []struct{ ID, Kind string }
	}
	require.NoError(t, json.Unmarshal(s.Body, &doc))
	require.Equal(t, "summary", doc.Kind)
	require.Equal(t, s.Versions, doc.Documents)
	require.Equal(t, []struct{ ID, Kind string }{{"p1", "proof"}, {"p2", "proof"}}, doc.Proofs)
	require.Contains(t, string(s.Body), "<p>&amp;</p>", "content is not escaped a second time")
}

func TestComposeWithoutAProof(t *testing.T) {
	for name, c := range map[string]struct {
		change func(map[string]Part)
		light  bool
		proofs int
	}{
		"deleted":     {func(m map[string]Part) { m["trial/proofs/p1"] = Part{Status: 404, NoCache: true} }, false, 1},
		"gone":        {func(m map[string]Part) { m["trial/proofs/p1"] = Part{Status: 410, NoCache: true} }, false, 1},
		"unreachable": {func(m map[string]Part) { delete(m, "trial/proofs/p1") }, true, 1},
		"failing":     {func(m map[string]Part) { m["trial/proofs/p1"] = Part{Status: 503} }, true, 1},
		"an id that none can have": {func(m map[string]Part) {
			cta := m["trial"]
			cta.Body = []byte(strings.Replace(string(cta.Body), `"p2"`, `"P 2"`, 1))
			m["trial"] = cta
		}, true, 1},
		"none can be had": {func(m map[string]Part) {
			delete(m, "trial/proofs/p1")
			delete(m, "trial/proofs/p2")
		}, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			parts := whole()
			c.change(parts)
			s, err := Compose(context.Background(), summaryKey(t), DefaultMaxProofs, shelf(parts))
			require.NoError(t, err)
			require.Equal(t, c.light, s.Light)
			require.Equal(t, c.proofs, strings.Count(string(s.Body), `"kind":"proof"`))
			require.Contains(t, s.Tags, "proof:p1", "its return must be able to purge this")
			require.False(t, s.NoStore && !c.light, "what is gone is final: the Summary is kept without it")
		})
	}
}

func TestComposeWithoutACTA(t *testing.T) {
	_, err := Compose(context.Background(), summaryKey(t), 8, shelf(nil))
	require.ErrorContains(t, err, "unreachable")
	s, err := Compose(context.Background(), summaryKey(t), 8, shelf(map[string]Part{"trial": {Status: 404, Body: []byte("none")}}))
	require.NoError(t, err)
	require.Equal(t, 404, s.Status)
	require.Equal(t, "none", string(s.Body))
}

// Parts rendered from different versions of one document are never shown
// together: the build starts again with every part validated.
func TestComposeNeverMixesVersions(t *testing.T) {
	stored := whole()
	stored["trial/proofs/p1"] = part("proof", "p1", time.Minute, `{"p1":3,"core":8}`, "")
	current := whole()
	current["trial"] = part("cta", "trial", time.Minute, `{"trial":42,"core":8}`, `,"proof_ids":["p1","p2"]`)
	current["trial/proofs/p1"] = stored["trial/proofs/p1"]
	var validated atomic.Int32
	fetch := func(ctx context.Context, key cachekey.Key, validate bool) (Part, error) {
		if validate {
			validated.Add(1)
			return shelf(current)(ctx, key, true)
		}
		return shelf(stored)(ctx, key, false)
	}
	s, err := Compose(context.Background(), summaryKey(t), 8, fetch)
	require.NoError(t, err)
	require.EqualValues(t, 3, validated.Load())
	require.EqualValues(t, 8, s.Versions["core"])
	require.False(t, s.Light)
}

// Whatever the parts say, one version of each document is shown.
func TestComposeVersionsProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := map[string]Part{}
		ids := []string{"p1", "p2", "p3"}
		v := func(name string) int { return rapid.IntRange(1, 2).Draw(t, name) }
		parts["trial"] = part("cta", "trial", time.Minute, fmt.Sprintf(`{"trial":1,"core":%d}`, v("cta")), `,"proof_ids":["p1","p2","p3"]`)
		for _, id := range ids {
			if rapid.Bool().Draw(t, "has "+id) {
				parts["trial/proofs/"+id] = part("proof", id, time.Minute, fmt.Sprintf(`{"core":%d,%q:1}`, v(id), id), "")
			}
		}
		s, err := Compose(context.Background(), summaryKey(t), 8, shelf(parts))
		require.NoError(t, err)
		require.LessOrEqual(t, strings.Count(strings.ReplaceAll(string(s.Body), `"core":1`, "\x00"), "\x00")*
			strings.Count(strings.ReplaceAll(string(s.Body), `"core":2`, "\x00"), "\x00"), 0, "both versions are shown: %s", s.Body)
	})
}

func TestMaxProofs(t *testing.T) {
	s, err := Compose(context.Background(), summaryKey(t), 1, shelf(whole()))
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(s.Body), `"kind":"proof"`))
}

func TestKeeperRebuildsWhatAPurgeHits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var warmed []string
		k := NewKeeper(10, func(_ context.Context, key cachekey.Key, languages string) error {
			mu.Lock()
			defer mu.Unlock()
			warmed = append(warmed, key.Text+" "+languages)
			if languages == "de" {
				return errors.New("origin down")
			}
			return nil
		}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- k.Run(ctx) }()
		key := summaryKey(t)
		k.Note(key, "ja", []string{"doc:trial", "doc:p1"})
		k.Note(key, "de", []string{"doc:p9"})
		k.Purged(cachekey.Selector{Tags: []string{"doc:other"}})
		synctest.Wait()
		require.Empty(t, warmed)
		k.Purged(cachekey.Selector{Tags: []string{"doc:p1"}})
		synctest.Wait()
		require.Equal(t, []string{key.Text + " ja"}, warmed)
		k.Purged(cachekey.Selector{Segment: "b2b"})
		synctest.Wait()
		require.Len(t, warmed, 3)
		require.EqualValues(t, 2, k.Rebuilt())
		require.EqualValues(t, 1, k.Failed())
		cancel()
		require.NoError(t, <-done)
	})
}

func TestKeeperIsBounded(t *testing.T) {
	k := NewKeeper(3, nil, nil)
	for i := range 10 {
		key, err := cachekey.Artifact(cachekey.Summary, "b2b", fmt.Sprintf("c%d", i), fmt.Sprintf("c%d", i), "")
		require.NoError(t, err)
		k.Note(key, "", nil)
		k.Note(key, "", nil)
	}
	require.Len(t, k.known, 3)
	require.Len(t, k.order, 3)
}
