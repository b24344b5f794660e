package admin

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/invalidation"
	"github.com/letteros/letteredge/quota"
)

func TestQuotaLife(t *testing.T) {
	n := start(t)
	n.do("GET", "/v1/quotas/b2b", "", "").problem(t, 404)
	var list adminapi.List[adminapi.Quota]
	n.do("GET", "/v1/quotas", "", "").into(t, &list)
	require.Empty(t, list.Items)

	a := n.do("PUT", "/v1/quotas/b2b", quotas, `{"rps":200}`)
	require.Equal(t, 201, a.status)
	var q adminapi.Quota
	a.into(t, &q)
	require.WithinDuration(t, time.Now(), *q.EffectiveAt, time.Minute)
	q.EffectiveAt = nil
	want := adminapi.Quota{Form: quota.New("b2b", 200).Form()}
	require.Equal(t, want, q)
	etag := a.header.Get("ETag")
	require.NotEmpty(t, etag)

	a = n.do("GET", "/v1/quotas/b2b", "", "")
	require.Equal(t, 200, a.status)
	require.Equal(t, etag, a.header.Get("ETag"))
	require.NotContains(t, a.text, "effective_at")

	a = n.do("PUT", "/v1/quotas/b2b", quotas, `{"segment":"b2b","rps":0.5,"burst":3,"scope":"node","overflow":"stale","mode":"shadow","priority":0,"partition":"strict"}`, "If-Match", etag)
	require.Equal(t, 200, a.status)
	require.NotEqual(t, etag, a.header.Get("ETag"))
	n.do("PUT", "/v1/quotas/b2b", quotas, `{"rps":1}`, "If-Match", etag).problem(t, 412)
	n.do("PUT", "/v1/quotas/b2b", quotas, `{"rps":1}`, "If-None-Match", "*").problem(t, 412)
	n.do("DELETE", "/v1/quotas/b2b", quotas, "", "If-Match", etag).problem(t, 412)
	require.Equal(t, "If-Match", n.do("PUT", "/v1/quotas/b2b", quotas, `{"rps":1}`, "If-Match", "b2b").problem(t, 400).Errors[0].Header)
	require.Equal(t, "If-Match", n.do("PUT", "/v1/quotas/b2b", quotas, `{"rps":1}`, "If-Match", "").problem(t, 400).Errors[0].Header, "a blank that a script left")

	a = n.do("DELETE", "/v1/quotas/b2b", quotas, "")
	require.Equal(t, 204, a.status)
	require.Empty(t, a.text)
	n.do("DELETE", "/v1/quotas/b2b", quotas, "").problem(t, 404)

	require.Equal(t, 201, n.do("PUT", "/v1/quotas/_default", quotas, `{"rps":1}`).status)
	require.Equal(t, 200, n.do("GET", "/v1/quotas/_default", "", "").status)
}

func TestQuotasRefused(t *testing.T) {
	n := start(t)
	for body, want := range map[string]string{
		``:                              "#",
		`[]`:                            "#",
		`{"rps":1}{}`:                   "#",
		`{}`:                            "#/rps",
		`{"rps":0}`:                     "#/rps",
		`{"rps":-1}`:                    "#/rps",
		`{"rps":10000001}`:              "#/rps",
		`{"rps":"1"}`:                   "#/rps",
		`{"rps":1,"burst":0}`:           "#/burst",
		`{"rps":1,"burst":1.5}`:         "#/burst",
		`{"rps":1,"scope":"world"}`:     "#/scope",
		`{"rps":1,"overflow":"drop"}`:   "#/overflow",
		`{"rps":1,"mode":"off"}`:        "#/mode",
		`{"rps":1,"priority":99}`:       "#/priority",
		`{"rps":1,"partition":"maybe"}`: "#/partition",
		`{"rps":1,"partition":"share"}`: "#/partition",
		`{"rps":1,"partition":"open"}`:  "#/partition",
		`{"rps":1,"segment":"b2c"}`:     "#/segment",
		`{"rps":1,"rsp":2}`:             "#/rsp",
		`{"RPS":1}`:                     "#/RPS",
		`{"rps":1,"rps":2}`:             "#/rps",
		`{"rps":null}`:                  "#/rps",
	} {
		p := n.do("PUT", "/v1/quotas/b2b", quotas, body).problem(t, 400)
		require.Equal(t, want, p.Errors[0].Pointer, body)
		require.NotEmpty(t, p.Errors[0].Detail, body)
	}
	for _, s := range []string{"B2B", "1a", "_other", "a.b", strings.Repeat("a", 65)} {
		require.Equal(t, "segment", n.do("PUT", "/v1/quotas/"+s, quotas, `{"rps":1}`).problem(t, 400).Errors[0].Parameter, s)
		n.do("GET", "/v1/quotas/"+s, "", "").problem(t, 400)
		n.do("DELETE", "/v1/quotas/"+s, quotas, "").problem(t, 400)
	}
	require.Empty(t, n.control.Records.List(quota.QuotaKey), "nothing half-applied")
}

