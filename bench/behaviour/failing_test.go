package behaviour

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/docsorigin"
)

// TestStaleRatherThanAnError: where the origin is gone, what is cached goes on
// being served, marked, and what is not gets a problem.
func TestStaleRatherThanAnError(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	n := edged.Node(t, docs.URL)
	r, admin := n.Readers(t), n.Administer(t)
	cached := []string{trial, trialP1, trial + "/summary", "/v1/segments/b2b/campaigns/spring-launch"}
	was := map[string]string{}
	for _, path := range cached {
		was[path] = string(r.Get(t, H1, path).Body)
	}
	docs.CloseClientConnections()
	docs.Server.Close()
	admin.Purge(t, `{"all":true}`, Soft)
	for _, path := range cached {
		for _, proto := range Protos() {
			Until(t, "the node to notice", func() bool {
				got := r.Get(t, proto, path)
				require.Equal(t, 200, got.Status, "%s: %s", path, got.Body)
				require.Equal(t, was[path], string(got.Body))
				require.Negative(t, got.CacheParam("ttl"), got.Header["Cache-Status"])
				return got.Header.Get("Edge-Degraded") == "stale"
			})
		}
	}
	for _, path := range []string{"/v1/segments/b2b/ctas/demo", "/v1/segments/b2b/ctas/demo/summary", "/elsewhere"} {
		for _, proto := range Protos() {
			got := r.Get(t, proto, path)
			require.Equal(t, 502, got.Status, path)
			require.Equal(t, "no-store", got.Header.Get("Cache-Control"))
			got.Problem(t)
		}
	}
}

// TestExpiredIsServedWhereTheOriginFails: by stale-if-error, also for a 500, and
// not where the origin said must-revalidate.
func TestExpiredIsServedWhereTheOriginFails(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		control := "max-age=1, stale-if-error=600"
		if r.URL.Path == "/strict" {
			control += ", must-revalidate"
		}
		w.Header().Set("Cache-Control", control)
		fmt.Fprint(w, "content of ", r.URL.Path)
	}))
	t.Cleanup(origin.Close)
	n := edged.Node(t, origin.URL)
	r := n.Readers(t)
	get := func(proto Proto, target string) *Reply { return r.Get(t, proto, target, "Host", "app.example") }
	require.Equal(t, 200, get(H1, "/strict").Status)
	require.Equal(t, 200, get(H1, "/lenient").Status)
	broken.Store(true)
	for _, proto := range Protos() {
		Until(t, "it to expire", func() bool {
			got := get(proto, "/lenient")
			require.Equal(t, 200, got.Status)
			require.Equal(t, "content of /lenient", string(got.Body))
			ttl, _ := got.CacheParam("ttl").(int64)
			if ttl >= 0 {
				return false
			}
			require.Equal(t, "stale", got.Header.Get("Edge-Degraded"), got.Header)
			return true
		})
		Until(t, "the strict one to expire", func() bool { // a Date of whole seconds makes either the older one
			got := get(proto, "/strict")
			if got.Status >= 500 {
				return true
			}
			ttl, _ := got.CacheParam("ttl").(int64)
			require.GreaterOrEqual(t, ttl, int64(0), got.Header)
			return false
		})
	}
}

// TestOriginThatDoesNotAnswer in time is a 504, and one that speaks no HTTP a
// 502.
func TestOriginThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(slow.Close)
	nonsense, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = nonsense.Close() })
	go func() {
		for {
			c, err := nonsense.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("220 mail.example ESMTP\r\n")) // what comes of it is the test
			_ = c.Close()
		}
	}()
	n := edged.Configured(t, "", fmt.Sprintf(`
origins:
  - {name: origin, url: %q, timeouts: {header: 200ms}}
  - {name: nonsense, url: "http://%s"}
routes:
  - {name: nonsense, path: /nonsense, origin: nonsense}
  - {name: all, origin: origin}
`, slow.URL, nonsense.Addr()))
	r := n.Readers(t)
	for target, status := range map[string]int{trial: 504, "/": 504, "/nonsense": 502} {
		for _, proto := range Protos() {
			got := r.Get(t, proto, target)
			require.Equal(t, status, got.Status, "%s: %s", target, got.Body)
			got.Problem(t)
		}
	}
}

