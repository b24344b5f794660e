package edge_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/invalidation"
	"github.com/letteros/letteredge/quota"
)

const trial = "/v1/segments/b2b/ctas/trial"

// sound answers every artifact as a sound origin would, at version 1.
func sound(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
	return artifactOf(f.Key, 1), nil
}

func TestSecondFetchIsAHit(t *testing.T) {
	n := newNode(t)
	n.up.set(func(ctx context.Context, f *edge.Fetch) (*edge.Answer, error) {
		n.skew.Add(int64(20 * time.Millisecond))
		return sound(ctx, f)
	})
	first := n.get(trial)
	require.Equal(t, 200, first.status)
	require.Equal(t, "test-1; fwd=uri-miss; stored", first.cacheStatus())
	require.Contains(t, first.header.Get("Server-Timing"), "origin;dur=")

	second := n.get(trial)
	require.Equal(t, first.body, second.body)
	require.Equal(t, first.header.Get("Etag"), second.header.Get("Etag"))
	require.Regexp(t, `^test-1; hit; ttl=(59|60)$`, second.cacheStatus())
	require.Equal(t, `"kind:cta", "segment:b2b", "cta:trial", "doc:trial"`, second.header.Get("Cache-Groups"))
	require.Empty(t, second.header.Get("Server-Timing"))
	require.NotEmpty(t, second.header.Get("Age"))
	require.EqualValues(t, 1, n.up.n.Load())
}

// When an origin says that it wrote an artifact may differ by the moment at which
// a node asked: it validates with the origin, and readers do not see it.
func TestArtifactsShowNoLastModified(t *testing.T) {
	n := newNode(t)
	const at = "Mon, 23 Nov 2026 22:00:00 GMT"
	asked := ""
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		for _, l := range f.Fields {
			if l.Name == "If-Modified-Since" {
				asked = l.Value
				return answer(304, ""), nil
			}
		}
		return artifactOf(f.Key, 1, "Last-Modified: "+at), nil
	})
	require.Empty(t, n.get(trial).header.Get("Last-Modified"))
	for range 2 { // a renewed copy still knows it
		asked = ""
		n.skew.Add(int64(2 * time.Minute))
		r := n.get(trial)
		require.Equal(t, 200, r.status)
		require.Empty(t, r.header.Get("Last-Modified"))
		require.Equal(t, at, asked)
	}
}

func TestHeadAndConditions(t *testing.T) {
	n := newNode(t)
	n.up.set(sound)
	whole := n.get(trial)
	etag := whole.header.Get("Etag")

	head := n.do(context.Background(), "HEAD", trial)
	require.Equal(t, 200, head.status)
	require.Empty(t, head.body)
	require.Equal(t, etag, head.header.Get("Etag"))

	for _, list := range []string{etag, "W/" + etag, `"x", ` + etag, "*", `"x","y" , W/` + etag} {
		r := n.get(trial, "If-None-Match: "+list)
		require.Equal(t, 304, r.status, list)
		require.Empty(t, r.body)
		require.Equal(t, etag, r.header.Get("Etag"))
	}
	for _, list := range []string{`"other"`, "nonsense", `"unclosed`} {
		require.Equal(t, 200, n.get(trial, "If-None-Match: "+list).status, list)
	}
	require.EqualValues(t, 1, n.up.n.Load())
}