func TestQuotaPages(t *testing.T) {
	n := start(t)
	for i := range 7 {
		require.Equal(t, 201, n.do("PUT", fmt.Sprint("/v1/quotas/s", i), quotas, `{"rps":1}`).status)
	}
	var seen []string
	for after, pages := "", 0; pages < 10; pages++ {
		target := "/v1/quotas?limit=3"
		if after != "" {
			target += "&after=" + after
		}
		var l adminapi.List[adminapi.Quota]
		n.do("GET", target, "", "").into(t, &l)
		for _, q := range l.Items {
			seen = append(seen, q.Segment)
		}
		if after = string(l.Next); after == "" {
			break
		}
	}
	require.Equal(t, "s0 s1 s2 s3 s4 s5 s6", strings.Join(seen, " "))
}

// A cursor that no page gave is refused everywhere: an empty page would be taken
// for the end.
func TestForeignCursors(t *testing.T) {
	n, _ := startDocs(t)
	n.do("POST", "/v1/docs/updates", root, trial)
	n.do("POST", "/v1/purges", purger, `{"select":{"all":true}}`)
	for path, cursors := range map[string][]string{
		"/v1/audit": {"zzz", "0", "-1", ""}, "/v1/purges": {"zzz", "local-1.0000000000000007.99", ""},
		"/v1/rollouts": {"zzz", "20261124t115728-3f7420cd", ""}, "/v1/docs": {"ZZZ", "-", ""}, "/v1/quotas": {"ZZZ", "-", ""},
	} {
		for _, after := range cursors {
			p := n.do("GET", path+"?after="+after, "", "").problem(t, 400)
			require.Equal(t, "after", p.Errors[0].Parameter, "%s %s", path, after)
		}
	}
}

// Equal spellings of a path are equal (RFC 3986 §6.2.2); what only becomes a
// route by decoding a slash is none.
func TestSpellingsOfAPath(t *testing.T) {
	n := start(t)
	require.Equal(t, 201, n.do("PUT", "/v1/quotas/%62%32b", quotas, `{"rps":1}`).status)
	require.Equal(t, 200, n.do("GET", "/v1/%71uotas/b2%62", "", "").status)
	require.Equal(t, 200, n.do("GET", "/liv%65z", "", "").status)
	require.Equal(t, 204, n.do("DELETE", "/%76%31/quotas/b2b", quotas, "").status)
	for _, target := range []string{"/v1%2fquotas/b2b", "/v1/quotas/%2e%2e/quotas", "/v1/quotas/b2b%2F", "/v1/%71uotas%2Fb2b"} {
		n.do("GET", target, "", "").problem(t, 404)
	}
	n.do("PUT", "/v1/%71uotas/b2b", "", `{"rps":1}`).problem(t, 401)
	require.Equal(t, "segment", n.do("PUT", "/v1/quotas/b%00b", quotas, `{"rps":1}`).problem(t, 400).Errors[0].Parameter)
}

func TestStoreFailuresAreTheNodes(t *testing.T) {
	n := start(t)
	n.control.Fail(errDisk)
	p := n.do("PUT", "/v1/quotas/b2b", quotas, `{"rps":1}`).problem(t, 500)
	require.NotContains(t, p.Detail, "disk full", "the log's business")
	n.do("GET", "/v1/quotas/b2b", "", "").problem(t, 404)
	n.journal.set(true, nil)
	p = n.do("POST", "/v1/purges?wait=all", purger, `{"select":{"all":true}}`).problem(t, 503)
	require.Equal(t, "the purge could not be made durable; nothing was purged", p.Detail)
	require.Equal(t, []string{"purger purge.create all failed", "quotas quota.put b2b failed"}, n.entries())
}

