package docsorigin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is a folder of documents under the hands of an author, and an origin.
type desk struct {
	t      *testing.T
	dir    string
	origin *Origin
}

// newDesk has cta trial 42 (en, ja) using message core 7, proofs p1 and p2,
// campaign spring, in segments b2b and b2c.
func newDesk(t *testing.T, change func(*Options)) *desk {
	t.Helper()
	d := &desk{t: t, dir: t.TempDir()}
	d.write("core.md", "kind: message\nversion: 7\ntags: [brand]\ntitle: Core", "We write *letters*.")
	d.write("trial.md", "kind: cta\nversion: 42\nsegments: [b2b, b2c]\nuses: [core]\ntags: [pricing]\ntitle: Start your trial", "Try it.")
	d.write("trial.ja.md", "kind: cta\nversion: 42\nsegments: [b2b, b2c]\ntitle: 無料で試す", "お試しください。")
	d.write("p2.md", "kind: proof\nversion: 1\nsegments: [b2b]\ncta: trial\ntitle: Two", "Second.")
	d.write("p1.md", "kind: proof\nversion: 3\nsegments: [b2b, b2c]\ncta: trial\ntitle: One", "First.")
	d.write("spring.md", "kind: campaign\nversion: 1\nsegments: [b2b]\ntitle: Spring", "Flowers.")
	d.start(change)
	return d
}

func (d *desk) start(change func(*Options)) {
	d.t.Helper()
	o := Options{Dir: d.dir}
	if change != nil {
		change(&o)
	}
	origin, err := New(o)
	require.NoError(d.t, err)
	d.origin = origin
}

func (d *desk) raw(name, content string) {
	d.t.Helper()
	require.NoError(d.t, os.WriteFile(filepath.Join(d.dir, name), []byte(content), 0o644))
}

// write adds the id of the name to the front matter.
func (d *desk) write(name, front, body string) {
	d.t.Helper()
	id, _, _ := strings.Cut(name, ".")
	d.raw(name, "---\nid: "+id+"\n"+front+"\n---\n"+body+"\n")
}

// edit replaces text in a file, and insists that it was there.
func (d *desk) edit(name, old, new string) {
	d.t.Helper()
	data, err := os.ReadFile(filepath.Join(d.dir, name))
	require.NoError(d.t, err)
	require.Contains(d.t, string(data), old)
	d.raw(name, strings.Replace(string(data), old, new, 1))
}

// raise sets trial, in both languages, to a version and a body.
func (d *desk) raise(from, to int, body string) {
	d.t.Helper()
	version := func(v int) string { return fmt.Sprintf("version: %d\n", v) }
	d.edit("trial.ja.md", version(from), version(to))
	d.edit("trial.md", version(from), version(to))
	d.edit("trial.md", "Try it", body)
}

func (d *desk) remove(name string) {
	d.t.Helper()
	require.NoError(d.t, os.Remove(filepath.Join(d.dir, name)))
}

// get asks with header lines "Name: value".
func (d *desk) get(target string, lines ...string) *httptest.ResponseRecorder {
	d.t.Helper()
	return ask(d.origin, http.MethodGet, target, lines...)
}