func TestRanges(t *testing.T) {
	n := newNode(t)
	n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) {
		return answer(200, "0123456789", "Cache-Control: max-age=60", `Etag: "v1"`), nil
	})
	for _, c := range []struct {
		spec, body, contentRange string
		status                   int
		ifRange                  string
	}{
		{spec: "bytes=0-3", body: "0123", contentRange: "bytes 0-3/10", status: 206},
		{spec: "bytes=7-", body: "789", contentRange: "bytes 7-9/10", status: 206},
		{spec: "bytes=-2", body: "89", contentRange: "bytes 8-9/10", status: 206},
		{spec: "bytes=5-99", body: "56789", contentRange: "bytes 5-9/10", status: 206},
		{spec: "bytes=-99", body: "0123456789", contentRange: "bytes 0-9/10", status: 206},
		{spec: "bytes=10-", contentRange: "bytes */10", status: 416},
		{spec: "bytes=-0", contentRange: "bytes */10", status: 416},
		{spec: "bytes=3-1", body: "0123456789", status: 200},
		{spec: "bytes=0-1,4", body: "0123456789", status: 200},
		{spec: "items=0-1", body: "0123456789", status: 200},
		{spec: "bytes=a-b", body: "0123456789", status: 200},
		{spec: "bytes=99999999999999999999-", contentRange: "bytes */10", status: 416},
		{spec: "bytes=0-3", ifRange: `"v1"`, body: "0123", contentRange: "bytes 0-3/10", status: 206},
		{spec: "bytes=0-3", ifRange: `"v0"`, body: "0123456789", status: 200},
		{spec: "bytes=0-3", ifRange: `W/"v1"`, body: "0123456789", status: 200},
	} {
		lines := []string{"Range: " + c.spec}
		if c.ifRange != "" {
			lines = append(lines, "If-Range: "+c.ifRange)
		}
		r := n.get("/file", lines...)
		require.Equal(t, c.status, r.status, "%+v", c)
		require.Equal(t, c.contentRange, r.header.Get("Content-Range"), "%+v", c)
		if c.status != 416 {
			require.Equal(t, c.body, r.body, "%+v", c)
		}
	}
	require.EqualValues(t, 1, n.up.n.Load())
}

func TestRefusals(t *testing.T) {
	n := newNode(t)
	n.up.set(sound)
	for _, c := range []struct {
		method, target string
		status         int
		says           string
	}{
		{"POST", trial, 405, "GET, HEAD"},
		{"TRACE", "/x", 405, "allowed"},
		{"TRACE", trial, 405, "allowed here: GET, HEAD\""},
		{"TRACE", "/x", 405, "OPTIONS"},
		{"CONNECT", "/x", 405, "allowed"},
		{"GET", "/v1/segments/B2B/ctas/trial", 400, "segment"},
		{"GET", "/v1/segments/b2b%2fctas/trial", 400, "slash"},
		{"GET", "/v1/segments/b2b/ctas", 404, "below /v1/segments/"},
		{"GET", "/v1/segments/b2b/ctas/trial?lang=", 400, "lang"},
		{"GET", "/" + strings.Repeat("x", 9000), 414, "target"},
	} {
		r := n.do(context.Background(), c.method, c.target)
		require.Equal(t, c.status, r.status, "%s %.40s", c.method, c.target)
		require.Contains(t, r.body, c.says, "%s %.40s", c.method, c.target)
		require.Equal(t, "application/problem+json", r.header.Get("Content-Type"))
		require.Equal(t, "no-store", r.header.Get("Cache-Control"))
	}
	require.Zero(t, n.up.n.Load())
}

func TestEarlyDataIsForSafeMethods(t *testing.T) {
	n := newNode(t)
	n.up.set(sound)
	for method, status := range map[string]int{"POST": 425, "PUT": 425, "DELETE": 425, "PURGE": 425, "GET": 200} {
		x := &edge.Exchange{Now: n.now()}
		x.Req = edge.Request{Method: edge.ParseMethod(method), MethodText: method, Host: "edge.test", Target: trial, Fields: fields(), Early: true}
		n.core.Serve(context.Background(), x)
		require.Equal(t, status, x.Rep.Status, method)
		require.Equal(t, status, n.do(context.Background(), method, trial, "Early-Data: 1").status, method)
	}
}