func TestPurge(t *testing.T) {
	n := start(t)
	a := n.do("POST", "/v1/purges", purger, `{"select":{"tags":["doc:trial","cta:trial"]}}`)
	require.Equal(t, 202, a.status)
	var accepted adminapi.PurgeAccepted
	a.into(t, &accepted)
	require.Equal(t, "local-1.0000000000000007.1", accepted.Purge)
	require.Equal(t, "/v1/purges/"+accepted.Purge, a.header.Get("Location"))
	require.Equal(t, 1, n.journal.count())

	get := n.do("GET", a.header.Get("Location"), "", "")
	require.Equal(t, 200, get.status)
	var p adminapi.Purge
	get.into(t, &p)
	require.Equal(t, accepted.Purge, p.Purge)
	require.Equal(t, "complete", p.State)
	require.Equal(t, "purger", p.By)
	require.Equal(t, []adminapi.PurgeRegion{{Region: "local", State: "complete"}}, p.Regions)
	require.Len(t, p.Nodes, 1)
	require.Equal(t, "local-1 local applied", strings.Join([]string{p.Nodes[0].ID, p.Nodes[0].Region, p.Nodes[0].State}, " "))
	require.Contains(t, get.text, `"entries":null`, "not counted yet")
	require.Contains(t, get.text, `"mode":"hard"`)

	for _, wait := range []string{"region", "all"} {
		a = n.do("POST", "/v1/purges?timeout=500ms&wait="+wait, purger, `{"select":{"segment":"b2b"},"mode":"soft","force":true}`)
		require.Equal(t, 200, a.status)
		var waited adminapi.Purge
		a.into(t, &waited)
		var got adminapi.Purge
		n.do("GET", "/v1/purges/"+waited.Purge, "", "").into(t, &got)
		require.Equal(t, got, waited, "the object of GET")
	}

	var l adminapi.List[adminapi.Purge]
	n.do("GET", "/v1/purges?limit=2", "", "").into(t, &l)
	require.Len(t, l.Items, 2)
	require.Equal(t, "local-1.0000000000000007.3", l.Items[0].Purge)
	n.do("GET", "/v1/purges?after="+string(l.Next), "", "").into(t, &l)
	require.Len(t, l.Items, 1)
	require.Equal(t, adminapi.Cursor(""), l.Next)

	for _, id := range []string{"local-1.0000000000000007.99", "x", "%20", strings.Repeat("x", 3000)} {
		n.do("GET", "/v1/purges/"+id, "", "").problem(t, 404)
	}
}

func TestDryRun(t *testing.T) {
	n := start(t)
	a := n.do("POST", "/v1/purges?wait=all", purger, `{"select":{"all":true},"dry_run":true}`)
	require.Equal(t, 200, a.status)
	require.JSONEq(t, `{"dry_run":true,"entries":3,"nodes":[{"id":"local-1","entries":3}]}`, a.text)
	require.Zero(t, n.journal.count())
}

func TestPurgesRefused(t *testing.T) {
	n := start(t)
	for body, want := range map[string]string{
		``:                         "#",
		`{}`:                       "#/select",
		`{"select":{}}`:            "#/select",
		`{"select":null}`:          "#/select",
		`{"select":"all"}`:         "#/select",
		`{"select":{"tags":[]}}`:   "#/select/tags",
		`{"select":{"all":false}}`: "#/select/all",
		`{"select":{"all":true,"segment":"b2b"}}`:       "#/select",
		`{"select":{"all":true},"dry-run":true}`:        "#/dry-run",
		`{"select":{"all":true},"mode":"purge"}`:        "#/mode",
		`{"select":{"all":true},"force":"yes"}`:         "#/force",
		`{"select":{"prefix":"/v1/segments/b2b/ctas"}}`: "#/select/prefix",
		`{"select":{"segment":"_default"}}`:             "#/select/segment",
		`{"select":{"keys":["/v1/segments/b2b//x"]}}`:   "#/select/keys/0",
	} {
		p := n.do("POST", "/v1/purges", purger, body).problem(t, 400)
		require.Equal(t, want, p.Errors[0].Pointer, "%s: %s", body, p.Detail)
	}
	require.Zero(t, n.journal.count())
}

