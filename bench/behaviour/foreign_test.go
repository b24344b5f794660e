package behaviour

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/docsorigin"
)

// foreignTimeout bounds one run of a program that is not ours.
const foreignTimeout = 40 * time.Second

// program finds the first of these programs. Where there is none the test is
// skipped, or fails where LETTEREDGE_REQUIRE_ALL is 1.
func program(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing := fmt.Sprintf("none of these programs is installed: %s", strings.Join(names, ", "))
	if os.Getenv("LETTEREDGE_REQUIRE_ALL") == "1" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// output runs a program until its end and returns what it printed and whether
// it ended with 0.
func output(t *testing.T, path string, args ...string) (string, bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), foreignTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.WaitDelay = time.Second // children may hold the pipes
	out, err := cmd.CombinedOutput()
	require.NoError(t, ctx.Err(), "%s %q did not end:\n%.4000s", path, args, out)
	return string(out), err == nil
}

// pin is the SHA-256 of the public key that a node shows, in base64.
func pin(t *testing.T, n *Node) string {
	t.Helper()
	trust, err := trusted(n.CA)
	require.NoError(t, err)
	conn, err := tls.Dial("tcp", strings.TrimPrefix(n.HTTPS, "https://"), trust)
	require.NoError(t, err)
	defer conn.Close()
	sum := sha256.Sum256(conn.ConnectionState().PeerCertificates[0].RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// onStacks runs a test on each server of HTTP/3. node starts one that is as Edged.Node
// starts it, but for that.
func onStacks(t *testing.T, test func(t *testing.T, node func(origin string) *Node)) {
	for _, stack := range []string{"lean", "stock"} {
		t.Run(stack, func(t *testing.T) {
			test(t, func(origin string) *Node {
				return edged.Configured(t, origin, fmt.Sprintf("transport: {h3: %s}\n"+
					`routes: [{name: all, path: "/*", origin: origin, query: {names: ["*"]}}]`, stack))
			})
		})
	}
}

// page tells by which protocol a browser got it, and an artifact that it
// fetches.
const page = `<!doctype html><title>edge</title><pre id="out">nothing</pre><script>
fetch('/v1/segments/b2b/ctas/trial').then(async r => {
	const artifact = await r.json()
	const nav = performance.getEntriesByType('navigation')[0].nextHopProtocol
	const sub = performance.getEntriesByType('resource').filter(e => e.name.endsWith('/trial')).map(e => e.nextHopProtocol)
	document.getElementById('out').textContent =
		['nav=' + nav, 'sub=' + sub, 'status=' + r.status, 'id=' + artifact.id, 'cache=' + r.headers.get('cache-status')].join(' | ')
}, e => { document.getElementById('out').textContent = 'failed: ' + e })
</script>`

// TestChromium: a browser loads a page and an artifact over HTTP/3.
func TestChromium(t *testing.T) { onStacks(t, chromium) }

func chromium(t *testing.T, node func(origin string) *Node) {
	browser := program(t, "chromium", "chromium-browser", "google-chrome")
	docs := NewDocs(t, docsorigin.Options{})
	var pages atomic.Int64
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			docs.Origin.ServeHTTP(w, r)
			return
		}
		pages.Add(1)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "max-age=600")
		_, _ = w.Write([]byte(page)) // a node that has gone is not waited for
	}))
	t.Cleanup(origin.Close)
	n := node(origin.URL)
	spki := pin(t, n)
	at, err := url.Parse(n.H3)
	require.NoError(t, err)

	load := func(more ...string) string {
		args := append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
			"--disable-background-networking", "--disable-component-update", "--disable-sync",
			"--user-data-dir=" + t.TempDir(), "--ignore-certificate-errors-spki-list=" + spki,
			"--host-resolver-rules=MAP localhost 127.0.0.1",
			"--virtual-time-budget=5000", "--timeout=15000"}, more...)
		dom, _ := output(t, browser, append(args, "--dump-dom", n.H3+"/")...)
		_, out, _ := strings.Cut(dom, `<pre id="out">`)
		out, _, found := strings.Cut(out, "</pre>")
		require.True(t, found, "the page did not load:\n%.4000s", dom)
		return out
	}
	force := "--origin-to-force-quic-on=" + at.Host
	first := load(force)
	require.Contains(t, first, "nav=h3 | sub=h3 | status=200 | id=trial | cache=local-1; fwd=uri-miss")
	second := load(force)
	require.Contains(t, second, "nav=h3 | sub=h3 | status=200 | id=trial | cache=local-1; hit")
	require.EqualValues(t, 1, pages.Load(), "the second load of the page was no hit")
	require.EqualValues(t, 1, docs.Fetches("/v1/segments/b2b/ctas/trial"))

	require.Contains(t, load(), "nav=h2 | sub=h2", "without the flag: else the check above could not fail")
}

// gtls runs ngtcp2's client against a node.
type gtls struct {
	path string
	node *Node
}

func newGTLS(t *testing.T, n *Node) gtls { return gtls{program(t, "gtlsclient"), n} }

// ask asks for a target, and returns the client's trace.
func (g gtls) ask(t *testing.T, target string, flags ...string) string {
	t.Helper()
	return g.askAll(t, []string{target}, flags...)
}