func TestOnlyWhatTheKeyNamesIsShown(t *testing.T) {
	n := newNode(t)
	good := func(k cachekey.Key) *edge.Answer { return artifactOf(k, 1) }
	other, err := cachekey.Artifact(cachekey.CTA, "b2c", "trial", "trial", "")
	require.NoError(t, err)
	demo, err := cachekey.Artifact(cachekey.CTA, "b2b", "demo", "demo", "")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		answer func(k cachekey.Key) *edge.Answer
		says   string
	}{
		"another segment's": {func(cachekey.Key) *edge.Answer { return good(other) }, "segment"},
		"another CTA":       {func(cachekey.Key) *edge.Answer { return good(demo) }, "must be"},
		"an HTML page": {func(cachekey.Key) *edge.Answer {
			return answer(200, "<html>", "Content-Type: text/html", "Cache-Control: max-age=60", "Docs-Version: trial=1")
		}, "Content-Type"},
		"no Docs-Version": {func(k cachekey.Key) *edge.Answer {
			a := good(k)
			a.Fields = a.Fields[:2]
			return a
		}, "Docs-Version"},
		"bad Docs-Version": {func(k cachekey.Key) *edge.Answer {
			a := good(k)
			a.Fields[2].Value = "trial=x"
			return a
		}, "Docs-Version"},
		"versions differ": {func(k cachekey.Key) *edge.Answer {
			a := good(k)
			a.Fields[2].Value = "trial=2"
			return a
		}, "documents"},
		"not JSON": {func(cachekey.Key) *edge.Answer {
			return answer(200, "{", "Content-Type: application/json", "Docs-Version: trial=1")
		}, "body"},
		"a name twice": {func(k cachekey.Key) *edge.Answer {
			return answer(200, `{"kind":"cta","segment":"b2c","cta":"trial","id":"trial","lang":"en","title":"t","html":"h","documents":{"trial":1},"segment":"b2b"}`,
				"Content-Type: application/json", "Docs-Version: trial=1")
		}, "twice"},
		"coded":                         {func(k cachekey.Key) *edge.Answer { return artifactOf(k, 1, "Content-Encoding: gzip") }, "Content-Encoding"},
		"201":                           {func(cachekey.Key) *edge.Answer { a := good(other); a.Status = 201; return a }, "status"},
		"203":                           {func(cachekey.Key) *edge.Answer { a := good(other); a.Status = 203; return a }, "status"},
		"204":                           {func(cachekey.Key) *edge.Answer { return answer(204, "", "Cache-Control: max-age=60") }, "status"},
		"a part that was not asked for": {func(k cachekey.Key) *edge.Answer { a := good(k); a.Status = 206; return a }, "status"},
		"a 304 that was not asked for":  {func(cachekey.Key) *edge.Answer { return answer(304, "") }, "status"},
		"a redirect":                    {func(cachekey.Key) *edge.Answer { return answer(302, "", "Location: /v1/segments/b2c/ctas/trial") }, "status"},
		"403":                           {func(cachekey.Key) *edge.Answer { a := good(other); a.Status = 403; return a }, "status"},
		"a name in other letters": {func(k cachekey.Key) *edge.Answer {
			return answer(200, `{"kind":"cta","segment":"b2c","SEGMENT":"b2b","cta":"trial","id":"trial","lang":"en","title":"t","html":"h","documents":{"trial":1}}`,
				"Content-Type: application/json", "Docs-Version: trial=1")
		}, "twice, in this case or another"},
		"a name in other letters, behind": {func(k cachekey.Key) *edge.Answer {
			return answer(200, `{"kind":"cta","segment":"b2b","cta":"trial","id":"trial","lang":"en","title":"t","html":"h","documents":{"trial":1},"\u017fegment":"b2c"}`,
				"Content-Type: application/json", "Docs-Version: trial=1")
		}, "twice, in this case or another"},
		"a name in other letters alone": {func(k cachekey.Key) *edge.Answer {
			return answer(200, `{"kind":"cta","Segment":"b2b","cta":"trial","id":"trial","lang":"en","title":"t","html":"h","documents":{"trial":1}}`,
				"Content-Type: application/json", "Docs-Version: trial=1")
		}, "segment"},
		"a version twice": {func(k cachekey.Key) *edge.Answer {
			return answer(200, `{"kind":"cta","segment":"b2b","cta":"trial","id":"trial","lang":"en","title":"t","html":"h","documents":{"trial":2,"trial":1}}`,
				"Content-Type: application/json", "Docs-Version: trial=1")
		}, "documents"},
		"no html": {func(k cachekey.Key) *edge.Answer {
			return answer(200, `{"kind":"cta","segment":"b2b","cta":"trial","id":"trial","lang":"en","title":"t","documents":{"trial":1}}`,
				"Content-Type: application/json", "Docs-Version: trial=1")
		}, "html"},
	} {
		t.Run(name, func(t *testing.T) {
			n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) { return c.answer(f.Key), nil })
			r := n.get(trial)
			require.Equal(t, 502, r.status)
			require.Contains(t, r.body, c.says)
			require.Contains(t, r.cacheStatus(), "detail=refused")
		})
	}

	n.up.set(sound)
	kept := n.get(trial)
	require.Equal(t, 200, kept.status)
	n.skew.Store(int64(2 * time.Minute))
	n.up.set(func(_ context.Context, _ *edge.Fetch) (*edge.Answer, error) { return good(other), nil })
	former := n.get(trial)
	require.Equal(t, 200, former.status)
	require.Equal(t, kept.body, former.body)
	require.Equal(t, "stale", former.header.Get("Edge-Degraded"))
}