// TestWrongArtifactsReachNobody: a 200 that is not the artifact asked for is not
// stored, replaces nothing, and no reader sees it.
func TestWrongArtifactsReachNobody(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	n := edged.Node(t, docs.URL)
	r, admin := n.Readers(t), n.Administer(t)
	other := docs.Direct("/v1/segments/b2c/ctas/trial", "", "").Body
	otherID := docs.Direct("/v1/segments/b2b/ctas/demo", "", "").Body
	for name, fault := range map[string]docsorigin.Fault{
		"a page":                {Body: []byte("<html>WRONG</html>"), Header: http.Header{"Content-Type": {"text/html"}}},
		"a page that says JSON": {Body: []byte("<html>WRONG</html>")},
		"another segment's":     {Body: other},
		"another CTA's":         {Body: otherID},
		"without Docs-Version":  {Header: http.Header{"Docs-Version": nil}},
		"a wrong Docs-Version":  {Header: http.Header{"Docs-Version": {"trial=1"}}},
		"a bad Docs-Version":    {Header: http.Header{"Docs-Version": {"trial"}}},
		"an empty object":       {Body: []byte("{}")},
		"two values":            {Body: append(docs.Direct(trial, "", "").Body, []byte(`{"x":1}`)...)},
		"nothing":               {Body: []byte{}},
		"half of it":            {Body: docs.Direct(trial, "", "").Body[:100]},
	} {
		t.Run(name, func(t *testing.T) {
			wrong := func(got *Reply) {
				t.Helper()
				require.Equal(t, 502, got.Status, "%s", got.Body)
				require.NotContains(t, got.Problem(t).Detail, "WRONG")
			}
			admin.Purge(t, `{"all":true}`, Hard)
			docs.Faults.Set(trial, fault)
			for _, proto := range Protos() {
				wrong(r.Get(t, proto, trial))
				wrong(r.Get(t, proto, trial+"/summary"))
			}
			docs.Faults.Reset()
			good := r.Get(t, H1, trial)
			require.Equal(t, 200, good.Status)
			require.False(t, good.Hit(), "nothing wrong was kept")

			docs.Faults.Set(trial, fault)
			version := docs.Raise(t, "trial")
			admin.Purge(t, `{"tags":["doc:trial"]}`, Soft)
			Until(t, "the refresh to fail", func() bool {
				got := r.Get(t, H2, trial)
				require.Equal(t, string(good.Body), string(got.Body), "the former copy")
				return got.Header.Get("Edge-Degraded") == "stale"
			})
			admin.Purge(t, `{"tags":["doc:trial"]}`, Hard)
			wrong(r.Get(t, H3, trial))
			docs.Faults.Reset()
			require.Equal(t, version, edition(t, r.Get(t, H3, trial)))
		})
	}
}

// TestWhatSomeNodeHas: with a dead origin, what one node of six has is shown by
// all, and what nobody has is an error.
func TestWhatSomeNodeHas(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	demo := edged.Demo(t, "--origin", docs.URL)
	allReady(t, demo)
	has := demo.Nodes[5].Readers(t).Get(t, H1, trial)
	require.Equal(t, http.StatusOK, has.Status)
	docs.Faults.Set(docsorigin.EveryPath, docsorigin.Fault{Abort: true})
	for i, n := range demo.Nodes {
		r := n.Readers(t).Get(t, Protos()[i%3], trial)
		require.Equal(t, http.StatusOK, r.Status, "%s: %s", n.ID, r.Body)
		require.Equal(t, string(has.Body), string(r.Body), n.ID)
		require.Equal(t, has.Header.Get("ETag"), r.Header.Get("ETag"), n.ID)
		require.Equal(t, http.StatusBadGateway, n.Readers(t).Get(t, H2, "/v1/segments/b2b/ctas/demo").Status, n.ID)
	}
}
