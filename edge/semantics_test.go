package edge_test

import (
	"context"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/freshness"
	"github.com/letteros/letteredge/invalidation"
)

// conforming is a node in the conformance profile.
func conforming(t testing.TB) *node {
	return newNode(t, func(c *edge.Config, _ *edge.Deps) {
		c.Conformance = true
		policy := freshness.Policy{Conformance: true, DefaultSIE: time.Hour}
		c.Routes[0].Policy, c.Artifacts.Policy = policy, policy
	})
}

// always has every fetch answered alike.
func (n *node) always(status int, body string, lines ...string) {
	n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) { return answer(status, body, lines...), nil })
}

const httpDate = "Mon, 02 Jan 2006 15:04:05 GMT"

// ago is a date in the past.
func ago(d time.Duration) string { return time.Now().Add(-d).UTC().Format(httpDate) }

// RFC 9110 §13.2.2, in its order, for what is stored and for what passes through.
func TestPreconditions(t *testing.T) {
	modified, before, after := ago(time.Hour), ago(2*time.Hour), ago(time.Minute)
	for _, stored := range []bool{true, false} {
		n := newNode(t)
		control := "no-store"
		if stored {
			control = "max-age=60"
		}
		n.always(200, "0123456789", `Etag: "v1"`, "Last-Modified: "+modified, "Cache-Control: "+control)
		n.get("/x")
		for _, c := range []struct {
			lines  string
			status int
		}{
			{`If-Match: "v1"`, 200},
			{`If-Match: "v0", "v1"`, 200},
			{`If-Match: *`, 200},
			{`If-Match: W/"v1"`, 412}, // strong comparison
			{`If-Match: "v0"`, 412},
			{`If-Match: nonsense`, 412},
			{"If-Unmodified-Since: " + modified, 200},
			{"If-Unmodified-Since: " + after, 200},
			{"If-Unmodified-Since: " + before, 412},
			{"If-Unmodified-Since: yesterday", 200},
			{`If-Match: "v1"|If-Unmodified-Since: ` + before, 200}, // the date counts only without the tag
			{`If-Match: "v0"|If-None-Match: "v1"`, 412},
			{`If-Match: "v1"|If-None-Match: "v1"`, 304},
			{"If-Unmodified-Since: " + modified + `|If-None-Match: W/"v1"`, 304},
			{"If-Unmodified-Since: " + before + `|If-None-Match: "v1"`, 412},
			{`If-None-Match: "v0"|If-Modified-Since: ` + modified, 200},
			{"If-Modified-Since: " + modified, 304},
			{"If-Modified-Since: " + before, 200},
			{`If-Match: "v0"|Range: bytes=0-1`, 412},
			{`If-None-Match: "v1"|Range: bytes=0-1`, 304},
		} {
			r := n.get("/x", strings.Split(c.lines, "|")...)
			require.Equal(t, c.status, r.status, "%v %s", stored, c.lines)
			switch c.status {
			case 200:
				require.Equal(t, "0123456789", r.body)
			case 304:
				require.Empty(t, r.body)
			case 412:
				require.Empty(t, r.header.Get("Etag"))
				require.Empty(t, r.header.Get("Age"))
				require.Equal(t, "application/problem+json", r.header.Get("Content-Type"))
			}
		}
	}
}

// Without a date or a tag of its own, a representation fails no condition on one
// that it has not, but If-Match (RFC 9110 §13.1.1, §13.1.4).
func TestPreconditionsWithoutValidators(t *testing.T) {
	n := newNode(t)
	n.always(200, "x", "Cache-Control: max-age=60")
	for lines, status := range map[string]int{
		"If-Unmodified-Since: " + ago(time.Hour): 200,
		"If-Modified-Since: " + ago(time.Hour):   200, // RFC 9110 §13.1.3: no modification date, no condition
		`If-Match: "v1"`:                         412,
		"If-Match: *":                            200,
		"If-None-Match: *":                       304,
		`If-None-Match: "v1"`:                    200,
	} {
		require.Equal(t, status, n.get("/x", lines).status, lines)
	}
}

// A weak tag never matches strongly.
func TestPreconditionsOnAWeakTag(t *testing.T) {
	n := newNode(t)
	n.always(200, "x", "Cache-Control: max-age=60", `Etag: W/"v1"`)
	require.Equal(t, 412, n.get("/x", `If-Match: "v1"`).status)
	require.Equal(t, 412, n.get("/x", `If-Match: W/"v1"`).status)
	require.Equal(t, 304, n.get("/x", `If-None-Match: "v1"`).status)
	require.Equal(t, 200, n.get("/x", "Range: bytes=0-0", `If-Range: W/"v1"`).status)
}