// What an origin says of an artifact that is not there is not checked by any
// schema: readers get the edge's own words, for as long as the origin says.
func TestAbsentArtifactHasNoContentOfTheOrigins(t *testing.T) {
	other, err := cachekey.Artifact(cachekey.CTA, "b2c", "trial", "trial", "")
	require.NoError(t, err)
	for _, status := range []int{404, 410, 451, 500, 503} {
		n := newNode(t)
		n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) {
			a := artifactOf(other, 1, "X-Leak: b2c", "Retry-After: 7")
			a.Status = status
			return a, nil
		})
		r := n.get(trial)
		require.Equal(t, status, r.status)
		require.Equal(t, "application/problem+json", r.header.Get("Content-Type"))
		require.NotContains(t, r.body, "b2c")
		require.NotContains(t, r.body, `"title":""`)
		require.Empty(t, r.header.Get("X-Leak"))
		require.Equal(t, "7", r.header.Get("Retry-After"))
		r = n.get(trial)
		require.Equal(t, status < 500, strings.Contains(r.cacheStatus(), "; hit"), r.cacheStatus())
	}
}

func TestUnaskedAnswersAreRefused(t *testing.T) {
	n := newNode(t)
	for _, status := range []int{206, 304} {
		n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) {
			return answer(status, "", "Cache-Control: max-age=60"), nil
		})
		require.Equal(t, 502, n.get("/x").status)
	}
}

// Fields that are not in the key do not reach an origin that could write them
// into what everyone gets.
func TestUnkeyedFieldsDoNotPoison(t *testing.T) {
	for _, conformance := range []bool{false, true} {
		n := newNode(t, func(c *edge.Config, _ *edge.Deps) { c.Conformance = conformance })
		n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
			body := ""
			for _, l := range f.Fields {
				body += l.Name + " "
			}
			return answer(200, body, "Cache-Control: max-age=60"), nil
		})
		r := n.get("/x", "X-Forwarded-Host: evil", "X-Http-Method-Override: POST", "Forwarded: host=evil", "X-Original-Url: /y")
		require.Equal(t, conformance, strings.Contains(r.body, "Forwarded"), r.body)
	}
}

func TestStaleRatherThanAnError(t *testing.T) {
	n := newNode(t)
	n.up.set(sound)
	whole := n.get(trial)
	n.skew.Store(int64(2 * time.Minute))
	for _, broken := range []func(context.Context, *edge.Fetch) (*edge.Answer, error){
		func(context.Context, *edge.Fetch) (*edge.Answer, error) { return nil, errors.New("connection refused") },
		func(context.Context, *edge.Fetch) (*edge.Answer, error) { return answer(503, "down"), nil },
		func(context.Context, *edge.Fetch) (*edge.Answer, error) { return nil, edge.ErrUpstreamBusy },
	} {
		n.up.set(broken)
		n.skew.Add(int64(time.Minute)) // past the back-off of the last failure
		r := n.get(trial)
		require.Equal(t, 200, r.status)
		require.Equal(t, whole.body, r.body)
		require.Equal(t, "stale", r.header.Get("Edge-Degraded"))
		require.Regexp(t, `^test-1; hit; .*ttl=-\d+`, r.cacheStatus())
	}
	busy := n.get("/other")
	require.Equal(t, 503, busy.status)
	require.Equal(t, "1", busy.header.Get("Retry-After"))
	n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) { return nil, errors.New("connection refused") })
	require.Equal(t, 502, n.get("/other").status)
}

