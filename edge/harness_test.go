package edge_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/cache"
	"github.com/letteros/letteredge/edge/edgetest"
	"github.com/letteros/letteredge/edge/freshness"
	"github.com/letteros/letteredge/invalidation"
	"github.com/letteros/letteredge/quota"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// upstream is a fake: a function, and a count of how often it was asked. Answers that
// say no time have come when the test began.
type upstream struct {
	began time.Time
	mu    sync.Mutex
	fetch func(ctx context.Context, f *edge.Fetch) (*edge.Answer, error)
	n     atomic.Int64
}

func (u *upstream) Fetch(ctx context.Context, f *edge.Fetch) (*edge.Answer, error) {
	u.n.Add(1)
	u.mu.Lock()
	fetch := u.fetch
	u.mu.Unlock()
	a, err := fetch(ctx, f)
	if a != nil && a.RequestAt.IsZero() {
		a.RequestAt, a.ResponseAt = u.began, u.began
	}
	return a, err
}

func (u *upstream) set(fetch func(ctx context.Context, f *edge.Fetch) (*edge.Answer, error)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.fetch = fetch
}

// answer makes an answer from "Name: value" lines and a body.
func answer(status int, body string, lines ...string) *edge.Answer {
	a := &edge.Answer{Status: status, Body: io.NopCloser(strings.NewReader(body)), Length: int64(len(body))}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		a.Fields = append(a.Fields, edge.Field{Name: http.CanonicalHeaderKey(name), Value: value})
	}
	return a
}

// dated is an answer of this moment, for who is no upstream.
func dated(a *edge.Answer) *edge.Answer {
	a.RequestAt = time.Now()
	a.ResponseAt = a.RequestAt
	return a
}

// artifactOf is what a sound docs origin answers for a key.
func artifactOf(key cachekey.Key, version int, extra ...string) *edge.Answer {
	cta := fmt.Sprintf(`"cta":%q,`, key.CTA)
	if key.Kind == cachekey.Campaign {
		cta = ""
	}
	body := fmt.Sprintf(`{"kind":%q,"segment":%q,%s"id":%q,"lang":"en","title":"t","html":"<p>%s v%d</p>","proof_ids":[],"documents":{%q:%d}}`,
		key.Kind, key.Segment, cta, key.ID, key.Segment, version, key.ID, version)
	return answer(200, body, append([]string{
		"Content-Type: application/json", "Cache-Control: public, max-age=60",
		fmt.Sprintf("Docs-Version: %s=%d", key.ID, version)}, extra...)...)
}

// node is a core with everything real around it but the upstream and the clock, which
// stands still: however slow a machine is, nothing is older than a test makes it.
type node struct {
	t     testing.TB
	core  *edge.Core
	marks *invalidation.Marks
	gate  *quota.Gate
	cache *cache.Cache
	up    *upstream
	skew  atomic.Int64 // added to the clock
}

func (n *node) now() time.Time { return n.up.began.Add(time.Duration(n.skew.Load())) }

func newNode(t testing.TB, change ...func(*edge.Config, *edge.Deps)) *node {
	t.Helper()
	n := &node{t: t, marks: invalidation.NewMarks(), up: &upstream{began: time.Now()}}
	n.gate = quota.NewGate(n.now)
	store, err := cache.New(cache.Config{MaxBytes: 64 << 20})
	require.NoError(t, err)
	n.cache = store
	keyer, err := cachekey.NewKeyer([]cachekey.Pattern{{Query: cachekey.QueryRule{Names: []string{"*"}}}})
	require.NoError(t, err)
	policy := freshness.Policy{DefaultSIE: time.Hour}
	cfg := edge.Config{
		Node: "test-1", Keyer: keyer,
		Routes:    []edge.Route{{Name: "all", Upstream: n.up, Policy: policy}},
		Artifacts: edge.Route{Name: "artifacts", Upstream: n.up, Policy: policy},
	}
	deps := edge.Deps{Store: store, Marks: n.marks, Gate: n.gate, Targets: edge.Unmanaged{}, Now: n.now}
	for _, c := range change {
		c(&cfg, &deps)
	}
	n.core, err = edge.New(cfg, deps)
	require.NoError(t, err)
	t.Cleanup(func() {
		n.core.Close()
		n.cache.Close()
	})
	return n
}

// header is a request's field lines.
type header http.Header

func (h header) Get(name string) string { return http.Header(h).Get(name) }
func (h header) Each(name string, yield func(string) bool) {
	for _, v := range h[name] {
		if !yield(v) {
			return
		}
	}
}
func (h header) Has(name string) bool        { return len(h[name]) > 0 }
func (h header) Combined(name string) string { return strings.Join(h[name], ", ") }
func (h header) All(yield func(name, value string) bool) {
	for name, values := range h {
		for _, v := range values {
			if !yield(name, v) {
				return
			}
		}
	}
}

func fields(lines ...string) header {
	h := header{}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		http.Header(h).Add(name, value)
	}
	return h
}

// response is a reply that owns its memory.
type response struct {
	status int
	header http.Header
	body   string
}

func (n *node) get(target string, lines ...string) response {
	return n.do(context.Background(), "GET", target, lines...)
}

// do sends a request through the transport that overwrites the request's memory
// once it has been served: what the core kept without cloning shows as garbage.
func (n *node) do(ctx context.Context, method, target string, lines ...string) response {
	req := edgetest.Request{Method: method, Target: target}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		req.Header = append(req.Header, edge.Field{Name: name, Value: value})
	}
	got := edgetest.DoAt(ctx, n.core, req, n.now())
	require.NoError(n.t, got.Err)
	r := response{status: got.Status, header: http.Header{}, body: string(got.Body)}
	for _, f := range got.Fields {
		r.header[f.Name] = append(r.header[f.Name], f.Value)
	}
	return r
}

func (r response) cacheStatus() string { return r.header.Get("Cache-Status") }

// eventually waits for a condition with a generous deadline.
func eventually(t testing.TB, cond func() bool, what string) {
	t.Helper()
	require.Eventually(t, cond, 20*time.Second, time.Millisecond, what)
}