func ask(h http.Handler, method, target string, lines ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func (d *desk) problems() string { return d.origin.Stats().Problems.Error() }

const trialPath = "/v1/segments/b2b/ctas/trial"

// in is a change of options to a clock that stands.
func at(now time.Time) func(*Options) {
	return func(o *Options) { o.Now = func() time.Time { return now } }
}

func TestArtifacts(t *testing.T) {
	d := newDesk(t, nil)
	for _, c := range []struct{ path, want, versions, tags string }{
		{trialPath, `{"kind":"cta","segment":"b2b","cta":"trial","id":"trial","lang":"en","title":"Start your trial",` +
			`"html":"<p>Try it.</p>\n<aside class=\"message\" data-document=\"core\">\n<h2>Core</h2>\n<p>We write <em>letters</em>.</p>\n</aside>",` +
			`"proof_ids":["p1","p2"],"documents":{"trial":42,"core":7}}`, "trial=42, core=7", "brand,pricing"},
		{"/v1/segments/b2c/ctas/trial?lang=ja", `{"kind":"cta","segment":"b2c","cta":"trial","id":"trial","lang":"ja","title":"無料で試す",` +
			`"html":"<p>お試しください。</p>\n<aside class=\"message\" data-document=\"core\" lang=\"en\">\n<h2>Core</h2>\n<p>We write <em>letters</em>.</p>\n</aside>",` +
			`"proof_ids":["p1"],"documents":{"trial":42,"core":7}}`, "trial=42, core=7", "brand,pricing"},
		{trialPath + "/proofs/p1", `{"kind":"proof","segment":"b2b","cta":"trial","id":"p1","lang":"en","title":"One",` +
			`"html":"<p>First.</p>","documents":{"p1":3}}`, "p1=3", ""},
		{"/v1/segments/b2b/campaigns/spring", `{"kind":"campaign","segment":"b2b","id":"spring","lang":"en","title":"Spring",` +
			`"html":"<p>Flowers.</p>","documents":{"spring":1}}`, "spring=1", ""},
	} {
		w := d.get(c.path)
		require.Equal(t, http.StatusOK, w.Code, c.path)
		require.Equal(t, c.want+"\n", w.Body.String(), c.path)
		require.Equal(t, c.versions, w.Header().Get("Docs-Version"))
		require.Equal(t, c.tags, w.Header().Get("Cache-Tag"))
		require.Equal(t, "application/json", w.Header().Get("Content-Type"))
		require.Equal(t, "public, max-age=30", w.Header().Get("Cache-Control"))
		require.Equal(t, "max-age=3600, stale-while-revalidate=60, stale-if-error=86400", w.Header().Get("CDN-Cache-Control"))
		require.Regexp(t, `^"[A-Za-z0-9_-]{24}"$`, w.Header().Get("ETag"))
	}
}

func TestACTAWithoutProofsListsNone(t *testing.T) {
	d := newDesk(t, nil)
	d.write("alone.md", "kind: cta\nversion: 1\nsegments: [b2b]\ntitle: Alone", "Hello.")
	require.Contains(t, d.get("/v1/segments/b2b/ctas/alone").Body.String(), `"proof_ids":[]`)
}

func TestIndexListsWhatAnswers(t *testing.T) {
	d := newDesk(t, nil)
	w := d.get("/index.json")
	require.Equal(t, `{"artifacts":[`+
		`{"path":"/v1/segments/b2b/campaigns/spring","documents":{"spring":1},"languages":["en"]},`+
		`{"path":"/v1/segments/b2b/ctas/trial","documents":{"trial":42,"core":7},"languages":["en","ja"]},`+
		`{"path":"/v1/segments/b2b/ctas/trial/proofs/p1","documents":{"p1":3},"languages":["en"]},`+
		`{"path":"/v1/segments/b2b/ctas/trial/proofs/p2","documents":{"p2":1},"languages":["en"]},`+
		`{"path":"/v1/segments/b2c/ctas/trial","documents":{"trial":42,"core":7},"languages":["en","ja"]},`+
		`{"path":"/v1/segments/b2c/ctas/trial/proofs/p1","documents":{"p1":3},"languages":["en"]}]}`+"\n", w.Body.String())
	require.Equal(t, "no-cache", w.Header().Get("Cache-Control"))
	again := d.get("/index.json", "If-None-Match: "+w.Header().Get("ETag"))
	require.Equal(t, http.StatusNotModified, again.Code)
}

func TestWhatIsNotThere(t *testing.T) {
	d := newDesk(t, nil)
	for _, c := range []struct {
		method, target string
		status         int
		detail         string
	}{
		{"GET", "/", 404, "/v1/segments/"},
		{"GET", "/v1/segments/b2b", 404, "shape"},
		{"GET", "/v1/segments/b2b/ctas", 404, "shape"},
		{"GET", trialPath + "/", 404, "shape"},
		{"GET", trialPath + "/proofs/p1/x", 404, "shape"},
		{"GET", trialPath + "/summary", 404, "built at the edge"},
		{"GET", "/v1/segments/b2b/ctas/nothing", 404, "no document nothing"},
		{"GET", "/v1/segments/enterprise/ctas/trial", 404, "makes no artifact"},
		{"GET", "/v1/segments/b2b/ctas/core", 404, "makes no artifact"},
		{"GET", "/v1/segments/b2b/ctas/p1", 404, "makes no artifact"},
		{"GET", "/v1/segments/b2b/campaigns/trial", 404, "makes no artifact"},
		{"GET", "/v1/segments/b2c/ctas/trial/proofs/p2", 404, "makes no artifact"},
		{"GET", "/v1/segments/b2b/ctas/other/proofs/p1", 404, "makes no artifact"},
		{"GET", "/v1/segments/B2B/ctas/trial", 400, "segment in the path"},
		{"GET", "/v1/segments/b2b/ctas/Trial", 400, "cta in the path"},
		{"GET", "/v1/segments/b2b/ctas/", 400, "cta in the path"},
		{"GET", trialPath + "/proofs/1", 400, "proof in the path"},
		{"GET", "/v1/segments/b2b/campaigns/a.b", 400, "campaign in the path"},
		{"GET", "/v1/segments/b2b/ctas/" + strings.Repeat("a", 65), 400, "cta in the path"},
		{"GET", "/v1/segments/b2b/ctas/trial%2Fproofs", 400, "percent-encoding"},
		{"GET", "/v1/segments/%622b/ctas/trial", 400, "percent-encoding"},
		{"GET", trialPath + "?lang=", 400, "lang"},
		{"GET", trialPath + "?lang=en&lang=ja", 400, "lang"},
		{"GET", trialPath + "?lang=e", 400, "lang"},
		{"GET", trialPath + "?lang=" + strings.Repeat("a-", 18) + "a", 400, "lang"},
		{"GET", trialPath + "?%zz", 400, "query"},
		{"POST", trialPath, 405, "read"},
		{"DELETE", "/index.json", 405, "read"},
		{"PUT", "/stats", 405, "read"},
	} {
		w := ask(d.origin, c.method, c.target)
		require.Equal(t, c.status, w.Code, c.target)
		require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"), c.target)
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"), c.target)
		var problem struct {
			Title, Detail string
			Status        int
		}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &problem))
		require.Equal(t, c.status, problem.Status)
		require.Contains(t, problem.Detail, c.detail, c.target)
		require.Equal(t, c.status == 405, w.Header().Get("Allow") == "GET, HEAD")
	}
}