func TestHardPurgedIsNeverRenewedBy304(t *testing.T) {
	n := newNode(t)
	conditional := false
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		for _, l := range f.Fields {
			if l.Name == "If-None-Match" {
				conditional = true
				return answer(304, ""), nil
			}
		}
		return answer(200, "body", "Cache-Control: max-age=60", `Etag: "v1"`), nil
	})
	require.Equal(t, 200, n.get("/x").status)
	n.skew.Store(int64(2 * time.Minute))
	r := n.get("/x")
	require.Equal(t, "test-1; fwd=stale; fwd-status=304; stored", r.cacheStatus())
	require.True(t, conditional)

	conditional = false
	n.marks.Raise(cachekey.Selector{Keys: []string{"edge.test/x"}}, invalidation.ModeHard)
	r = n.get("/x")
	require.Equal(t, "test-1; fwd=uri-miss; stored", r.cacheStatus())
	require.False(t, conditional, "after a hard purge the fetch has no conditions")
}

func TestSoftPurgeGivesOneRefresh(t *testing.T) {
	n := newNode(t)
	n.up.set(sound)
	first := n.get(trial)
	hold := make(chan struct{})
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		<-hold
		return artifactOf(f.Key, 2), nil
	})
	n.marks.Raise(cachekey.Selector{Tags: []string{"doc:trial"}}, invalidation.ModeSoft)
	for range 20 {
		r := n.get(trial)
		require.Equal(t, first.body, r.body, "stale until the refresh ends")
		require.Regexp(t, `^test-1; hit; ttl=-1$`, r.cacheStatus())
	}
	close(hold)
	eventually(t, func() bool { return strings.Contains(n.get(trial).body, "v2") }, "the refresh's result")
	require.EqualValues(t, 2, n.up.n.Load())
}

func TestUnsafeMethodInvalidates(t *testing.T) {
	n := newNode(t)
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		if f.Method == "POST" {
			return answer(201, "", "Location: /made", "Content-Location: http://elsewhere/x"), nil
		}
		return answer(200, f.Target, "Cache-Control: max-age=60"), nil
	})
	for _, p := range []string{"/list", "/made", "/x"} {
		n.get(p)
		require.Contains(t, n.get(p).cacheStatus(), "hit")
	}
	require.Equal(t, 201, n.do(context.Background(), "POST", "/list").status)
	require.NotContains(t, n.get("/list").cacheStatus(), "hit")
	require.NotContains(t, n.get("/made").cacheStatus(), "hit")
	require.Contains(t, n.get("/x").cacheStatus(), "hit")
}

// What a client lists in Connection ends here, but it cannot have the fields
// removed that this node adds; nor can it send what only peers may.
func TestClientFieldsThatDoNotGoOn(t *testing.T) {
	n := newNode(t)
	var sent map[string]string
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		sent = map[string]string{}
		for _, l := range f.Fields {
			sent[l.Name] = l.Value
		}
		return answer(200, "x", "Cache-Control: max-age=1", `Etag: "v"`), nil
	})
	lines := []string{"Connection: X-Hop, if-none-match", "X-Hop: 1", "X-End: 2", "Docs-Pin: trial=1", "Edge-Preview: x", "Cookie: a=b"}
	n.get("/x", lines...)
	require.Equal(t, map[string]string{"X-End": "2", "Cookie": "a=b", "Accept-Encoding": "identity"}, sent)
	n.skew.Store(int64(time.Minute))
	n.get("/x", lines...)
	require.Equal(t, map[string]string{"X-End": "2", "Cookie": "a=b", "Accept-Encoding": "identity", "If-None-Match": `"v"`}, sent)

	n.get(trial, append(lines, "Accept-Language: ja", "Authorization: Bearer x")...)
	require.Equal(t, map[string]string{"Accept-Language": "ja"}, sent, "artifacts: languages only")
}

