package behaviour

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/docsorigin"
)

// auditEntry is a write as the API tells it.
type auditEntry struct {
	Seq                                       uint64
	At                                        time.Time
	Principal, Action, Target, Result, Detail string
}

// trail lists the latest writes, the latest first.
func (a *Admin) trail(t *testing.T) []auditEntry {
	t.Helper()
	var list struct{ Items []auditEntry }
	a.Want(t, 200, &list, "GET", "/v1/audit", "")
	return list.Items
}

// TestScopes: a write needs a token with its scope, and each attempt is on
// record, with who it was and what became of it.
func TestScopes(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	var tokens []string
	for _, scope := range []string{"read", "quotas:write", "purges:write", "debug", "admin"} {
		tokens = append(tokens, fmt.Sprintf(`{name: %q, hash: "sha256:%x", scopes: [%q]}`,
			strings.ReplaceAll(scope, ":", "-"), sha256.Sum256([]byte("the token of "+scope)), scope))
	}
	n := edged.Configured(t, docs.URL, "tokens: ["+strings.Join(tokens, ", ")+"]")
	admin := n.Administer(t)
	const quota, purge = `{"rps":100}`, `{"select":{"segment":"b2b"}}`
	for _, c := range []struct {
		token, method, path, body string
		status                    int
	}{
		{"", "PUT", "/v1/quotas/b2b", quota, 401},
		{"other", "PUT", "/v1/quotas/b2b", quota, 401},
		{"read", "PUT", "/v1/quotas/b2b", quota, 403},
		{"purges:write", "PUT", "/v1/quotas/b2b", quota, 403},
		{"quotas:write", "PUT", "/v1/quotas/b2b", quota, 201},
		{"admin", "PUT", "/v1/quotas/b2b", quota, 200},
		{"", "DELETE", "/v1/quotas/b2b", "", 401},
		{"read", "DELETE", "/v1/quotas/b2b", "", 403},
		{"quotas:write", "DELETE", "/v1/quotas/b2b", "", 204},
		{"quotas:write", "DELETE", "/v1/quotas/b2b", "", 404},
		{"", "POST", "/v1/purges", purge, 401},
		{"quotas:write", "POST", "/v1/purges", purge, 403},
		{"debug", "POST", "/v1/purges", purge, 403},
		{"purges:write", "POST", "/v1/purges", purge, 202},
		{"purges:write", "POST", "/v1/purges", `{"select":{}}`, 400},
	} {
		who := "no token"
		as := admin.As("")
		if c.token != "" {
			who, as = c.token, admin.As("the token of "+c.token)
		}
		before := len(admin.trail(t))
		got := as.Do(t, c.method, c.path, c.body)
		require.Equal(t, c.status, got.Status, "%s %s with %s: %s", c.method, c.path, who, got.Body)
		result := "done"
		if c.status >= 400 {
			result = "refused"
			got.Problem(t)
		}
		if c.status == 401 || c.status == 403 {
			require.Contains(t, got.Header.Get("WWW-Authenticate"), "Bearer ")
		}
		trail := admin.trail(t)
		require.Len(t, trail, before+1, "%s %s with %s left no audit entry, or several", c.method, c.path, who)
		require.Equal(t, result, trail[0].Result)
		require.WithinDuration(t, time.Now(), trail[0].At, time.Minute)
		if c.status != 401 {
			require.Equal(t, strings.ReplaceAll(c.token, ":", "-"), trail[0].Principal)
		}
		if strings.HasPrefix(c.path, "/v1/quotas/") {
			require.Equal(t, "b2b", trail[0].Target)
		}
		if result == "refused" {
			require.NotEmpty(t, trail[0].Detail)
		}
	}

	// Profiles tell much: loopback alone is not enough for them.
	for _, c := range []struct {
		token  string
		status int
	}{{"", 401}, {"the token of read", 403}, {"the token of debug", 200}, {"the token of admin", 200}} {
		got := admin.As(c.token).Do(t, "GET", "/debug/pprof/goroutine?debug=1", "")
		require.Equal(t, c.status, got.Status, "%q", c.token)
	}
	require.Equal(t, 401, admin.As("other").Do(t, "GET", "/v1/quotas", "").Status, "a wrong token is no better than none")
}

