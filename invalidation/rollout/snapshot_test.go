package rollout

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/gossip"
)

func keyOf(t testing.TB, text string) cachekey.Key {
	key, err := cachekey.ParseText(text)
	require.NoError(t, err)
	return key
}

func putAll(t testing.TB, records *gossip.Records, index uint64, values map[string]any) {
	var txn gossip.Txn
	for key, v := range values {
		value, err := json.Marshal(v)
		require.NoError(t, err)
		txn.Puts = append(txn.Puts, gossip.Put{Key: key, Value: value})
	}
	require.True(t, records.Apply(index, txn).Applied)
}

func TestTargets(t *testing.T) {
	records := gossip.NewRecords()
	targets := NewTargets("tokyo-1", records, nil)
	target := func(text string) (string, Managed) { return targets.Snapshot().Target(keyOf(t, text)) }
	const cta = "/v1/segments/b2b/ctas/trial"
	_, m := target(cta)
	require.Equal(t, Unknown, m, "nothing is known of the log")
	_, m = target("example.com/a")
	require.Equal(t, Unmanaged, m)
	require.Zero(t, targets.Follow())

	putAll(t, records, 1, map[string]any{"quota/b2b": 1})
	_, m = target(cta)
	require.Equal(t, Unmanaged, m, "no document is recorded")
	require.Equal(t, uint64(1), targets.Follow())

	b := book()
	putAll(t, records, 2, map[string]any{"doc/trial": b.Documents["trial"], "doc/core": b.Documents["core"], "artifacts": b.Index})
	for text, want := range map[string]string{
		cta:                                 "core=7, trial=42",
		cta + "?lang=ja":                    "core=7, trial=42",
		cta + "/proofs/p1":                  "trial=42",
		cta + "/summary":                    "core=7, trial=42",
		"/v1/segments/b2b/campaigns/spring": "",
	} {
		got, _ := target(text)
		require.Equal(t, want, got, text)
	}
	_, m = target("/v1/segments/b2b/campaigns/spring")
	require.Equal(t, Unmanaged, m)
	for _, text := range []string{"/v1/segments/b2c/ctas/trial", "/v1/segments/b2c/ctas/trial/summary", cta + "/proofs/p2"} {
		_, m = target(text)
		require.Equal(t, Absent, m, text)
	}

	// Flipped on another node, then here.
	r, shown := begun(Plan{})
	r, _ = Next(r, shown)
	for i, want := range []string{"core=7, trial=42", "core=7, trial=43"} {
		r.Stages[0].Flipped = []string{"lima-1", "tokyo-1"}[:i+1]
		next, _ := Settle(b, r)
		putAll(t, records, uint64(3+i), map[string]any{"doc/trial": next.Documents["trial"], "rollout/r1": r})
		got, _ := target(cta)
		require.Equal(t, want, got)
		_, m = target("/v1/segments/b2c/ctas/trial")
		require.Equal(t, []Managed{Absent, AtTarget}[i], m, "an artifact that the candidate brings")
		facts, err := ReadFacts(records)
		require.NoError(t, err)
		v, ok := facts.Snapshot("paris-1", "r1").Version("trial")
		require.True(t, ok)
		require.Equal(t, int64(43), v, "a preview shows it anywhere")
	}

	// A deleted document is in no vector.
	d := b.Documents["core"]
	d.Released.Deleted = true
	putAll(t, records, 9, map[string]any{"doc/core": d})
	got, _ := target(cta)
	require.Equal(t, "trial=43", got)
}

func TestTargetDoesNotAllocate(t *testing.T) {
	records := gossip.NewRecords()
	targets := NewTargets("tokyo-1", records, nil)
	b := book()
	putAll(t, records, 1, map[string]any{"doc/trial": b.Documents["trial"], "artifacts": b.Index})
	for _, text := range []string{"/v1/segments/b2b/ctas/trial?lang=ja", "/v1/segments/b2b/ctas/trial/summary", "/v1/segments/b2b/ctas/none", "example.com/a"} {
		key := keyOf(t, text)
		require.Zero(t, testing.AllocsPerRun(100, func() { targets.Snapshot().Target(key) }), text)
	}
}

func BenchmarkTarget(b *testing.B) {
	records := gossip.NewRecords()
	targets := NewTargets("tokyo-1", records, nil)
	bk := book()
	putAll(b, records, 1, map[string]any{"doc/trial": bk.Documents["trial"], "artifacts": bk.Index})
	key := keyOf(b, "/v1/segments/b2b/ctas/trial?lang=ja")
	b.ReportAllocs()
	for b.Loop() {
		if v, _ := targets.Snapshot().Target(key); v == "" {
			b.Fatal("no vector")
		}
	}
}

func TestItems(t *testing.T) {
	r, shown := begun(Plan{})
	r, _ = Next(r, shown)
	next, _ := Settle(book(), r)
	delete(r.After, "/v1/segments/b2b/ctas/trial/proofs/p1")
	f := Facts{Index: next.Index, Documents: map[string]Document{"trial": next.Documents["trial"], "core": book().Documents["core"]}, Rollouts: map[string]Rollout{"r1": r}}
	var got []string
	for _, it := range Items(r, f.Snapshot("n", "r1")) {
		line := it.Key.Text + " " + it.Vector
		if it.Gone {
			line += "gone"
		}
		got = append(got, line)
	}
	require.Equal(t, []string{
		"/v1/segments/b2b/ctas/trial core=7, trial=43",
		"/v1/segments/b2b/ctas/trial/proofs/p1 gone",
		"/v1/segments/b2b/ctas/trial/summary core=7, trial=43",
		"/v1/segments/b2b/ctas/trial/summary?lang=en core=7, trial=43",
		"/v1/segments/b2b/ctas/trial/summary?lang=ja core=7, trial=43",
		"/v1/segments/b2b/ctas/trial?lang=en core=7, trial=43",
		"/v1/segments/b2b/ctas/trial?lang=ja core=7, trial=43",
		"/v1/segments/b2c/ctas/trial trial=43",
		"/v1/segments/b2c/ctas/trial/summary trial=43",
	}, got)
}