// The conditions of other methods are the origin's: its 200 says that they held.
func TestPreconditionsOfOtherMethodsGoOn(t *testing.T) {
	n := newNode(t)
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		return answer(200, fmt.Sprint(f.Fields), `Etag: "v1"`), nil
	})
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		for _, line := range []string{`If-None-Match: "v1"`, `If-Match: "v0"`, "If-None-Match: *"} {
			r := n.do(context.Background(), method, "/x", line)
			require.Equal(t, 200, r.status, "%s %s", method, line)
			name, _, _ := strings.Cut(line, ":")
			require.Contains(t, r.body, name)
		}
	}
}

func TestMultipartRanges(t *testing.T) {
	n := newNode(t)
	n.always(200, "0123456789", "Cache-Control: max-age=60", `Etag: "v1"`, "Content-Type: text/x", "X-A: b")
	parts := func(spec string) string {
		r := n.get("/x", "Range: "+spec)
		require.Equal(t, `"v1"`, r.header.Get("Etag"))
		require.Equal(t, "b", r.header.Get("X-A"))
		require.Len(t, r.header["Content-Type"], 1)
		if r.status != 206 {
			return fmt.Sprint(r.status)
		}
		typ, params, err := mime.ParseMediaType(r.header.Get("Content-Type"))
		require.NoError(t, err)
		if typ != "multipart/byteranges" {
			return r.header.Get("Content-Range") + " " + r.body
		}
		require.Empty(t, r.header.Get("Content-Range"), "RFC 9110 §15.3.7.2")
		var all []string
		for m := multipart.NewReader(strings.NewReader(r.body), params["boundary"]); ; {
			p, err := m.NextRawPart()
			if err == io.EOF {
				return strings.Join(all, "|")
			}
			require.NoError(t, err)
			require.Equal(t, "text/x", p.Header.Get("Content-Type"))
			content, err := io.ReadAll(p)
			require.NoError(t, err)
			all = append(all, p.Header.Get("Content-Range")+" "+string(content))
		}
	}
	for spec, want := range map[string]string{
		"bytes=0-1,4-5":            "bytes 0-1/10 01|bytes 4-5/10 45",
		"bytes=8-,0-0":             "bytes 8-9/10 89|bytes 0-0/10 0",
		"bytes=0-0, -1":            "bytes 0-0/10 0|bytes 9-9/10 9",
		"bytes= 0-0 ,, 2-2":        "bytes 0-0/10 0|bytes 2-2/10 2",
		"bytes=0-1,2-3":            "bytes 0-3/10 0123", // they touch
		"bytes=0-3,2-5,7-7":        "bytes 0-5/10 012345|bytes 7-7/10 7",
		"bytes=0-1,20-30":          "bytes 0-1/10 01", // one that is there
		"bytes=0-1,4-3":            "200",
		"bytes=0-1,x":              "200",
		"bytes=0-9,0-9":            "200", // more than there is
		"bytes=,":                  "200",
		"bytes=" + many("0-0", 33): "200",
	} {
		require.Equal(t, want, parts(spec), spec)
	}
	require.Equal(t, 416, n.get("/x", "Range: bytes=10-,-0").status)
	require.Equal(t, 200, n.get("/x", "Range: bytes=0-0,2-2", `If-Range: "v0"`).status)
	require.Equal(t, 200, n.do(context.Background(), "HEAD", "/x", "Range: bytes=0-0,2-2").status)
	require.EqualValues(t, 1, n.up.n.Load())
}

func many(s string, n int) string { return strings.TrimSuffix(strings.Repeat(s+",", n), ",") }

// A date is a strong validator only if the answer was sent later (RFC 9110 §8.8.2.2).
func TestIfRangeWithADate(t *testing.T) {
	modified := ago(time.Hour)
	for date, status := range map[string]int{
		ago(0):                         206,
		modified:                       200,
		ago(time.Hour - 2*time.Second): 206,
	} {
		n := newNode(t)
		n.always(200, "0123456789", "Cache-Control: max-age=86400", "Last-Modified: "+modified, "Date: "+date)
		n.get("/x")
		require.Equal(t, status, n.get("/x", "Range: bytes=0-1", "If-Range: "+modified).status, date)
		require.Equal(t, 200, n.get("/x", "Range: bytes=0-1", "If-Range: "+ago(2*time.Hour)).status)
	}
}