func TestQuota(t *testing.T) {
	n := newNode(t)
	n.up.set(sound)
	n.get(trial)
	q := quota.Quota{Segment: "b2b", RPS: 1, Burst: 2}
	_, err := n.gate.Set(q)
	require.NoError(t, err)
	n.skew.Add(int64(10 * time.Second)) // a limiter starts empty
	n.get("/v1/segments/b2c/ctas/trial")
	statuses := ""
	for range 4 {
		r := n.get(trial)
		statuses += map[int]string{200: ".", 429: "x"}[r.status]
		require.Equal(t, `"b2b";q=1;w=1`, r.header.Get("Ratelimit-Policy"))
		require.Regexp(t, `^"b2b";r=\d+;t=\d+$`, r.header.Get("Ratelimit"))
		if r.status == 429 {
			require.Regexp(t, `^[1-9]\d*$`, r.header.Get("Retry-After"))
			require.Equal(t, "no-store", r.header.Get("Cache-Control"))
			require.Contains(t, r.body, "quota-exceeded")
		}
	}
	require.Equal(t, "..xx", statuses)
	other := n.get("/v1/segments/b2c/ctas/trial")
	require.Equal(t, 200, other.status)
	require.Empty(t, other.header.Get("Ratelimit"))

	q.Overflow = quota.OverflowStale
	_, err = n.gate.Set(q)
	require.NoError(t, err)
	r := n.get(trial)
	require.Equal(t, 200, r.status, "a copy rather than a refusal")
	require.Equal(t, 429, n.get("/v1/segments/b2b/ctas/unknown").status)
}

// A node that cannot know whether its quotas have changed says so in its refusal.
func TestQuotaOfACutOffNode(t *testing.T) {
	n := newNode(t)
	n.up.set(sound)
	n.gate.Within(func(time.Time) (time.Duration, bool) { return 0, false })
	_, err := n.gate.Set(quota.Quota{Segment: "b2b", RPS: 1, Burst: 2})
	require.NoError(t, err)
	n.skew.Add(int64(10 * time.Second))
	r := n.get(trial)
	require.Equal(t, 429, r.status)
	require.Equal(t, "isolated", r.header.Get("Edge-Degraded"))
	require.Equal(t, 200, n.get("/v1/segments/b2c/ctas/trial").status)
}

func TestHitAllocatesNothing(t *testing.T) {
	n := newNode(t)
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		return artifactOf(f.Key, 1, "Vary: Accept-Language"), nil
	})
	_, err := n.gate.Set(quota.Quota{Segment: "b2b", RPS: 1_000_000, Burst: 1_000_000})
	require.NoError(t, err)
	n.skew.Add(int64(10 * time.Second))
	require.Equal(t, 200, n.get(trial, "Accept-Language: en").status)
	x := &edge.Exchange{}
	req := edge.Request{Method: edge.MethodGet, MethodText: "GET", Host: "edge.test", Target: trial, Fields: fields("Accept-Language: en", `If-None-Match: "x"`)}
	ctx := context.Background()
	now := n.now()
	allocs := testing.AllocsPerRun(2000, func() {
		x.Reset()
		x.Now, x.Req = now, req
		n.core.Serve(ctx, x)
		if !x.Rep.Cache.Hit || x.Rep.Status != 200 {
			panic(fmt.Sprintf("not a hit: %d %+v", x.Rep.Status, x.Rep.Cache))
		}
	})
	require.Zero(t, allocs)
}

// TestAnswersWithTooManyTagsSaySo: they are not stored, since a tag that was dropped would be
// a purge that misses.
func TestAnswersWithTooManyTagsSaySo(t *testing.T) {
	n := newNode(t)
	tags := make([]string, 0, 300)
	for i := range 300 {
		tags = append(tags, fmt.Sprintf("%q", fmt.Sprint("tag-", i)))
	}
	for _, length := range []int64{-1, 4} {
		for _, lines := range [][]string{tags[:250], tags} {
			n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) {
				a := answer(200, "page", "Cache-Control: max-age=60", "Cache-Groups: "+strings.Join(lines, ", "))
				a.Length = length
				return a, nil
			})
			r := n.get(fmt.Sprintf("/%d/%d", length, len(lines)))
			require.Equal(t, "page", r.body)
			require.Equal(t, len(lines) > 256, r.cacheStatus() == "test-1; fwd=uri-miss; detail=tags", r.cacheStatus())
		}
	}
}