func TestIdempotencyKey(t *testing.T) {
	n := start(t)
	purge := func(token, key, body string) answer {
		return n.do("POST", "/v1/purges", token, body, "Idempotency-Key", key)
	}
	const all, b2b = `{"select":{"all":true}}`, `{"select":{"segment":"b2b"}}`
	first := purge(purger, "k1", all)
	require.Equal(t, 202, first.status)
	require.Equal(t, first.text, purge(purger, "k1", all).text)
	require.Equal(t, 1, n.journal.count())
	p := purge(purger, "k1", b2b).problem(t, 422)
	require.Equal(t, "Idempotency-Key", p.Errors[0].Header)
	require.NotEqual(t, first.text, purge(purger, "k2", all).text)
	require.Equal(t, 202, purge(root, "k1", b2b).status, "another principal's key is another key")
	require.Equal(t, 3, n.journal.count())
	for _, key := range []string{" ", strings.Repeat("k", 256), "日"} {
		require.Equal(t, "Idempotency-Key", purge(purger, key, all).problem(t, 400).Errors[0].Header, key)
	}

	// What failed is not remembered.
	n.journal.set(true, nil)
	purge(purger, "k3", all).problem(t, 503)
	n.journal.set(false, nil)
	require.Equal(t, 202, purge(purger, "k3", all).status)
}

func TestIdempotencyKeyOfRequestsAtOnce(t *testing.T) {
	n := start(t)
	hold := make(chan struct{})
	n.journal.set(false, hold)
	var wg sync.WaitGroup
	answers := make(chan string, 8)
	for range cap(answers) {
		wg.Go(func() {
			answers <- n.do("POST", "/v1/purges", purger, `{"select":{"all":true}}`, "Idempotency-Key", "k").text
		})
	}
	close(hold)
	wg.Wait()
	first := <-answers
	require.Contains(t, first, `"purge"`)
	for range cap(answers) - 1 {
		require.Equal(t, first, <-answers)
	}
	require.Equal(t, 1, n.journal.count())
}

func TestNodesAndRegions(t *testing.T) {
	n := start(t)
	require.JSONEq(t, `{"items":[{"id":"local-1","region":"local","state":"ready","address":"127.0.0.1:1","incarnation":"0000000000000007","seen_ms":0}],"next":null}`,
		n.do("GET", "/v1/nodes", "", "").text)
	require.JSONEq(t, `{"items":[{"id":"local","nodes":1,"ready":1,"state":"ready"}],"next":null}`, n.do("GET", "/v1/regions", "", "").text)
}

func TestEveryWriteLeavesAnEntry(t *testing.T) {
	n := start(t)
	n.do("PUT", "/v1/quotas/b2b", quotas, `{"rps":200}`)
	n.do("PUT", "/v1/quotas/b2b", quotas, `{"rps":0}`)
	n.do("PUT", "/v1/quotas/b2b", purger, `{"rps":1}`)
	n.do("PUT", "/v1/quotas/b2b", "", `{"rps":1}`)
	n.do("DELETE", "/v1/quotas/b2b", quotas, "")
	n.do("POST", "/v1/purges", purger, `{"select":{"tags":["a","b"]},"mode":"soft"}`)
	n.do("POST", "/v1/purges", purger, `{"select":{}}`)
	n.do("GET", "/v1/quotas", root, "")
	require.Equal(t, []string{
		"purger purge.create  refused",
		"purger purge.create tags=a,b done",
		"quotas quota.delete b2b done",
		" quota.put b2b refused",
		"purger quota.put b2b refused",
		"quotas quota.put b2b refused",
		"quotas quota.put b2b done",
	}, n.entries())

	var l adminapi.List[adminapi.AuditEntry]
	n.do("GET", "/v1/audit?limit=3", "", "").into(t, &l)
	require.Len(t, l.Items, 3)
	require.Equal(t, "soft, purge local-1.0000000000000007.1", l.Items[1].Detail)
	require.Equal(t, adminapi.Cursor("5"), l.Next)
	n.do("GET", "/v1/audit?limit=4&after=5", "", "").into(t, &l)
	require.Len(t, l.Items, 4)
	require.Equal(t, adminapi.Cursor(""), l.Next)
	require.Equal(t, "rps=200 burst=400 scope=global overflow=reject mode=enforce priority=5 partition=strict", l.Items[3].Detail)
}