// Of what an unsafe request's answer names, only the origin that was asked is
// heard: scheme, host and port (RFC 9111 §4.4), after resolution.
func TestInvalidationIsOfTheSameOrigin(t *testing.T) {
	for _, c := range []struct {
		ref       string
		proto     string // X-Forwarded-Proto
		forgotten bool
	}{
		{ref: "/dir/made", forgotten: true},
		{ref: "made", forgotten: true},
		{ref: "../dir/./made", forgotten: true},
		{ref: "//edge.test/dir/made", forgotten: true},
		{ref: "http://edge.test/dir/made", forgotten: true},
		{ref: "HTTP://EDGE.TEST:80/dir/m%61de", forgotten: true},
		{ref: "made#part", forgotten: true},
		{ref: "https://edge.test/dir/made", proto: "https", forgotten: true},
		{ref: "http://edge.test/dir/made", proto: "https"},
		{ref: "https://edge.test/dir/made"},
		{ref: "http://edge.test:443/dir/made"},
		{ref: "http://edge.test:8080/dir/made"},
		{ref: "http://other.test/dir/made"},
		{ref: "//other.test/dir/made"},
		{ref: "http://edge.test@other.test/dir/made"},
		{ref: "http://u@edge.test/dir/made"},
		{ref: "made?q"},
		{ref: "%zz"},
	} {
		for _, name := range []string{"Location", "Content-Location"} {
			n := newNode(t)
			n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
				if f.Method == "POST" {
					return answer(201, "", name+": "+c.ref), nil
				}
				return answer(200, f.Target, "Cache-Control: max-age=60"), nil
			})
			n.get("/dir/made")
			var lines []string
			if c.proto != "" {
				lines = append(lines, "X-Forwarded-Proto: "+c.proto)
			}
			require.Equal(t, 201, n.do(context.Background(), "POST", "/dir/list", lines...).status)
			require.Equal(t, !c.forgotten, strings.Contains(n.get("/dir/made").cacheStatus(), "hit"), "%s: %s", name, c.ref)
		}
	}
}

// RFC 9110 §9.3.3: the answer to a POST that says it is the resource itself, and for
// how long, is what GETs get, in the conformance profile.
func TestPostedAnswers(t *testing.T) {
	post := func(n *node, lines ...string) response {
		n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
			if f.Method == "POST" {
				return answer(200, "posted", lines...), nil
			}
			return answer(200, "got", "Cache-Control: max-age=60"), nil
		})
		require.Equal(t, "got", n.get("/x").body)
		r := n.do(context.Background(), "POST", "/x")
		require.Equal(t, "posted", r.body)
		return r
	}
	for _, c := range []struct {
		lines string
		kept  bool
	}{
		{"Cache-Control: max-age=60|Content-Location: /x", true},
		{"Cache-Control: max-age=60|Content-Location: http://edge.test/x", true},
		{"Cache-Control: s-maxage=60|Content-Location: x", true},
		{"Cache-Control: max-age=60|Content-Location: /y", false},
		{"Cache-Control: max-age=60|Content-Location: //other.test/x", false},
		{"Cache-Control: max-age=60", false},
		{"Content-Location: /x", false},
		{"Last-Modified: " + ago(1000*time.Hour) + "|Content-Location: /x", false},
		{"Cache-Control: max-age=60, private|Content-Location: /x", false},
		{"Cache-Control: no-store|Content-Location: /x", false},
	} {
		n := conforming(t)
		r := post(n, strings.Split(c.lines, "|")...)
		require.Equal(t, c.kept, strings.Contains(r.cacheStatus(), "stored"), c.lines)
		want := "got"
		if c.kept {
			want = "posted"
		}
		require.Equal(t, want, n.get("/x").body, c.lines)
	}
	n := newNode(t)
	post(n, "Cache-Control: max-age=60", "Content-Location: /x")
	require.Equal(t, "got", n.get("/x").body, "the default profile lets no request's content shape what others get")
}

// A purge while a POST is under way bars its answer from the store.
func TestPurgeWhileAPostIsUnderWay(t *testing.T) {
	n := conforming(t)
	purge := func() {}
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		if f.Method == "POST" {
			purge()
			return answer(200, "posted", "Cache-Control: max-age=60", "Content-Location: /x", "Cache-Tag: a"), nil
		}
		return answer(200, "got", "Cache-Control: max-age=60"), nil
	})
	for _, sel := range []cachekey.Selector{{}, {Tags: []string{"a"}}, {Keys: []string{"edge.test/x"}}, {All: true}} {
		want := "posted"
		if purge = func() {}; sel.Validate() == nil {
			want = "got"
			purge = func() { n.marks.Raise(sel, invalidation.ModeHard) }
		}
		n.do(context.Background(), "POST", "/x")
		require.Equal(t, want, n.get("/x").body, "%+v", sel)
	}
}

