package behaviour

import (
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/dunglas/httpsfv"
	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/docsorigin"
)

const otherTrial = "/v1/segments/b2c/ctas/trial"

// TestQuota: over all protocols together no more than rate × time + burst is
// admitted, and not much less; what is refused says why and for how long; other
// segments notice nothing.
func TestQuota(t *testing.T) {
	t.Parallel()
	const rate, burst = 100, 40
	docs := NewDocs(t, docsorigin.Options{})
	n := edged.Node(t, docs.URL)
	admin := n.Administer(t)
	clients := n.Readers(t)
	clients.Get(t, H1, trial)
	clients.Get(t, H1, otherTrial)
	var quota struct {
		Burst       int
		EffectiveAt time.Time `json:"effective_at"`
	}
	admin.Want(t, http.StatusCreated, &quota, "PUT", "/v1/quotas/b2b", `{"rps":100,"burst":40}`)
	require.Equal(t, burst, quota.Burst)
	require.WithinDuration(t, time.Now(), quota.EffectiveAt, time.Minute)
	Until(t, "the quota to be in force", func() bool { return !time.Now().Before(quota.EffectiveAt) })

	var mu sync.Mutex // guards what follows
	admitted, refused, others, waits := map[Proto]int{}, map[Proto]int{}, 0, map[string]bool{}
	begin := time.Now()
	end := begin.Add(2 * time.Second)
	var all sync.WaitGroup
	for i := range 9 {
		proto := Protos()[i%3]
		all.Go(func() {
			for time.Now().Before(end) {
				ask := Ask{Target: trial}
				if i == 0 {
					ask.Method = "HEAD"
				}
				got, err := clients.Do(t.Context(), proto, ask)
				if err != nil {
					t.Error(err)
					return
				}
				governed(t, got, rate, burst)
				other := clients.try(t, proto, otherTrial)
				mu.Lock()
				if other.Status == 200 && other.Header.Get("RateLimit") == "" && other.Header.Get("RateLimit-Policy") == "" {
					others++
				} else {
					t.Errorf("a segment without a quota: %d %v", other.Status, other.Header)
				}
				if got.Status == http.StatusTooManyRequests {
					refused[proto]++
					waits[got.Header.Get("Retry-After")] = true
				} else {
					admitted[proto]++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	took := time.Since(begin).Seconds()
	sum := admitted[H1] + admitted[H2] + admitted[H3]
	t.Logf("in %.3f s admitted %v, refused %v, of others %d", took, admitted, refused, others)
	require.LessOrEqual(t, float64(sum), rate*took+burst)
	require.Greater(t, float64(sum), rate*took/2)
	for _, proto := range Protos() {
		require.Positive(t, refused[proto], proto)
	}
	require.Greater(t, len(waits), 1, "Retry-After is jittered: %v", waits)

	admin.Want(t, http.StatusNoContent, nil, "DELETE", "/v1/quotas/b2b", "")
	free := clients.Get(t, H2, trial)
	require.Equal(t, 200, free.Status)
	require.Empty(t, free.Header.Get("RateLimit"))
}

// governed holds an answer to the fields that a quota gives it.
func governed(t *testing.T, r *Reply, rate, burst int64) {
	policy, err := httpsfv.UnmarshalList(r.Header.Values("RateLimit-Policy"))
	limit, err2 := httpsfv.UnmarshalList(r.Header.Values("RateLimit"))
	if err != nil || err2 != nil || len(policy) != 1 || len(limit) != 1 {
		t.Errorf("RateLimit fields of a %d: %v", r.Status, r.Header)
		return
	}
	param := func(m httpsfv.Member, name string) int64 {
		item, _ := m.(httpsfv.Item)
		if item.Value != "b2b" {
			t.Errorf("RateLimit is about %v", item.Value)
			return -1
		}
		v, _ := item.Params.Get(name)
		n, isInt := v.(int64)
		if !isInt {
			t.Errorf("%s is %v", name, v)
		}
		return n
	}
	if q, w := param(policy[0], "q"), param(policy[0], "w"); q != rate*w {
		t.Errorf("RateLimit-Policy: %d in %d s", q, w)
	}
	if left := param(limit[0], "r"); left < 0 || left > burst || r.Status == http.StatusTooManyRequests && left > 0 {
		t.Errorf("a %d with %d left", r.Status, left)
	}
	switch r.Status {
	case http.StatusOK:
	case http.StatusTooManyRequests:
		after, err := strconv.Atoi(r.Header.Get("Retry-After"))
		if err != nil || after < 1 {
			t.Errorf("Retry-After: %q", r.Header.Get("Retry-After"))
		}
		if r.Header.Get("Content-Type") != "application/problem+json" || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("a 429 with %v", r.Header)
		}
		if len(r.Body) > 0 {
			problemOf(t, r)
		}
	default:
		t.Errorf("status %d: %s", r.Status, r.Body)
	}
}

// TestOverflow: what happens to requests over the quota is the quota's to say.
func TestOverflow(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	n := edged.Node(t, docs.URL)
	r, admin := n.Readers(t), n.Administer(t)
	const cold = "/v1/segments/b2b/ctas/demo"
	require.Equal(t, 200, r.Get(t, H1, trial).Status)

	t.Run("reject", func(t *testing.T) {
		admin.Want(t, http.StatusCreated, nil, "PUT", "/v1/quotas/b2b", `{"rps":0.01,"burst":1}`)
		for _, proto := range Protos() { // a limiter starts empty
			got := r.Get(t, proto, trial)
			require.Equal(t, http.StatusTooManyRequests, got.Status)
			require.Contains(t, got.Problem(t).Detail, "b2b")
			require.Equal(t, http.StatusTooManyRequests, r.Get(t, proto, trial, "If-None-Match", "*").Status)
		}
	})
	for _, overflow := range []string{"stale", "degrade"} {
		t.Run(overflow, func(t *testing.T) {
			admin.Want(t, http.StatusOK, nil, "PUT", "/v1/quotas/b2b", `{"rps":0.01,"burst":1,"overflow":"`+overflow+`"}`)
			for _, proto := range Protos() {
				got := r.Get(t, proto, trial)
				require.Equal(t, 200, got.Status, "a permitted copy exists")
				require.NotEmpty(t, got.Header.Get("RateLimit"))
				require.Equal(t, http.StatusTooManyRequests, r.Get(t, proto, cold).Status)
			}
			require.Zero(t, docs.Fetches(cold), "the origin notices nothing of it")
		})
	}
	t.Run("shadow", func(t *testing.T) {
		admin.Want(t, http.StatusOK, nil, "PUT", "/v1/quotas/b2b", `{"rps":0.01,"burst":1,"mode":"shadow"}`)
		for i := range 30 {
			require.Equal(t, 200, r.Get(t, Protos()[i%3], trial).Status)
		}
		require.GreaterOrEqual(t, admin.Metric(t, "letteredge_quota_requests_total", `segment="b2b"`, `decision="shadow_refused"`), 25.0)
	})
	t.Run("default", func(t *testing.T) {
		require.Empty(t, r.Get(t, H1, otherTrial).Header.Get("RateLimit"))
		admin.Want(t, http.StatusCreated, nil, "PUT", "/v1/quotas/_default", `{"rps":0.01,"burst":1}`)
		var got *Reply
		Until(t, "a request to be refused", func() bool {
			got = r.Get(t, H3, "/any/other/path")
			return got.Status == http.StatusTooManyRequests
		})
		require.Contains(t, got.Header.Get("RateLimit"), `"_default"`)
		require.Empty(t, r.Get(t, H1, otherTrial).Header.Get("RateLimit"), "it is for what has no segment")
		require.Contains(t, r.Get(t, H2, trial).Header.Get("RateLimit"), `"b2b"`)
	})
}
