package behaviour

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dunglas/httpsfv"
	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/docsorigin"
)

// variant is a way to ask for a language.
type variant struct {
	name, query string
	fields      []string
	lang        string // the one wanted, "" for the document's own
}

func variants() []variant {
	return []variant{
		{name: "plain"},
		{name: "query ja", query: "?lang=ja", lang: "ja"},
		{name: "field ja", fields: []string{"Accept-Language", "ja-JP, ja;q=0.9, en;q=0.5"}, lang: "ja"},
		{name: "query over field", query: "?utm_source=x&lang=en", fields: []string{"Accept-Language", "ja"}, lang: "en"},
	}
}

// ownFields are the fields that may differ between two answers with the same
// artifact.
func ownFields() []string {
	return []string{"Date", "Age", "Server-Timing", "Alt-Svc", "Cache-Status", "Ratelimit", "Ratelimit-Policy"}
}

// same is an answer without what may differ, for comparison.
type same struct {
	Status int
	Fields http.Header
	Body   string
}

func sameOf(r *Reply) same {
	h := maps.Clone(r.Header)
	for _, name := range ownFields() {
		h.Del(name)
	}
	return same{r.Status, h, string(r.Body)}
}

// TestEveryArtifactIsTheSameEverywhere asks for every artifact of every segment,
// in every language, at every node, over every protocol.
func TestEveryArtifactIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	demo := edged.Demo(t)
	require.Len(t, demo.Nodes, 6)
	index := Index(t, demo.Origin)
	artifacts := slices.Concat(index, Summaries(index))
	kinds, segments := map[string]int{}, map[string]bool{}
	for _, a := range artifacts {
		n := Name(a.Path)
		kinds[n.Kind]++
		segments[n.Segment] = true
	}
	require.GreaterOrEqual(t, len(segments), 3)
	require.Len(t, kinds, 4, "kinds of artifacts: %v", kinds)

	var readers []*Readers
	for _, n := range demo.Nodes {
		readers = append(readers, n.Readers(t))
	}
	for _, a := range artifacts {
		t.Run(a.Path, func(t *testing.T) {
			t.Parallel()
			for _, v := range variants() {
				checkEverywhere(t, demo, readers, a, v)
			}
		})
	}
}

// checkEverywhere holds all answers to one request, at every node and over every
// protocol, to the first of them, and that to the origin.
func checkEverywhere(t *testing.T, demo *Demo, readers []*Readers, a Artifact, v variant) {
	t.Helper()
	var first same
	for i, r := range readers {
		for _, proto := range Protos() {
			where := fmt.Sprintf("%s, %s, %s, %s", a.Path, v.name, demo.Nodes[i].ID, proto)
			got := r.Get(t, proto, a.Path+v.query, v.fields...)
			if i == 0 && proto == H1 {
				first = sameOf(got)
				checkTrue(t, where, demo.Origin, a, v, got)
			}
			require.Equal(t, first, sameOf(got), where)

			again := r.Get(t, proto, a.Path+v.query, v.fields...)
			require.True(t, again.Hit(), "the second fetch: %s: %v", where, again.Header["Cache-Status"])
			require.Equal(t, first, sameOf(again), where)
			require.Equal(t, httpsfv.Token(demo.Nodes[i].ID), again.cache().Value, where)
			checkHead(t, where, r, proto, a.Path+v.query, v.fields, again)
			checkConditions(t, where, r, proto, a.Path+v.query, v.fields, again)
		}
	}
}

// checkTrue holds an artifact to its path, to the language asked for, and to
// what the origin answers.
func checkTrue(t *testing.T, where, origin string, a Artifact, v variant, got *Reply) {
	t.Helper()
	require.Equal(t, 200, got.Status, where)
	n := Name(a.Path)
	lang := "en"
	if v.lang != "" && slices.Contains(a.Languages, v.lang) {
		lang = v.lang
	}
	var body struct {
		Kind, Segment, CTA, ID, Lang, Title, HTML string
		Documents                                 map[string]int64
		Proofs                                    []struct{ Kind, Segment, CTA, ID string }
	}
	require.NoError(t, json.Unmarshal(got.Body, &body), where)
	require.Equal(t, Named{n.Kind, n.Segment, n.CTA, n.ID}, Named{body.Kind, body.Segment, body.CTA, body.ID}, where)
	require.Equal(t, lang, body.Lang, where)
	require.Equal(t, lang, got.Header.Get("Content-Language"), where)
	require.Equal(t, "application/json", got.Header.Get("Content-Type"), where)
	require.Regexp(t, `^"[^"]+"$`, got.Header.Get("ETag"), where)
	for id, version := range a.Documents {
		require.Equal(t, version, body.Documents[id], where)
		require.Equal(t, fmt.Sprint(version), got.Versions()[id], where)
	}
	require.Len(t, got.Versions(), len(body.Documents), where)
	for _, tag := range []string{"kind:" + n.Kind, "segment:" + n.Segment} {
		require.Contains(t, got.Header.Get("Cache-Groups"), `"`+tag+`"`, where)
	}
	for id := range body.Documents {
		require.Contains(t, got.Header.Get("Cache-Groups"), `"doc:`+id+`"`, where)
	}
	if v.name == "plain" && len(a.Languages) > 1 {
		require.Contains(t, got.Header.Get("Vary"), "Accept-Language", where)
	}
	if n.Kind == "summary" {
		require.NotEmpty(t, body.Proofs, where)
		for _, p := range body.Proofs {
			require.Equal(t, Named{"proof", n.Segment, n.CTA, p.ID}, Named{p.Kind, p.Segment, p.CTA, p.ID}, where)
		}
		return
	}
	own := (&Node{HTTP: origin}).Readers(t).Get(t, H1, a.Path+v.query, v.fields...)
	require.Equal(t, string(own.Body), string(got.Body), where)
}

