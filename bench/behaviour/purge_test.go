package behaviour

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/docsorigin"
)

const (
	trial   = "/v1/segments/b2b/ctas/trial"
	trialP1 = trial + "/proofs/p1"
)

// selectsTrial lists a selector of each kind that selects the artifact trial.
func selectsTrial() map[string]string {
	return map[string]string{
		"tag of a document":       `{"tags":["doc:trial"]}`,
		"tag of a used document":  `{"tags":["doc:unknown","doc:core-message"]}`,
		"tag of the origin's own": `{"tags":["pricing"]}`,
		"implied tag":             `{"tags":["cta:trial"]}`,
		"kind":                    `{"tags":["kind:cta"]}`,
		"key":                     `{"keys":["` + trial + `"]}`,
		"prefix":                  `{"prefix":"/v1/segments/b2b/ctas/"}`,
		"segment":                 `{"segment":"b2b"}`,
		"all":                     `{"all":true}`,
	}
}

// edition is the version of the document trial that an answer shows.
func edition(t *testing.T, r *Reply) int64 {
	t.Helper()
	require.Equal(t, 200, r.Status, "%s", r.Body)
	version, err := strconv.ParseInt(r.Versions()["trial"], 10, 64)
	require.NoError(t, err, r.Header)
	return version
}

// TestPurgedIsGone: after a hard purge has returned, no request over any protocol
// gets what it purged; another segment's copy is still there where the selector
// does not name it.
func TestPurgedIsGone(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	n := edged.Node(t, docs.URL)
	r, admin := n.Readers(t), n.Administer(t)
	other := "/v1/segments/b2c/ctas/trial"
	for name, selector := range selectsTrial() {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{trial, other} {
				r.Get(t, H1, path)
				require.True(t, r.Get(t, H1, path).Hit())
			}
			version := docs.Raise(t, "trial")
			require.Equal(t, version-1, edition(t, r.Get(t, H2, trial)), "what nobody purged is served")
			admin.Purge(t, selector, Hard)
			for i, proto := range Protos() {
				got := r.Get(t, proto, trial)
				require.Equal(t, version, edition(t, got), proto)
				require.Equal(t, i > 0, got.Hit(), proto)
			}
			purgesOther := !strings.Contains(selector, "b2b")
			require.Equal(t, !purgesOther, r.Get(t, H3, other).Hit())
			admin.Purge(t, `{"all":true}`, Hard)
		})
	}
}

// TestPurgeDuringASlowFill: a fill is under way with what the origin showed
// before the edit. Whoever asks after the purge has returned gets the new
// content, and what the fill brings is not kept.
func TestPurgeDuringASlowFill(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	n := edged.Node(t, docs.URL)
	r, admin := n.Readers(t), n.Administer(t)
	for name, selector := range selectsTrial() {
		for _, mode := range []string{Hard, Soft} {
			t.Run(name+", "+mode, func(t *testing.T) {
				admin.Purge(t, `{"all":true}`, Hard)
				hold := docs.Holds.Hold(trial)
				early := make(chan *Reply, 1)
				r.later(t, early, H1, trial)
				Receive(t, "the fill to reach the origin", hold.Held)
				docs.Holds.Let(trial)
				version := docs.Raise(t, "trial")
				admin.Purge(t, selector, mode)

				late := make(chan *Reply, 3)
				for _, proto := range Protos() {
					r.later(t, late, proto, trial)
				}
				// A tag that the origin gives says nothing of a fill that has not ended:
				// those who came late may wait for it, but must not take it. What the
				// key itself tells hits the fill too, and they do not even wait.
				if !strings.Contains(selector, "doc:") && !strings.Contains(selector, "pricing") {
					Until(t, "the late ones to be answered", func() bool { return len(late) == 3 })
				}
				Until(t, "the late ones to be answered or to wait", func() bool {
					return len(late)+int(admin.Metric(t, "letteredge_fill_waiters")) >= 3
				})
				hold.Release()
				for range 3 {
					require.Equal(t, version, edition(t, Receive(t, "a late answer", late)))
				}
				require.Equal(t, version-1, edition(t, Receive(t, "the early answer", early)), "it came before the purge")
				for _, proto := range Protos() {
					got := r.Get(t, proto, trial)
					require.Equal(t, version, edition(t, got), proto)
					require.True(t, got.Hit(), "%s: the late fill was kept, the early one not: %v", proto, got.Header["Cache-Status"])
				}
			})
		}
	}
}

// TestSoftPurge: the stale copy is served, marked, until the one refresh ends.
func TestSoftPurge(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	n := edged.Node(t, docs.URL)
	r, admin := n.Readers(t), n.Administer(t)
	r.Get(t, H1, trial)
	before := docs.Fetches(trial)
	hold := docs.Holds.Hold(trial)
	version := docs.Raise(t, "trial")
	admin.Purge(t, `{"tags":["doc:trial"]}`, Soft)
	answers := make(chan *Reply, 90)
	for i := range cap(answers) {
		r.later(t, answers, Protos()[i%3], trial)
	}
	for range cap(answers) {
		got := Receive(t, "a stale answer", answers)
		require.Equal(t, version-1, edition(t, got))
		require.Negative(t, got.CacheParam("ttl"), got.Header["Cache-Status"])
	}
	Receive(t, "the refresh", hold.Held)
	require.Equal(t, before+1, docs.Fetches(trial), "one refresh, however many ask")
	docs.Holds.Let(trial)
	hold.Release()
	Until(t, "the new content", func() bool { return edition(t, r.Get(t, H2, trial)) == version })
	require.Positive(t, r.Get(t, H3, trial).CacheParam("ttl"))
	require.Equal(t, before+1, docs.Fetches(trial))
}