// TestForeignHost: a web page that makes its own name point to the admin
// listener gets nothing.
func TestForeignHost(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	n := edged.Configured(t, docs.URL, "admin: {allowed_hosts: [edge.internal]}")
	admin := n.Administer(t)
	for host, status := range map[string]int{
		"evil.example": 403, "localhost.evil.example": 403, "127.0.0.1.evil.example": 403, "192.0.2.1": 403,
		"localhost": 200, "localhost:80": 200, "127.0.0.1": 200, "[::1]:80": 200, "edge.internal": 200,
	} {
		for _, path := range []string{"/v1/quotas", "/metrics", "/openapi.json", "/"} {
			got := admin.Do(t, "GET", path, "", "Host", host)
			require.Equal(t, status, got.Status, "%s at %s", path, host)
			if status != 200 {
				got.Problem(t)
			}
		}
		require.Equal(t, 200, admin.Do(t, "GET", "/livez", "", "Host", host).Status, "probes know no names")
	}
}

// TestMetrics: what the node did is counted.
func TestMetrics(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	n := edged.Node(t, docs.URL)
	admin, r := n.Administer(t), n.Readers(t)
	for _, proto := range Protos() {
		require.Equal(t, 200, r.Get(t, proto, trial).Status)
	}
	const requests = "letteredge_requests_total"
	require.EqualValues(t, 1, admin.Metric(t, requests, `outcome="miss"`))
	require.EqualValues(t, 1, admin.Metric(t, requests, `outcome="miss"`, `proto="h1"`))
	require.EqualValues(t, 2, admin.Metric(t, requests, `outcome="hit"`))
	for _, proto := range []string{"h2", "h3"} {
		require.EqualValues(t, 1, admin.Metric(t, requests, `outcome="hit"`, `proto="`+proto+`"`))
	}
	require.EqualValues(t, 1, admin.Metric(t, "letteredge_cache_entries"))
	require.Positive(t, admin.Metric(t, "letteredge_cache_bytes"))
	require.Positive(t, admin.Metric(t, "letteredge_response_body_bytes_total", `proto="h3"`))
	require.Equal(t, 400, r.Get(t, H1, "/v1/segments//x").Status)
	require.EqualValues(t, 1, admin.Metric(t, requests, `outcome="refused"`))

	text := admin.Want(t, 200, nil, "GET", "/metrics", "")
	require.Contains(t, text.Header.Get("Content-Type"), "text/plain")
	require.NotContains(t, string(text.Body), "trial", "a label that outsiders can grow")
	require.Contains(t, string(admin.Want(t, 200, nil, "GET", "/livez", "").Body), "ok")
	require.Contains(t, string(admin.Want(t, 200, nil, "GET", "/readyz", "").Body), "ready")
}

// TestOpenAPI: everything that the document lists is there.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	admin := edged.Node(t, docs.URL).Administer(t)
	admin.Want(t, 201, nil, "PUT", "/v1/quotas/b2b", `{"rps":100}`)
	purge := admin.Purge(t, `{"segment":"b2b"}`, Hard).Purge
	admin.Want(t, 201, nil, "POST", "/v1/tokens", `{"name":"ci","scopes":["read"]}`)
	// An update that the origin does not show, and that is called off: its events
	// are an end.
	var update struct{ Rollout string }
	admin.Want(t, 202, &update, "POST", "/v1/docs/updates",
		`{"documents":[{"id":"trial","version":99,"digest":"sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}]}`)
	Until(t, "the update to be called off", func() bool {
		return admin.Do(t, "POST", "/v1/rollouts/"+update.Rollout+"/abort", "").Status/100 == 2
	})
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			OperationID string
			Responses   map[string]any
		}
	}
	r := admin.Want(t, 200, &doc, "GET", "/openapi.json", "")
	require.Equal(t, "application/json", r.Header.Get("Content-Type"))
	require.True(t, strings.HasPrefix(doc.OpenAPI, "3.1."), doc.OpenAPI)
	for _, path := range []string{"/v1/quotas", "/v1/quotas/{segment}", "/v1/purges", "/v1/purges/{id}", "/v1/nodes",
		"/v1/regions", "/v1/audit", "/v1/explain", "/metrics", "/livez", "/readyz", "/debug/pprof/"} {
		require.Contains(t, doc.Paths, path)
	}
	for path, methods := range doc.Paths {
		id := purge
		if strings.HasPrefix(path, "/v1/rollouts/") {
			id = update.Rollout
		}
		at := strings.NewReplacer("{segment}", "b2b", "{id}", id, "{name}", "ci").Replace(path)
		for method, operation := range methods {
			require.NotEmpty(t, operation.OperationID)
			require.NotEmpty(t, operation.Responses)
			got := admin.Do(t, strings.ToUpper(method), at, "")
			require.NotContains(t, []int{404, 405, 500, 501}, got.Status, "%s %s: %s", method, at, got.Body)
			if method == "delete" && strings.Contains(path, "{segment}") {
				admin.Want(t, 201, nil, "PUT", "/v1/quotas/b2b", `{"rps":100}`)
			}
		}
		got := admin.Do(t, "PATCH", at, "{}")
		require.Equal(t, 405, got.Status, "PATCH %s", at)
		require.Contains(t, got.Header.Get("Allow"), strings.ToUpper(anyKey(methods)))
		got.Problem(t)
	}
	for _, path := range []string{"/v1", "/v1/", "/v1/nothing", "/v1//quotas", "/v1/quotas/", "/v1/quotas/b2b/x"} {
		got := admin.Do(t, "GET", path, "")
		require.Equal(t, 404, got.Status, path)
		got.Problem(t)
	}
}

