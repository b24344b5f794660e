package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/invalidation"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve answers every request by h and returns a client of that.
func serve(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	c, err := New(s.URL, "s3cret", nil)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close(); s.Close() })
	return c
}

func answer(w http.ResponseWriter, status int, mediaType, body string) {
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(status)
	io.WriteString(w, body)
}

// Every method sends what the API takes, in one line each.
func TestRequests(t *testing.T) {
	var seen []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		require.Equal(t, "Bearer s3cret", r.Header.Get("Authorization"))
		line := r.Method + " " + r.RequestURI
		for _, name := range []string{"If-Match", "Idempotency-Key", "Content-Type"} {
			if v := r.Header.Get(name); v != "" {
				line += " " + name + "=" + v
			}
		}
		seen = append(seen, strings.TrimSpace(line+" "+string(body)))
		w.Header().Set("ETag", `"1"`)
		answer(w, 200, "application/json", `{"purge":"p","items":[]}`)
	})
	ctx := t.Context()
	must := func(err error) { t.Helper(); require.NoError(t, err) }
	_, err := c.Quotas(ctx)
	must(err)
	_, etag, err := c.Quota(ctx, "b2b")
	must(err)
	require.Equal(t, `"1"`, etag)
	_, _, err = c.PutQuota(ctx, "b2b", adminapi.QuotaSpec{RPS: 200, Scope: "node"}, `"1"`)
	must(err)
	must(c.DeleteQuota(ctx, "b2b/../x", ""))
	sel := cachekey.Selector{Tags: []string{"a"}}
	_, err = c.Purge(ctx, adminapi.PurgeRequest{Select: sel, Mode: invalidation.ModeSoft, DryRun: true},
		PurgeOptions{Wait: adminapi.WaitAll, Timeout: 1500 * time.Millisecond, IdempotencyKey: "k"})
	must(err)
	_, err = c.DryRun(ctx, adminapi.PurgeRequest{Select: sel})
	must(err)
	_, err = c.PurgeByID(ctx, "a.1.2")
	must(err)
	_, err = c.Nodes(ctx)
	must(err)
	_, err = c.Regions(ctx)
	must(err)
	_, err = c.Audit(ctx, 7)
	must(err)
	_, err = c.Explain(ctx, "http://a/b?c&d", "b2b")
	must(err)
	require.Equal(t, []string{
		`GET /v1/quotas`,
		`GET /v1/quotas/b2b`,
		`PUT /v1/quotas/b2b If-Match="1" Content-Type=application/json {"rps":200,"scope":"node"}`,
		`DELETE /v1/quotas/b2b%2F..%2Fx`,
		`POST /v1/purges?timeout=1.5s&wait=all Idempotency-Key=k Content-Type=application/json {"select":{"tags":["a"]},"mode":"soft"}`,
		`POST /v1/purges Content-Type=application/json {"select":{"tags":["a"]},"dry_run":true}`,
		`GET /v1/purges/a.1.2`,
		`GET /v1/nodes`,
		`GET /v1/regions`,
		`GET /v1/audit?limit=7`,
		`GET /v1/explain?segment=b2b&url=http%3A%2F%2Fa%2Fb%3Fc%26d`,
	}, seen)
}

func TestPages(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		after := len(r.URL.Query().Get("after"))
		limit := 2
		if l := r.URL.Query().Get("limit"); l == "1" {
			limit = 1
		}
		page := adminapi.List[adminapi.AuditEntry]{}
		for i := after; i < min(5, after+limit); i++ {
			page.Items = append(page.Items, adminapi.AuditEntry{Seq: uint64(i)})
		}
		if after+limit < 5 {
			page.Next = adminapi.Cursor(strings.Repeat("x", after+limit))
		}
		text, _ := json.Marshal(page)
		answer(w, 200, "application/json", string(text))
	})
	for most, want := range map[int]int{0: 5, 1: 1, 3: 3, 5: 5, 9: 5} {
		items, err := c.Audit(t.Context(), most)
		require.NoError(t, err)
		require.Len(t, items, want, most)
	}
}

func TestPagesThatDoNotEnd(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, "application/json", `{"items":[{}],"next":"x"}`)
	})
	_, err := c.Quotas(t.Context())
	require.ErrorContains(t, err, "do not end")
}

func TestRefused(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 422, "application/problem+json; charset=utf-8", `{"type":"about:blank","title":"Unprocessable Entity","status":422,"detail":"no"}`)
	})
	_, err := c.Purge(t.Context(), adminapi.PurgeRequest{}, PurgeOptions{})
	var refused *RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, 422, refused.Problem.Status)
	require.EqualError(t, err, "no (422 Unprocessable Entity)")
}

func TestPartial(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 504, "application/json", `{"purge":"p","state":"partial","select":{"all":true},"mode":"hard","nodes":[{"id":"a","state":"applied"},{"id":"b","state":"unreachable"},{"id":"c","state":"pending"}]}`)
	})
	p, err := c.Purge(t.Context(), adminapi.PurgeRequest{}, PurgeOptions{})
	var partial *PartialError
	require.ErrorAs(t, err, &partial)
	require.Equal(t, p, partial.Purge)
	require.EqualError(t, err, "purge p is partial; without a receipt: b (unreachable) c (pending)")
}

func TestUnreachable(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"a web server":      func(w http.ResponseWriter, _ *http.Request) { answer(w, 404, "text/html", "<h1>") },
		"a wrong problem":   func(w http.ResponseWriter, _ *http.Request) { answer(w, 404, adminapi.ProblemType, `{"status":500}`) },
		"no JSON":           func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, "application/json", "<h1>") },
		"a redirect":        func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"one that hangs up": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"a cut answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			fmt.Fprint(w, "{")
		},
	} {
		c := serve(t, h)
		var unreachable *UnreachableError
		_, err := c.Nodes(t.Context())
		require.ErrorAs(t, err, &unreachable, name)
		require.Equal(t, c.Admin(), unreachable.Admin)
		_, err = c.Purge(t.Context(), adminapi.PurgeRequest{}, PurgeOptions{})
		require.ErrorAs(t, err, &unreachable, name)
	}
}

func TestTheContextBoundsACall(t *testing.T) {
	release := make(chan struct{})
	c := serve(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := c.Nodes(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"127.0.0.1:8081": "http://127.0.0.1:8081", "http://a:1/": "http://a:1", "https://edge.example.com": "https://edge.example.com",
		"localhost:1": "http://localhost:1",
	} {
		c, err := New(text, "", nil)
		require.NoError(t, err, text)
		require.Equal(t, want, c.Admin())
	}
	for _, text := range []string{"", "ftp://a", "http://", "http://a/b", "http://a?b", "http://u@a", "http://a#b", "a b"} {
		_, err := New(text, "", nil)
		require.Error(t, err, text)
	}
	_, err := New("a", "s3cret\n", nil)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "s3cret")
}