// TestDryRunCountsWhatAPurgeHits on a cache that is at rest.
func TestDryRunCountsWhatAPurgeHits(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	n := edged.Node(t, docs.URL)
	r, admin := n.Readers(t), n.Administer(t)
	index := Index(t, docs.URL)
	count := func(holds func(Named, Artifact) bool) (all int) {
		for _, a := range index {
			if holds(Name(a.Path), a) {
				all++
			}
		}
		return all
	}
	for _, c := range []struct {
		selector string
		want     int
	}{
		{`{"segment":"b2b"}`, count(func(n Named, _ Artifact) bool { return n.Segment == "b2b" })},
		{`{"prefix":"/v1/segments/b2b/ctas/"}`, count(func(n Named, _ Artifact) bool { return n.Segment == "b2b" && n.CTA != "" })},
		{`{"prefix":"/v1/segments/b2b/ctas/trial/"}`, count(func(n Named, _ Artifact) bool { return n.Segment == "b2b" && n.CTA == "trial" && n.Kind == "proof" })},
		{`{"tags":["kind:cta"]}`, count(func(n Named, _ Artifact) bool { return n.Kind == "cta" })},
		{`{"tags":["cta:trial","cta:demo"]}`, count(func(n Named, _ Artifact) bool { return n.CTA == "trial" || n.CTA == "demo" })},
		{`{"tags":["doc:core-message"]}`, count(func(_ Named, a Artifact) bool { _, in := a.Documents["core-message"]; return in })},
		{`{"keys":["` + trial + `","` + trialP1 + `","/v1/segments/b2b/ctas/absent"]}`, 2},
		{`{"host":"elsewhere.example"}`, 0},
		{`{"tags":["doc:absent"]}`, 0},
		{`{"all":true}`, len(index)},
	} {
		for _, mode := range []string{Hard, Soft} {
			admin.Purge(t, `{"all":true}`, Hard)
			for _, a := range index {
				require.Equal(t, 200, r.Get(t, H1, a.Path).Status)
			}
			require.Equal(t, c.want, admin.DryRun(t, c.selector), c.selector)
			p := admin.Purge(t, c.selector, mode)
			require.Len(t, p.Nodes, 1)
			require.Equal(t, "applied", p.Nodes[0].State)
			require.GreaterOrEqual(t, p.Nodes[0].AppliedAfterMS, 0.0)
			entries := 0
			Until(t, "the count", func() (counted bool) {
				admin.Want(t, http.StatusOK, &p, "GET", "/v1/purges/"+p.Purge, "")
				entries, counted = p.Entries()
				return counted
			})
			require.Equal(t, c.want, entries, "%s %s", mode, c.selector)
		}
	}
}

// TestVariantsArePurgedTogether: a key without a variant means all of them.
func TestVariantsArePurgedTogether(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	n := edged.Node(t, docs.URL)
	r, admin := n.Readers(t), n.Administer(t)
	ask := func() (versions []int64) {
		for _, v := range variants() {
			versions = append(versions, edition(t, r.Get(t, H1, trial+v.query, v.fields...)))
		}
		return versions
	}
	was := ask()
	version := docs.Raise(t, "trial")
	require.Equal(t, was, ask())
	admin.Purge(t, `{"keys":["`+trial+`"]}`, Hard)
	require.Equal(t, slices.Repeat([]int64{version}, len(was)), ask())
}

// TestGeneralRoutesArePurged by host, by host and path, and by the tags that an
// origin sends in any of three fields.
func TestGeneralRoutesArePurged(t *testing.T) {
	t.Parallel()
	var edition atomic.Int64
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=600")
		w.Header().Set("Cache-Tag", "red, green")
		w.Header().Set("Surrogate-Key", "blue yellow")
		w.Header().Set("Cache-Groups", `"black", "white"`)
		fmt.Fprintf(w, "%s %d", r.URL, edition.Load())
	}))
	t.Cleanup(origin.Close)
	n := edged.Node(t, origin.URL)
	r, admin := n.Readers(t), n.Administer(t)
	const target = "/shop/shoes?size=9"
	get := func(host string) string {
		got := r.Get(t, H1, target, "Host", host)
		require.Equal(t, 200, got.Status)
		return string(got.Body)
	}
	for _, c := range []struct {
		selector string
		hits     bool
	}{
		{`{"host":"shop.example"}`, true},
		{`{"keys":["shop.example/shop/shoes?size=9"]}`, true},
		{`{"keys":["shop.example/shop/shoes?size=8"]}`, false},
		{`{"prefix":"shop.example/shop/"}`, true},
		{`{"prefix":"shop.example/shop/shoes/"}`, false},
		{`{"tags":["green"]}`, true},
		{`{"tags":["yellow"]}`, true},
		{`{"tags":["black"]}`, true},
		{`{"tags":["grey"]}`, false},
		{`{"segment":"b2b"}`, false},
		{`{"prefix":"/v1/segments/"}`, false},
		{`{"all":true}`, true},
	} {
		was, other := get("shop.example"), get("other.example")
		edition.Add(1)
		admin.Purge(t, c.selector, Hard)
		require.Equal(t, c.hits, get("shop.example") != was, c.selector)
		if strings.Contains(c.selector, "shop.example") {
			require.Equal(t, other, get("other.example"), "the other host's copy stays: %s", c.selector)
		}
	}
}