// checkHead wants the fields of GET, Content-Length too, and no body.
func checkHead(t *testing.T, where string, r *Readers, proto Proto, target string, fields []string, got *Reply) {
	t.Helper()
	head := r.Must(t, proto, Ask{Method: "HEAD", Target: target, Fields: fields})
	require.True(t, head.Hit(), where)
	require.Empty(t, head.Body, where)
	want := sameOf(got)
	want.Body = ""
	require.Equal(t, want, sameOf(head), where)
}

// checkConditions wants a 304 with the fields that RFC 9110 §15.4.5 asks for
// where the entity tag is the current one, and the whole answer where not.
func checkConditions(t *testing.T, where string, r *Readers, proto Proto, target string, fields []string, got *Reply) {
	t.Helper()
	etag := got.Header.Get("ETag")
	for _, match := range []string{etag, "*", `"other", W/` + etag} {
		not := r.Get(t, proto, target, slices.Concat(fields, []string{"If-None-Match", match})...)
		require.Equal(t, 304, not.Status, "%s, If-None-Match: %s", where, match)
		require.Empty(t, not.Body, where)
		for _, name := range []string{"ETag", "Cache-Control", "Vary"} {
			require.Equal(t, got.Header.Values(name), not.Header.Values(name), "%s: %s", where, name)
		}
		require.NotEmpty(t, not.Header.Get("Date"), where)
	}
	other := r.Get(t, proto, target, slices.Concat(fields, []string{"If-None-Match", `"other"`})...)
	require.Equal(t, sameOf(got), sameOf(other), where)
}

// TestSpellingsOfAPath: what means the same gets the same copy, what is
// ambiguous is refused, and nothing is guessed.
func TestSpellingsOfAPath(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	n := edged.Node(t, docs.URL)
	r := n.Readers(t)
	for _, c := range []struct {
		target string
		status int
	}{
		{"/v1/segments/b2b/ctas/trial", 200},
		{"/v1/segments/%62%32b/ctas/tri%61l", 200},
		{"/v1/segments/b2b/ctas/trial?utm=1", 200},
		{"/v1/segments/b2b/ctas/trial?LANG=ja", 200},
		{"/v1/segments/b2b/ctas/Trial", 400},
		{"/v1/segments/b2b%2Fctas/trial", 400},
		{"/v1/segments/b2b//ctas/trial", 400},
		{"/v1/segments/b2c/../b2b/ctas/trial", 400},
		{"/v1/segments/b2c/%2e%2e/b2b/ctas/trial", 400},
		{"/x/../v1/segments/b2b/ctas/trial", 400},
		{"/v1/segments/b2b/ctas/trial?lang=", 400},
		{"/v1/segments/b2b/ctas/trial?lang=en&lang=ja", 400},
		{"/v1/segments/b2b/ctas/" + strings.Repeat("a", 65), 400},
		{"/v1/segments/b2b/ctas/trial/extra", 404},
		{"/v1/segments/b2b/ctas/absent", 404},
		{"/v1/segments/b2b/ctas/absent/summary", 404},
		{"/v1/segments/enterprise/ctas/trial", 404}, // the CTA is not this segment's
		{"/v1/segments/enterprise/ctas/trial/summary", 404},
		{"/v1/segments/b2b/ctas/demo/proofs/p1", 404},
	} {
		for _, proto := range Protos() {
			got := r.Get(t, proto, c.target)
			require.Equal(t, c.status, got.Status, "%s over %s: %s", c.target, proto, got.Body)
			if c.status == 200 {
				require.Contains(t, string(got.Body), `"segment":"b2b","cta":"trial","id":"trial","lang":"en"`)
			} else {
				got.Problem(t)
			}
		}
	}
	require.EqualValues(t, 1, docs.Fetches("/v1/segments/b2b/ctas/trial"), "all spellings are one key")
}