func TestHEADIsGETWithoutItsBody(t *testing.T) {
	d := newDesk(t, nil)
	for _, path := range []string{trialPath, "/index.json", "/v1/segments/b2b/ctas/nothing"} {
		get, head := d.get(path), ask(d.origin, http.MethodHead, path)
		require.Equal(t, get.Code, head.Code)
		require.Equal(t, get.Header(), head.Header())
		require.Empty(t, head.Body.String())
	}
}

func TestConditions(t *testing.T) {
	d := newDesk(t, at(time.Now().Add(time.Hour)))
	first := d.get(trialPath)
	etag, date := first.Header().Get("ETag"), first.Header().Get("Last-Modified")
	require.NotEmpty(t, date)
	modified, err := http.ParseTime(date)
	require.NoError(t, err)
	for _, c := range []struct {
		lines  []string
		status int
	}{
		{[]string{"If-None-Match: " + etag}, 304},
		{[]string{"If-None-Match: W/" + etag}, 304},
		{[]string{`If-None-Match: "a,b", ` + etag}, 304},
		{[]string{`If-None-Match: "a"`, "If-None-Match: " + etag}, 304},
		{[]string{`If-None-Match: , ,` + etag + ","}, 304},
		{[]string{"If-None-Match: *"}, 304},
		{[]string{`If-None-Match: "other"`}, 200},
		{[]string{"If-None-Match: " + strings.Trim(etag, `"`)}, 200},
		{[]string{`If-None-Match: "open`}, 200},
		{[]string{"If-None-Match: "}, 200},
		{[]string{"If-Modified-Since: " + date}, 304},
		{[]string{"If-Modified-Since: " + modified.Add(time.Minute).Format(http.TimeFormat)}, 200}, // see reply.unmodified
		{[]string{"If-Modified-Since: yesterday"}, 200},
		{[]string{`If-None-Match: "other"`, "If-Modified-Since: " + date}, 200},
	} {
		w := d.get(trialPath, c.lines...)
		require.Equal(t, c.status, w.Code, c.lines)
		if c.status == http.StatusNotModified {
			require.Empty(t, w.Body.String())
			for _, name := range []string{"ETag", "Cache-Control", "CDN-Cache-Control", "Vary", "Docs-Version", "Cache-Tag", "Last-Modified"} {
				require.Equal(t, first.Header().Get(name), w.Header().Get(name))
			}
			require.Empty(t, w.Header().Get("Content-Length"))
		}
	}
	require.Equal(t, http.StatusNotFound, d.get("/v1/segments/b2b/ctas/nothing", "If-None-Match: *").Code)
}

func TestADateOfThisSecondIsNoDate(t *testing.T) {
	d := newDesk(t, nil)
	info, err := os.Stat(filepath.Join(d.dir, "trial.md"))
	require.NoError(t, err)
	for name, c := range map[string]struct {
		now  time.Time
		sent bool
	}{
		"same second": {info.ModTime().Truncate(time.Second).Add(999 * time.Millisecond), false},
		"next second": {info.ModTime().Truncate(time.Second).Add(2 * time.Second), true},
	} {
		d.start(at(c.now))
		require.Equal(t, c.sent, d.get(trialPath).Header().Get("Last-Modified") != "", name)
	}
}

func TestStatsCountsRequestsButNotItself(t *testing.T) {
	d := newDesk(t, nil)
	d.get(trialPath)
	d.get(trialPath + "?lang=ja")
	d.get(trialPath, "If-None-Match: *")
	d.get("/nothing")
	d.get("/index.json")
	d.get("/stats")
	require.JSONEq(t, `{"requests":5,"by_path":{"/index.json":1,"/nothing":1,"`+trialPath+`":3},`+
		`"by_status":{"200":3,"304":1,"404":1},"problems":[]}`, d.get("/stats").Body.String())
}

func TestStatsAreBounded(t *testing.T) {
	d := newDesk(t, nil)
	for i := range maxStatPaths + 10 {
		d.origin.counts.arrived(fmt.Sprint("/", i))
	}
	s := d.origin.Stats()
	require.Len(t, s.ByPath, maxStatPaths+1)
	require.EqualValues(t, 10, s.ByPath[otherPaths])
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for want, o := range map[string]Options{
		"Freshness.Edge": {Freshness: Freshness{Edge: -1}},
		"Reread":         {Reread: -1},
		"Limits":         {Limits: Limits{Files: -1}},
		"no such file":   {Dir: filepath.Join(t.TempDir(), "absent")},
	} {
		_, err := New(o)
		require.ErrorContains(t, err, want)
	}
}