func TestDelta(t *testing.T) {
	a := func(ids ...string) Artifact { return Artifact{Documents: ids} }
	is := func(ids ...string) func(string) bool {
		return func(id string) bool {
			for _, other := range ids {
				if id == other {
					return true
				}
			}
			return false
		}
	}
	released := Index{"/gone": a("x"), "/kept": a("x", "y"), "/other": a("y"), "/free": a("u")}
	now := Index{"/kept": a("x"), "/new": a("x"), "/other": a("y", "z"), "/free": a("u", "w"), "/fresh": a("w"), "/sneaked": a("y")}
	before, after := Delta(released, now, is("x"), is("x", "y"), nil)
	require.Equal(t, Index{"/gone": a("x"), "/kept": a("x", "y"), "/free": a("u")}, before)
	require.Equal(t, Index{"/kept": a("x"), "/new": a("x"), "/free": a("u", "w"), "/fresh": a("w")}, after,
		"what is managed changes by a push only; what is not, as it pleases")
	next := released.changed(before, after)
	require.Equal(t, a("y"), next["/other"])
	require.NotContains(t, next, "/gone")
	require.Equal(t, released, next.changed(after, before))
	_, after = Delta(released, now, is("x"), is("x", "y"), []string{"/sneaked"})
	require.Contains(t, after, "/sneaked")
}

func TestDigest(t *testing.T) {
	a := Digest(map[string][]byte{"trial.md": []byte("a"), "trial.ja.md": []byte("b")})
	// From the definition, by hand: sha256 of u32 "trial.ja.md" u64 "b" u32 "trial.md" u64 "a".
	require.Equal(t, "sha256-lztc1cNQzDhQA71FqVf8mgtcuKx67TtYOihYyNkHGys=", a)
	require.True(t, validDigest(a))
	require.NotEqual(t, a, Digest(map[string][]byte{"trial.md": []byte("b"), "trial.ja.md": []byte("a")}))
	require.NotEqual(t, Digest(map[string][]byte{"a": []byte("bc")}), Digest(map[string][]byte{"ab": []byte("c")}))
	for _, bad := range []string{"", "sha256-", "sha512-" + a[7:], a + "=", a[:len(a)-2] + "!="} {
		require.False(t, validDigest(bad), bad)
	}
}

// FuzzReadRollout: whatever stands in a record, the machine and the snapshot live
// with it.
func FuzzReadRollout(f *testing.F) {
	r, shown := begun(Plan{})
	r, _ = Next(r, shown)
	good, err := json.Marshal(r)
	require.NoError(f, err)
	f.Add(string(good))
	f.Add(`{"state":"running","stage":"global","stages":[{"stage":"edge","state":"filling","wave":9}]}`)
	f.Add(`{"rollout":"r1","state":"paused","stages":null,"undo":{"nodes":["a"]}}`)
	f.Fuzz(func(t *testing.T, value string) {
		r, err := ReadRollout(gossip.Record{Key: "rollout/r1", Index: 1, Value: json.RawMessage(value)})
		if err != nil {
			return
		}
		for _, e := range []Event{shown, NodeFilled{Edge, "lima-1"}, NodeFenced{"lima-1"}, Soaked{Edge, 0}, NodeFailed{Stage: Edge, Node: "lima-1"}, Promote{}, Abort{}, Rollback{}} {
			next, _ := Next(r, e)
			next, _ = Next(next, e)
			Facts{Index: Index{}, Rollouts: map[string]Rollout{"r1": next}}.Snapshot("lima-1", "r1")
			Items(next, &Snapshot{})
		}
	})
}

// A version's copies are kept until its successor's successor is released.
func TestKept(t *testing.T) {
	keeps := func(d Document) (kept []int64) {
		k := Facts{Documents: map[string]Document{"trial": d}}.Kept()
		for v := range int64(6) {
			if k.Keeps(map[string]int64{"trial": v}) {
				kept = append(kept, v)
			}
		}
		return kept
	}
	d := Document{ID: "trial"}
	require.Empty(t, keeps(d))
	d.Candidate = &Candidate{Version: Version{ID: "trial", Version: 1}}
	require.Equal(t, []int64{1}, keeps(d))
	d.release(Version{ID: "trial", Version: 1})
	require.Equal(t, []int64{1}, keeps(d))
	d.release(Version{ID: "trial", Version: 2})
	require.Equal(t, []int64{1, 2}, keeps(d))
	d.Candidate = &Candidate{Version: Version{ID: "trial", Version: 3}}
	require.Equal(t, []int64{1, 2, 3}, keeps(d))
	d.release(Version{ID: "trial", Version: 3})
	require.Equal(t, []int64{2, 3}, keeps(d))

	k := Kept{"trial": {3, 2}, "core": {7}}
	require.True(t, k.Keeps(map[string]int64{"trial": 2, "core": 7}))
	require.False(t, k.Keeps(map[string]int64{"trial": 2, "core": 6}))
	require.False(t, k.Keeps(map[string]int64{"trial": 2, "gone": 1}))
	require.True(t, k.Equal(Kept{"core": {7}, "trial": {3, 2}}))
	require.False(t, k.Equal(Kept{"trial": {3, 2}}))
}