func anyKey[V any](m map[string]V) string {
	for k := range m {
		return k
	}
	return ""
}

// TestBadAdminInput: each is refused with a problem that names what is wrong,
// and changes nothing.
func TestBadAdminInput(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	n := edged.Node(t, docs.URL)
	admin, r := n.Administer(t), n.Readers(t)
	r.Get(t, H1, trial)
	big := `{"rps":1,"segment":"` + strings.Repeat("a", 2<<20) + `"}`
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		at                       string // a pointer, parameter or header
	}{
		{"unknown field", "PUT", "/v1/quotas/b2b", `{"rps":1,"colour":"red"}`, 400, "#/colour"},
		{"no rate", "PUT", "/v1/quotas/b2b", `{}`, 400, "#/rps"},
		{"rate of zero", "PUT", "/v1/quotas/b2b", `{"rps":0}`, 400, "#/rps"},
		{"negative rate", "PUT", "/v1/quotas/b2b", `{"rps":-1}`, 400, "#/rps"},
		{"rate too high", "PUT", "/v1/quotas/b2b", `{"rps":10000001}`, 400, "#/rps"},
		{"rate as text", "PUT", "/v1/quotas/b2b", `{"rps":"1"}`, 400, "#/rps"},
		{"burst of zero", "PUT", "/v1/quotas/b2b", `{"rps":1,"burst":0}`, 400, "#/burst"},
		{"burst with a fraction", "PUT", "/v1/quotas/b2b", `{"rps":1,"burst":1.5}`, 400, "#/burst"},
		{"unknown scope", "PUT", "/v1/quotas/b2b", `{"rps":1,"scope":"world"}`, 400, "#/scope"},
		{"unknown overflow", "PUT", "/v1/quotas/b2b", `{"rps":1,"overflow":"drop"}`, 400, "#/overflow"},
		{"unknown mode", "PUT", "/v1/quotas/b2b", `{"rps":1,"mode":"off"}`, 400, "#/mode"},
		{"unknown partition", "PUT", "/v1/quotas/b2b", `{"rps":1,"partition":"lax"}`, 400, "#/partition"},
		{"priority too high", "PUT", "/v1/quotas/b2b", `{"rps":1,"priority":99}`, 400, "#/priority"},
		{"another segment", "PUT", "/v1/quotas/b2b", `{"rps":1,"segment":"b2c"}`, 400, "#/segment"},
		{"field twice", "PUT", "/v1/quotas/b2b", `{"rps":1,"rps":2}`, 400, "#/rps"},
		{"bad segment", "PUT", "/v1/quotas/B2B", `{"rps":1}`, 400, "segment"},
		{"no body", "PUT", "/v1/quotas/b2b", ``, 400, ""},
		{"no JSON", "PUT", "/v1/quotas/b2b", `rps=1`, 400, ""},
		{"half a JSON", "PUT", "/v1/quotas/b2b", `{"rps":1`, 400, ""},
		{"two JSONs", "PUT", "/v1/quotas/b2b", `{"rps":1}{}`, 400, ""},
		{"a list", "PUT", "/v1/quotas/b2b", `[1]`, 400, ""},
		{"null", "PUT", "/v1/quotas/b2b", `null`, 400, ""},
		{"deep", "PUT", "/v1/quotas/b2b", strings.Repeat("[", 100_000), 400, ""},
		{"oversized", "PUT", "/v1/quotas/b2b", big, 413, ""},

		{"no selector", "POST", "/v1/purges", `{}`, 400, "#/select"},
		{"empty selector", "POST", "/v1/purges", `{"select":{}}`, 400, "#/select"},
		{"two kinds", "POST", "/v1/purges", `{"select":{"all":true,"host":"a"}}`, 400, "#/select"},
		{"all is false", "POST", "/v1/purges", `{"select":{"all":false}}`, 400, "#/select"},
		{"no tags", "POST", "/v1/purges", `{"select":{"tags":[]}}`, 400, "#/select"},
		{"an empty tag", "POST", "/v1/purges", `{"select":{"tags":[""]}}`, 400, "#/select/tags"},
		{"too many tags", "POST", "/v1/purges", `{"select":{"tags":["a"` + strings.Repeat(`,"a"`, 100_000) + `]}}`, 400, "#/select/tags"},
		{"unknown kind", "POST", "/v1/purges", `{"select":{"regex":".*"}}`, 400, "#/select"},
		{"a bad segment", "POST", "/v1/purges", `{"select":{"segment":"B2B"}}`, 400, "#/select/segment"},
		{"an open prefix", "POST", "/v1/purges", `{"select":{"prefix":"/v1/segments/b2b"}}`, 400, "#/select/prefix"},
		{"unknown field of a purge", "POST", "/v1/purges", `{"select":{"all":true},"modus":"soft"}`, 400, "#/modus"},
		{"unknown mode of a purge", "POST", "/v1/purges", `{"select":{"all":true},"mode":"gentle"}`, 400, "#/mode"},
		{"bad wait", "POST", "/v1/purges?wait=ever", `{"select":{"all":true}}`, 400, "wait"},
		{"bad timeout", "POST", "/v1/purges?wait=all&timeout=2", `{"select":{"all":true}}`, 400, "timeout"},
		{"timeout too long", "POST", "/v1/purges?wait=all&timeout=31s", `{"select":{"all":true}}`, 400, "timeout"},
		{"unknown parameter", "POST", "/v1/purges?wiat=all", `{"select":{"all":true}}`, 400, "wiat"},
		{"oversized purge", "POST", "/v1/purges", `{"select":{"host":"` + strings.Repeat("a", 2<<20) + `"}}`, 413, ""},

		{"bad limit", "GET", "/v1/audit?limit=0", ``, 400, "limit"},
		{"bad cursor", "GET", "/v1/audit?after=x", ``, 400, "after"},
		{"no URL to explain", "GET", "/v1/explain", ``, 400, "url"},
		{"a bad URL to explain", "GET", "/v1/explain?url=%25zz", ``, 400, "url"},
		{"no such purge", "GET", "/v1/purges/a.1.1", ``, 404, ""},
		{"no such quota", "GET", "/v1/quotas/absent", ``, 404, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := admin.trail(t)
			got := admin.Do(t, c.method, c.path, c.body)
			require.Equal(t, c.status, got.Status, "%s", got.Body)
			p := got.Problem(t)
			require.Less(t, len(got.Body), 4<<10, "the answer repeats what it got")
			if c.at != "" {
				require.Len(t, p.Errors, 1, "%s", got.Body)
				e := p.Errors[0]
				require.True(t, strings.HasPrefix(e.Pointer+e.Parameter+e.Header, c.at), "names %+v, not %s", e, c.at)
				require.NotEmpty(t, e.Detail)
			}
			if c.method == "GET" {
				return
			}
			after := admin.trail(t)
			require.Greater(t, after[0].Seq, uint64(0))
			if len(before) > 0 {
				require.Equal(t, before[0].Seq+1, after[0].Seq)
			}
			require.Equal(t, "refused", after[0].Result)
		})
	}
	require.Equal(t, 404, admin.Do(t, "GET", "/v1/quotas/b2b", "").Status, "a quota was half applied")
	require.True(t, r.Get(t, H1, trial).Hit(), "a purge was half applied")
	require.Equal(t, 415, admin.Do(t, "PUT", "/v1/quotas/b2b", `{"rps":1}`, "Content-Type", "text/plain").Status)
}

