package behaviour

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/docsorigin"
)

// TestDemoLine: the line that says where a demo is has all that the contract
// names, and the demo serves when it comes.
func TestDemoLine(t *testing.T) {
	p := edged.start(t, "demo", "--json")
	began := time.Now()
	var line map[string]any
	require.NoError(t, p.announced(&line))
	require.Less(t, time.Since(began), 30*time.Second)
	for _, name := range []string{"origin", "docs_dir", "token", "ca"} {
		require.NotEmpty(t, line[name], name)
	}
	require.FileExists(t, line["ca"].(string))
	require.DirExists(t, line["docs_dir"].(string))
	nodes := line["nodes"].([]any)
	require.Len(t, nodes, 6)
	regions, ids, pids := map[any]int{}, map[any]bool{}, map[any]bool{}
	for _, e := range nodes {
		n := e.(map[string]any)
		for _, name := range []string{"id", "region", "http", "https", "h3", "admin", "config"} {
			require.IsType(t, "", n[name], name)
			require.NotEmpty(t, n[name], name)
		}
		for _, name := range []string{"http", "https", "h3", "admin"} {
			at, err := url.Parse(n[name].(string))
			require.NoError(t, err)
			require.NotEmpty(t, at.Port())
			require.Empty(t, at.Path)
			switch name {
			case "https", "h3":
				require.Equal(t, "https", at.Scheme)
				require.Equal(t, "localhost", at.Hostname())
			default:
				require.Equal(t, "http", at.Scheme)
				require.Equal(t, "127.0.0.1", at.Hostname())
			}
		}
		require.Equal(t, n["https"], n["h3"], "h2 and h3 are on one port number")
		require.FileExists(t, n["config"].(string))
		require.True(t, Alive(int(n["pid"].(float64))))
		regions[n["region"]]++
		ids[n["id"]], pids[n["pid"]] = true, true
	}
	require.Equal(t, map[any]int{"tokyo": 2, "frankfurt": 2, "virginia": 2}, regions)
	require.Len(t, ids, 6)
	require.Len(t, pids, 6)

	// Without quotas and client limits, as promised.
	text, err := json.Marshal(line)
	require.NoError(t, err)
	var d Demo
	require.NoError(t, json.Unmarshal(text, &d))
	first := d.Nodes[0]
	first.Token, first.CA = d.Token, d.CA
	var quotas struct{ Items []any }
	first.Administer(t).Want(t, 200, &quotas, "GET", "/v1/quotas", "")
	require.Empty(t, quotas.Items)
	require.Equal(t, 200, first.Readers(t).Get(t, H3, trial).Status)
}

// TestDemoOfAnotherShape: other regions, nodes, documents.
func TestDemoOfAnotherShape(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := "---\nid: hello\nkind: cta\nversion: 3\nsegments: [press]\ntitle: Hello\n---\nHello, press.\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "hello.md"), []byte(text), 0o600))
	d := edged.Demo(t, "--regions", "a,b", "--nodes", "1", "--docs", dir)
	require.Len(t, d.Nodes, 2)
	require.Equal(t, []string{"a", "a-1", "b", "b-1"}, []string{d.Nodes[0].Region, d.Nodes[0].ID, d.Nodes[1].Region, d.Nodes[1].ID})
	require.Equal(t, dir, d.DocsDir)
	for _, n := range d.Nodes {
		r := n.Readers(t)
		got := r.Get(t, H2, "/v1/segments/press/ctas/hello")
		require.Equal(t, 200, got.Status)
		require.Equal(t, "3", got.Versions()["hello"])
		require.Equal(t, 404, r.Get(t, H2, trial).Status, "a document that is not in the folder")
	}
}

// TestDemoOfAnotherOrigin: the demo stands in front of what it is told to.
func TestDemoOfAnotherOrigin(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	d := edged.Demo(t, "--regions", "a", "--nodes", "2", "--origin", docs.URL)
	require.Equal(t, docs.URL, d.Origin)
	require.Empty(t, d.DocsDir)
	for _, n := range d.Nodes {
		require.Equal(t, 200, n.Readers(t).Get(t, H1, trial).Status)
	}
	require.EqualValues(t, 1, docs.Fetches(trial), "the other node asks the one that has it")
}

// TestDemoGoesOn: with --state a second start is where the first ended: the
// token, the CA, quotas, purges, edited documents.
func TestDemoGoesOn(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	args := []string{"--regions", "a", "--nodes", "1", "--state", state}
	first := edged.Demo(t, args...)
	admin := first.Nodes[0].Administer(t)
	admin.Want(t, 201, nil, "PUT", "/v1/quotas/b2b", `{"rps":123}`)
	purge := admin.Purge(t, `{"segment":"b2b"}`, Hard).Purge
	ca, err := os.ReadFile(first.CA)
	require.NoError(t, err)
	hello := "---\nid: hello\nkind: cta\nversion: 3\nsegments: [press]\ntitle: Hello\n---\nHello, press.\n"
	require.NoError(t, os.WriteFile(filepath.Join(first.DocsDir, "hello.md"), []byte(hello), 0o600))
	first.Signal(syscall.SIGTERM)
	require.Zero(t, first.Wait())

	second := edged.Demo(t, args...)
	require.Equal(t, first.Token, second.Token)
	require.Equal(t, first.DocsDir, second.DocsDir)
	again, err := os.ReadFile(second.CA)
	require.NoError(t, err)
	require.Equal(t, string(ca), string(again))
	admin = second.Nodes[0].Administer(t)
	var quota struct{ RPS float64 }
	admin.Want(t, 200, &quota, "GET", "/v1/quotas/b2b", "")
	require.InDelta(t, 123, quota.RPS, 0)
	admin.Want(t, 200, nil, "GET", "/v1/purges/"+purge, "")
	require.Len(t, admin.trail(t), 4, "two of them are the demo's own: each start records its documents")
	got := second.Nodes[0].Readers(t).Get(t, H3, "/v1/segments/press/ctas/hello")
	require.Equal(t, 200, got.Status, "%s", got.Body)
}