// askAll asks for some targets, on one connection.
func (g gtls) askAll(t *testing.T, targets []string, flags ...string) string {
	t.Helper()
	at, err := url.Parse(g.node.H3)
	require.NoError(t, err)
	args := append([]string{"--no-quic-dump", "--sni=localhost", "--exit-on-all-streams-close", "--timeout=10s"}, flags...)
	args = append(args, "127.0.0.1", at.Port())
	for _, target := range targets {
		args = append(args, g.node.H3+target)
	}
	out, ok := output(t, g.path, args...)
	require.True(t, ok, "gtlsclient %q failed:\n%.8000s", flags, out)
	return out
}

var statusLine = regexp.MustCompile(`\[:status: (\d+)\]`)

// statuses are those of all answers in a trace.
func statuses(trace string) []string {
	var all []string
	for _, m := range statusLine.FindAllStringSubmatch(trace, -1) {
		all = append(all, m[1])
	}
	return all
}

// TestNgtcp2: another implementation of QUIC and HTTP/3 gets what our own
// clients get.
func TestNgtcp2(t *testing.T) { onStacks(t, ngtcp2) }

func ngtcp2(t *testing.T, node func(origin string) *Node) {
	docs := NewDocs(t, docsorigin.Options{})
	n := node(docs.URL)
	client := newGTLS(t, n)
	want := n.Readers(t).Get(t, H3, trial)
	length := fmt.Sprintf("[content-length: %d]", len(want.Body))

	t.Run("GET", func(t *testing.T) {
		dir := t.TempDir()
		out := client.ask(t, trial, "--download="+dir)
		require.Equal(t, []string{"200"}, statuses(out))
		require.Contains(t, out, length)
		require.Contains(t, out, "[cache-status: local-1; hit")
		got, err := os.ReadFile(filepath.Join(dir, "trial"))
		require.NoError(t, err)
		require.Equal(t, string(want.Body), string(got))
	})
	t.Run("HEAD", func(t *testing.T) {
		dir := t.TempDir()
		out := client.ask(t, trial, "-m", "HEAD", "--download="+dir)
		require.Equal(t, []string{"200"}, statuses(out))
		require.Contains(t, out, length)
		if got, err := os.ReadFile(filepath.Join(dir, "trial")); err == nil {
			require.Empty(t, got)
		}
	})
	t.Run("refused", func(t *testing.T) {
		out := client.ask(t, "/v1/segments/b2b//ctas/trial")
		require.Equal(t, []string{"400"}, statuses(out))
		require.Contains(t, out, "[content-type: application/problem+json]")
	})
	t.Run("many on one connection", func(t *testing.T) {
		out := client.ask(t, trial, "-n", "500", "--no-http-dump")
		got := statuses(out)
		require.Len(t, got, 500)
		for _, s := range got {
			require.Equal(t, "200", s)
		}
	})
	t.Run("migration and key update", func(t *testing.T) {
		out := client.ask(t, trial, "--change-local-addr=300ms", "--key-update=600ms", "--delay-stream=2s")
		require.Contains(t, out, "PATH_CHALLENGE")
		require.Contains(t, out, "PATH_RESPONSE")
		require.Contains(t, out, "k=1")
		require.Equal(t, []string{"200"}, statuses(out))
	})
	t.Run("loss", func(t *testing.T) {
		out := client.ask(t, trial, "-n", "100", "--no-http-dump", "--tx-loss=0.05", "--rx-loss=0.05")
		require.Len(t, statuses(out), 100)
		require.NotContains(t, out, "[:status: 5")
	})
}

// TestEarlyData: what may be replayed is answered early, what must not be is
// refused (RFC 8470).
func TestEarlyData(t *testing.T) { onStacks(t, earlyData) }

func earlyData(t *testing.T, node func(origin string) *Node) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	var posts atomic.Int64
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			posts.Add(1)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		docs.Origin.ServeHTTP(w, r)
	}))
	t.Cleanup(origin.Close)
	client := newGTLS(t, node(origin.URL))
	dir := t.TempDir()
	content := filepath.Join(dir, "content")
	require.NoError(t, os.WriteFile(content, []byte("x=1"), 0o600))
	// The client writes a new session where it is given one: each run gets its own.
	resumed := func(name string, flags ...string) string {
		session := []string{"--session-file=" + filepath.Join(dir, name+".session"), "--tp-file=" + filepath.Join(dir, name+".tp")}
		require.Equal(t, []string{"200"}, statuses(client.ask(t, trial, session...)))
		return client.ask(t, map[bool]string{true: "/form", false: trial}[len(flags) > 0], append(session, flags...)...)
	}

	got := resumed("get")
	require.Contains(t, got, "type=0RTT", "the client sent no early data")
	require.Equal(t, []string{"200"}, statuses(got))

	posted := resumed("post", "-m", "POST", "-d", content)
	require.Contains(t, posted, "type=0RTT", "the client sent no early data")
	require.Equal(t, []string{"425"}, statuses(posted))
	require.Zero(t, posts.Load(), "a POST in early data reached the origin")

	late := client.ask(t, "/form", "-m", "POST", "-d", content, "--disable-early-data")
	require.Equal(t, []string{"204"}, statuses(late))
	require.EqualValues(t, 1, posts.Load())
}