func TestExplain(t *testing.T) {
	n := start(t)
	var asked string
	key, err := cachekey.ParseText("/v1/segments/b2b/ctas/trial")
	require.NoError(t, err)
	stamp, ok := invalidation.NewMarks().Stamp(key, []string{"doc:trial"}, 0)
	require.True(t, ok)
	n.explain.fn = func(host, target string) (edge.Explanation, error) {
		asked = host + " " + target
		return edge.Explanation{
			Key: key, Route: "artifacts", Quota: "b2b", Outcome: "hit", Why: "fresh", Copies: []edge.Copy{{
				Slot: &edge.Slot{
					Art: edge.NewArtifact(200, []byte("four"), edge.Field{Name: "Etag", Value: `"x"`}), Vector: "trial=42",
					Stamp: stamp, ReceivedAt: time.Unix(0, 0),
				}, Age: 3900 * time.Millisecond, TTL: -time.Millisecond,
			}},
		}, nil
	}
	for query, want := range map[string]string{
		"url=/v1/segments/b2b/ctas/trial":                             "localhost /v1/segments/b2b/ctas/trial",
		"url=/v1/segments/b2b/ctas/trial?lang=ja&segment=b2c":         "localhost /v1/segments/b2c/ctas/trial?lang=ja",
		"url=https://example.com/a%2520b?c=d%23e":                     "example.com /a%20b?c=d",
		"url=HTTP://example.com:81":                                   "example.com:81 /",
		"url=example.com?x":                                           "example.com /?x",
		"url=http://127.0.0.1:1/v1/segments/b2b/ctas/t&segment=other": "127.0.0.1:1 /v1/segments/other/ctas/t",
	} {
		a := n.do("GET", "/v1/explain?"+query, "", "")
		require.Equal(t, 200, a.status, a.text)
		require.Equal(t, want, asked, query)
		var e adminapi.Explanation
		a.into(t, &e)
		require.True(t, e.Cached)
		require.Equal(t, int64(3), *e.Age)
		require.Equal(t, int64(-1), *e.TTL, "it is stale")
		require.Equal(t, []adminapi.StoredCopy{{
			Vector: "trial=42", Status: 200, Bytes: 4, Age: 3, TTL: -1, Purge: "valid", Tags: []string{"doc:trial", "kind:cta", "segment:b2b", "cta:trial"}, ETag: `"x"`, Received: "1970-01-01T00:00:00Z",
		}}, e.Stored)
		require.Equal(t, []string{"kind:cta", "segment:b2b", "cta:trial"}, e.Tags)
		require.Equal(t, "hit fresh b2b", strings.Join([]string{e.State, e.Why, e.Segment}, " "))
	}

	n.explain.fn = func(string, string) (edge.Explanation, error) {
		return edge.Explanation{Key: cachekey.Key{Text: "a/b"}, Route: "all", Outcome: "miss", Why: "uri-miss"}, nil
	}
	a := n.do("GET", "/v1/explain?url=http://a/b", "", "")
	require.Contains(t, a.text, `"age_seconds":null`)
	require.Contains(t, a.text, `"segment":"`+quota.Default+`"`)
	require.Contains(t, a.text, `"cached":false`)

	n.explain.fn = func(string, string) (edge.Explanation, error) {
		return edge.Explanation{}, &cachekey.Error{Status: http.StatusNotFound, Field: "path", Reason: "no route"}
	}
	for query, param := range map[string]string{
		"": "url", "url=": "url", "url=http://a/b": "url", "url=" + strings.Repeat("a", 9000): "url",
		"url=/a&segment=b2b": "segment", "url=/v1/segments/b2b&segment=b2c": "segment", "url=/v1/segments/b2b/ctas/a&segment=B2C": "segment",
	} {
		p := n.do("GET", "/v1/explain?"+query, "", "").problem(t, 400)
		require.Equal(t, param, p.Errors[0].Parameter, query)
	}
}