// What RFC 9110 gives no meaning selects no other response, in the conformance
// profile; the default one prefers a miss to a guess.
func TestLooseVariants(t *testing.T) {
	for _, c := range []struct {
		vary, first, second string
		language            string // Content-Language
		same                bool
	}{
		{"Accept-Language", "en, de", "de, en", "", true},
		{"Accept-Language", "en, de", "de, en;q=0.5", "", false},
		{"Accept-Language", "en, de", "fr;q=0.5, de;q=1.0", "de", true},
		{"Accept-Language", "en, de", "fr;q=0.5, de;q=1.0", "en", false},
		{"Accept-Language", "en, de", "fr, de", "de", false},
		{"Accept-Language, Foo", "en, de", "fr;q=0.5, de;q=1.0", "de", true},
		{"Foo", "1,2", " 1, 2 ", "", true},
		{"Foo", "1,2", "1,3", "", false},
	} {
		for _, conformance := range []bool{true, false} {
			n := newNode(t)
			if conformance {
				n = conforming(t)
			}
			lines := []string{"Cache-Control: max-age=60", "Vary: " + c.vary}
			if c.language != "" {
				lines = append(lines, "Content-Language: "+c.language)
			}
			n.always(200, "x", lines...)
			name, _, _ := strings.Cut(c.vary, ",")
			n.get("/x", name+": "+c.first)
			require.Equal(t, c.same && conformance, strings.Contains(n.get("/x", name+": "+c.second).cacheStatus(), "hit"), "%v %+v", conformance, c)
		}
	}
	n := conforming(t)
	n.always(200, "x", "Cache-Control: max-age=60", "Vary: Accept-Language, Foo", "Content-Language: de")
	n.get("/x", "Accept-Language: en, de", "Foo: 1")
	require.NotContains(t, n.get("/x", "Accept-Language: de", "Foo: 2").cacheStatus(), "hit", "another field differs")
}

// A stream of events is each reader's own, though its origin calls it cacheable.
func TestEventStreamsAreNotStored(t *testing.T) {
	n := newNode(t)
	n.always(200, "data: x\n\n", "Content-Type: Text/Event-Stream; charset=utf-8", "Cache-Control: max-age=60")
	for range 3 {
		r := n.get("/events")
		require.Equal(t, "data: x\n\n", r.body)
		require.NotContains(t, r.cacheStatus(), "stored")
	}
	require.EqualValues(t, 3, n.up.n.Load())
}

// Trailer fields go with the content that passes through, and are not kept.
func TestTrailersPass(t *testing.T) {
	n := newNode(t)
	trailer := func() []edge.Field { return []edge.Field{{Name: "X-Sum", Value: "1"}} }
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		a := answer(200, "x", "Cache-Control: "+map[bool]string{true: "max-age=60", false: "no-store"}[f.Target == "/kept"])
		a.Announced, a.Trailer = []string{"X-Sum"}, trailer
		return a, nil
	})
	for target, want := range map[string]int{"/passed": 1, "/kept": 0} {
		x := &edge.Exchange{Now: n.now(), Req: edge.Request{Method: edge.MethodGet, MethodText: "GET", Host: "edge.test", Target: target, Fields: fields()}}
		n.core.Serve(context.Background(), x)
		require.Len(t, x.Rep.Announced, want, target)
		require.Equal(t, want == 1, x.Rep.Trailer != nil, target)
		if x.Rep.Stream != nil {
			require.NoError(t, x.Rep.Stream.Close())
		}
	}
}

// An Accept-Language that names nothing selects what absence selects: the origin sees
// no difference either.
func TestOriginSeesNoEmptyLanguages(t *testing.T) {
	for _, conformance := range []bool{false, true} {
		n := newNode(t, func(c *edge.Config, _ *edge.Deps) { c.Conformance = conformance })
		n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
			var sent []string
			for _, l := range f.Fields {
				if l.Name == "Accept-Language" {
					sent = append(sent, l.Value)
				}
			}
			return answer(200, fmt.Sprintf("%q", sent), "Cache-Control: max-age=60", "Vary: Accept-Language"), nil
		})
		for i, v := range []string{"", " ", ",", ", ,"} {
			require.Equal(t, "[]", n.get(fmt.Sprint("/", i), "Accept-Language: "+v).body, "%q", v)
		}
		require.Equal(t, `["da, en;q=0.5"]`, n.get("/x", "Accept-Language: da, en;q=0.5").body)
	}
}