// TestListsPage walks every list, two items at a time.
func TestListsPage(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	admin := edged.Node(t, docs.URL).Administer(t)
	segments := []string{"alpha", "b2b", "beta", "gamma", "omega"}
	for _, s := range segments {
		admin.Want(t, 201, nil, "PUT", "/v1/quotas/"+s, `{"rps":10}`)
		admin.Purge(t, `{"segment":"`+s+`"}`, Hard)
	}
	for path, total := range map[string]int{"/v1/quotas": 5, "/v1/purges": 5, "/v1/audit": 10} {
		var seen []string
		for at, pages := path+"?limit=2", 0; at != ""; pages++ {
			require.Less(t, pages, 20, "%s has no end", path)
			var list struct {
				Items []json.RawMessage
				Next  *string
			}
			body := admin.Want(t, 200, &list, "GET", at, "")
			require.Contains(t, string(body.Body), `"next":`)
			require.LessOrEqual(t, len(list.Items), 2)
			for _, item := range list.Items {
				require.NotContains(t, seen, string(item), "%s lists it twice", path)
				seen = append(seen, string(item))
			}
			if at = ""; list.Next != nil {
				at = path + "?limit=2&after=" + *list.Next
			}
		}
		require.Len(t, seen, total, path)
	}
}

// TestMalformedHTTP: what is no HTTP, or could mean two things, is refused, and
// nothing after it on the connection is taken for a request.
func TestMalformedHTTP(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	origin := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		// A request may be under way to the origin before its content turns out bad.
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			asked.Add(1)
		}
	}))
	t.Cleanup(origin.Close)
	n := edged.Node(t, origin.URL)
	for _, c := range []struct {
		name, request string
		statuses      []int
	}{
		{"no request", "NONSENSE\r\n\r\n", []int{400}},
		{"control characters", "\x00\x01\x02\x03\r\n\r\n", []int{400}},
		{"no Host", "GET /a HTTP/1.1\r\n\r\n", []int{400}},
		{"two Hosts", "GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", []int{400}},
		{"unknown version", "GET /a HTTP/7.3\r\nHost: a\r\n\r\n", []int{400, 505}},
		{"no colon", "GET /a HTTP/1.1\r\nHost: a\r\nNonsense\r\n\r\n", []int{400}},
		{"space before the colon", "GET /a HTTP/1.1\r\nHost : a\r\n\r\n", []int{400}},
		{"folded line", "GET /a HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", []int{400}},
		{"NUL in a value", "GET /a HTTP/1.1\r\nHost: a\r\nX: b\x00c\r\n\r\n", []int{400}},
		{"space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", []int{400}},
		{"two lengths", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", []int{400}},
		{"length and chunks", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []int{400}},
		{"negative length", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", []int{400}},
		{"length with a sign", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx", []int{400}},
		{"unknown coding", "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", []int{400, 501}},
		{"bad chunk", "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n0\r\n\r\n", []int{400}},
		{"fields too long", "GET /a HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", []int{431}},
		{"TLS to the plain port", "\x16\x03\x01\x00\xf4\x01\x00\x00\xf0\x03\x03\r\n\r\n", []int{0, 400}},
		{"HTTP/2 to the plain port", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", []int{0, 400, 505}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := asked.Load()
			status, rest := raw(t, n, c.request+"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
			require.Contains(t, c.statuses, status, rest)
			require.NotContains(t, rest, "HTTP/1.1", "what followed was answered")
			require.Equal(t, before, asked.Load(), "the origin got a whole request")
		})
	}
	r := n.Readers(t)
	for _, proto := range Protos() {
		require.Equal(t, 414, r.Get(t, proto, "/"+strings.Repeat("x", 9<<10)).Status, proto)
		require.Equal(t, 200, r.Get(t, proto, "/well").Status, proto)
	}
}

// raw sends bytes and returns the status of the first answer, 0 for none, and
// all that comes after it until the node closes the connection.
func raw(t *testing.T, n *Node, request string) (int, string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(n.HTTP, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	go func() { _, _ = io.WriteString(conn, request) }() // the node may close before it has read all
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		var late net.Error
		require.False(t, errors.As(err, &late) && late.Timeout(), "neither answered nor closed")
		return 0, ""
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	if len(body) > 0 {
		problemOf(t, &Reply{res.StatusCode, res.Header, body})
	}
	rest, err := io.ReadAll(r)
	var late net.Error
	require.False(t, errors.As(err, &late) && late.Timeout(), "the connection stayed open after a %d", res.StatusCode)
	return res.StatusCode, string(rest)
}
