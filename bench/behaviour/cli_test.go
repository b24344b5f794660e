package behaviour

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/docsorigin"
)

// command builds another command of the module beside edged, once for all tests.
func command(t *testing.T, name string) Edged {
	t.Helper()
	c := Edged{path: filepath.Join(filepath.Dir(edged.path), name)}
	edged.building.Lock()
	defer edged.building.Unlock()
	if _, err := os.Stat(c.path); err == nil {
		return c
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "go", "build", "-o", c.path, "github.com/letteros/letteredge/cmd/"+name).CombinedOutput()
	require.NoError(t, err, "build %s: %s", name, out)
	return c
}

// wrongUse wants exit code 2 and one line on stderr, which names all of these.
func wrongUse(t *testing.T, c Edged, args []string, names ...string) {
	t.Helper()
	refused(t, c.Exec(t, args...), 2, names...)
}

// refused wants an exit code, nothing on stdout, and one line on stderr.
func refused(t *testing.T, e Ended, exit int, names ...string) {
	t.Helper()
	require.Equal(t, exit, e.Exit, "stdout %q, stderr %q", e.Stdout, e.Stderr)
	require.Empty(t, e.Stdout)
	require.Equal(t, 1, strings.Count(e.Stderr, "\n"), e.Stderr)
	for _, name := range names {
		require.Contains(t, e.Stderr, name)
	}
}

// TestBadConfig: a file that is wrong is refused by `check` as by `run`, with
// the name of the file, the line and the field.
func TestBadConfig(t *testing.T) {
	t.Parallel()
	const origin = "origins: [{name: o, url: \"http://127.0.0.1:1\"}]\nartifacts: {origin: o}\n"
	for _, c := range []struct {
		name, text string
		says       []string
	}{
		{"empty", "", []string{"origins"}},
		{"no origin", "node: {id: a}\n", []string{"origins"}},
		{"no YAML", "node: [\n", nil},
		{"a list", "- a\n", nil},
		{"binary", "\x00\x01\xff", nil},
		{"two documents", origin + "---\n" + origin, []string{"one document"}},
		{"unknown field", origin + "nodes: {id: a}\n", []string{":3:1:", "nodes"}},
		{"unknown inner field", origin + "cache: {max_byte: 1MiB}\n", []string{"cache.max_byte"}},
		{"field twice", origin + "log: {level: info, level: warn}\n", []string{"level"}},
		{"wrong type: text for an object", origin + "cache: much\n", []string{":3:", "cache"}},
		{"wrong type: text for a number", origin + "limits: {streams: many}\n", []string{"limits.streams"}},
		{"wrong type: list for text", origin + "node: {id: [a]}\n", []string{"node.id"}},
		{"wrong type: text for a boolean", origin + "server_timing_on_hits: 7\n", []string{"server_timing_on_hits"}},
		{"duration without unit", origin + "fills: {wait: 10}\n", []string{"fills.wait", "unit"}},
		{"duration of nonsense", origin + "fills: {wait: soon}\n", []string{"fills.wait", "unit"}},
		{"negative duration", origin + "limits: {idle_timeout: -1s}\n", []string{"limits.idle_timeout"}},
		{"bad size", origin + "cache: {max_bytes: 1XB}\n", []string{"cache.max_bytes", "64MiB"}},
		{"object larger than the cache", origin + "cache: {max_bytes: 1MiB, max_object_bytes: 2MiB}\n", []string{"cache.max_object_bytes"}},
		{"bad id", origin + "node: {id: Tokyo}\n", []string{"node.id", "[a-z]"}},
		{"unknown level", origin + "log: {level: loud}\n", []string{"log.level", "debug"}},
		{"unknown profile", origin + "profile: fast\n", []string{"profile", "conformance"}},
		{"bad address", origin + "listen: {http: \"8080\"}\n", []string{"listen.http", "host:port"}},
		{"port too high", origin + "listen: {http: \"127.0.0.1:70000\"}\n", []string{"listen.http"}},
		{"one address twice", origin + "listen: {http: \"127.0.0.1:7\", admin: \"127.0.0.1:7\"}\n", []string{"listen"}},
		{"no listener", origin + "listen: {http: \"\", tls: \"\"}\n", []string{"listen"}},
		{"certificate without key", origin + "tls: {cert: c.pem}\n", []string{"tls", "key"}},
		{"origin without host", "origins: [{name: o, url: \"http://\"}]\nartifacts: {origin: o}\n", []string{"origins[0].url"}},
		{"origin with a path", "origins: [{name: o, url: \"http://h/x\"}]\nartifacts: {origin: o}\n", []string{"origins[0].url"}},
		{"origin of another scheme", "origins: [{name: o, url: \"ftp://h\"}]\nartifacts: {origin: o}\n", []string{"origins[0].url"}},
		{"two origins of a name", "origins: [{name: o, url: \"http://a\"}, {name: o, url: \"http://b\"}]\nartifacts: {origin: o}\n",
			[]string{"origins[1].name", "unique"}},
		{"artifacts of no origin", "origins: [{name: o, url: \"http://a\"}]\nartifacts: {origin: p}\n", []string{"artifacts.origin"}},
		{"route to no origin", origin + "routes: [{name: r, path: /x, origin: p}]\n", []string{"routes[0].origin"}},
		{"route without slash", origin + "routes: [{name: r, path: x, origin: o}]\n", []string{"routes[0].path"}},
		{"route with a star within", origin + "routes: [{name: r, path: /a*b, origin: o}]\n", []string{"routes[0].path"}},
		{"route over artifacts", origin + "routes: [{name: r, path: /v1/segments/b2b/*, origin: o}]\n", []string{"routes[0].path"}},
		{"route with a bad host", origin + "routes: [{name: r, host: \"a b\", path: /x, origin: o}]\n", []string{"routes[0].host"}},
		{"two routes of a name", origin + "routes: [{name: r, path: /x, origin: o}, {name: r, path: /y, origin: o}]\n",
			[]string{"routes[1].name", "unique"}},
		{"query of nonsense", origin + "routes: [{name: r, path: /x, origin: o, query: {others: keep}}]\n", []string{"routes[0].query.others"}},
		{"token in the clear", origin + "tokens: [{name: ci, hash: secret, scopes: [read]}]\n", []string{"tokens[0].hash", "sha256:"}},
		{"token of no scope", origin + "tokens: [{name: ci, hash: \"sha256:" + strings.Repeat("0", 64) + "\", scopes: [write]}]\n",
			[]string{"tokens[0].scopes"}},
		{"too long", origin + "#" + strings.Repeat("x", 2<<20), []string{"at most"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "edge.yaml")
			require.NoError(t, os.WriteFile(file, []byte(c.text), 0o600))
			says := append(c.says, file)
			wrongUse(t, edged, []string{"check", "--config", file}, says...)
			wrongUse(t, edged, []string{"run", "--config", file}, says...)
		})
	}
}

// TestDefaultsPassTheCheck: what `defaults` prints is a configuration.
func TestDefaultsPassTheCheck(t *testing.T) {
	t.Parallel()
	defaults := edged.Exec(t, "defaults")
	require.Zero(t, defaults.Exit)
	file := filepath.Join(t.TempDir(), "edge.yaml")
	require.NoError(t, os.WriteFile(file, []byte(defaults.Stdout), 0o600))
	check := edged.Exec(t, "check", "--config", file)
	require.Zero(t, check.Exit, check.Stderr)
	require.Contains(t, check.Stdout, "ok")
	require.Zero(t, edged.Exec(t, "--help").Exit)
}

// TestWrongUseOfEdged: each is one line and exit code 2, and starts nothing.
func TestWrongUseOfEdged(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args  []string
		names []string
	}{
		{nil, []string{"demo", "run"}},
		{[]string{"serve"}, []string{"serve"}},
		{[]string{"run"}, []string{"--config", "--origin"}},
		{[]string{"run", "--origin", "http://127.0.0.1:1", "--config", "x.yaml"}, []string{"--config", "--origin"}},
		{[]string{"run", "--orign", "http://127.0.0.1:1"}, []string{"--orign"}},
		{[]string{"run", "--origin", "127.0.0.1:1"}, []string{"http://"}},
		{[]string{"run", "--origin", "http://127.0.0.1:1", "--listen", "8080"}, []string{"listen"}},
		{[]string{"run", "--origin", "http://127.0.0.1:1", "--profile", "fast"}, []string{"--profile", "conformance"}},
		{[]string{"run", "--config", "absent.yaml"}, []string{"absent.yaml"}},
		{[]string{"check"}, []string{"--config"}},
		{[]string{"check", "--config", "absent.yaml"}, []string{"absent.yaml"}},
		{[]string{"defaults", "more"}, []string{"more"}},
		{[]string{"demo", "--nodes", "0"}, []string{"--nodes"}},
		{[]string{"demo", "--nodes", "many"}, []string{"--nodes"}},
		{[]string{"demo", "--nodes", "1000"}, []string{"--nodes"}},
		{[]string{"demo", "--regions", "a,a"}, []string{"--regions"}},
		{[]string{"demo", "--regions", "Not/A/Name"}, []string{"--regions"}},
		{[]string{"demo", "--ports", "20000"}, []string{"--ports", "FIRST-LAST"}},
		{[]string{"demo", "--ports", "20000-20100"}, []string{"--ports", "300"}},
		{[]string{"demo", "--ports", "65000-66000"}, []string{"--ports"}},
		{[]string{"demo", "--origin", "nonsense"}, []string{"nonsense", "http://"}},
		{[]string{"demo", "--docs", "/absent/folder"}, []string{"/absent/folder"}},
		{[]string{"demo", "--docs", ".", "--origin", "http://127.0.0.1:1"}, []string{"--docs", "--origin"}},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) { wrongUse(t, edged, c.args, c.names...) })
	}
}

// TestAPortThatIsTaken: a node that cannot listen says so and ends with 1.
func TestAPortThatIsTaken(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	for _, flag := range []string{"--listen", "--listen-tls", "--admin"} {
		args := []string{"run", "--origin", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", flag, ln.Addr().String()}
		ended := edged.Exec(t, args...)
		require.Equal(t, 1, ended.Exit, ended.Stderr)
		require.Empty(t, ended.Stdout)
		require.Contains(t, ended.Stderr, ln.Addr().String())
	}
}

// TestEdgectl holds its exit codes, and its JSON, against a node.
func TestEdgectl(t *testing.T) {
	t.Parallel()
	edgectl := command(t, "edgectl")
	docs := NewDocs(t, docsorigin.Options{})
	n := edged.Node(t, docs.URL)
	n.Readers(t).Get(t, H1, trial)
	at := func(args ...string) Ended {
		return edgectl.Exec(t, append([]string{"--admin", n.Admin, "--token", n.Token}, args...)...)
	}

	t.Run("done", func(t *testing.T) {
		for _, c := range []struct {
			args string
			has  string // a field of the JSON
		}{
			{"quota set b2b --rps 200", "effective_at"},
			{"quota list", "items"},
			{"quota get b2b", "rps"},
			{"quota rm b2b", "removed"},
			{"purge --tag doc:trial --dry-run", "entries"},
			{"purge --segment b2b --wait none", "purge"},
			{"purge --key " + trial, "nodes"},
			{"purge --all --soft", "state"},
			{"nodes", "items"},
			{"regions", "items"},
			{"explain " + trial, ""},
			{"audit list", "items"},
		} {
			words := strings.Fields(c.args)
			asJSON := at(append(words, "-o", "json")...)
			require.Zero(t, asJSON.Exit, "%s: %s", c.args, asJSON.Stderr)
			var v map[string]any
			require.NoError(t, json.Unmarshal([]byte(asJSON.Stdout), &v), "%s: %q", c.args, asJSON.Stdout)
			if c.has != "" {
				require.Contains(t, v, c.has, c.args)
			}
			if c.args == "quota rm b2b" {
				require.Zero(t, at("quota", "set", "b2b", "--rps", "200").Exit)
			}
			table := at(words...)
			require.Zero(t, table.Exit, "%s: %s", c.args, table.Stderr)
			require.NotEmpty(t, table.Stdout, c.args)
			require.NotContains(t, table.Stdout, "\x1b", "colour where stdout is no terminal")
		}
	})
	t.Run("wrong use", func(t *testing.T) {
		for _, c := range [][2]string{
			{"", "quota"}, {"quotas list", "quotas"}, {"quota", "list"}, {"quota get", "segment"},
			{"quota get B2B", "[a-z]"}, {"quota set b2b", "--rps"}, {"quota set b2b --rps 0", "--rps"},
			{"quota set b2b --rps NaN", "--rps"}, {"quota set b2b --rps 1e9", "--rps"}, {"quota set b2b --rps much", "--rps"},
			{"quota set b2b --rps 1 --burst 0", "--burst"}, {"quota set b2b --rps 1 --scope world", "--scope"},
			{"quota set b2b --rps 1 --overflow drop", "--overflow"}, {"quota set b2b --rps 1 --priority 99", "--priority"},
			{"quota set b2b --rps 1 --colour red", "--colour"},
			{"purge", "--tag"}, {"purge --tag a --all", "exactly one"}, {"purge --prefix /v1/segments/b2b", "--prefix"},
			{"purge --segment B2B", "--segment"}, {"purge --key b2b", "--key"}, {"purge --all --wait ever", "--wait"},
			{"purge --all --timeout 31s", "--timeout"}, {"purge --all --timeout 5", "--timeout"},
			{"nodes -o yaml", "--output"}, {"explain", "url"}, {"nodes more", "more"},
		} {
			t.Run(c[0], func(t *testing.T) { refused(t, at(strings.Fields(c[0])...), 2, c[1]) })
		}
		wrongUse(t, edgectl, []string{"--admin", "ftp://127.0.0.1", "nodes"}, "ftp://127.0.0.1")
	})
	t.Run("refused", func(t *testing.T) {
		refused(t, at("quota", "get", "absent"), 1, "quota")
		refused(t, at("quota", "rm", "absent"), 1, "quota")
		refused(t, at("quota", "set", "b2b", "--rps", "1", "--if-match", `"other"`), 1)
		refused(t, edgectl.Exec(t, "--admin", n.Admin, "--token", "other", "quota", "set", "b2b", "--rps", "1"), 1, "token")
		refused(t, edgectl.Exec(t, "--admin", n.Admin, "purge", "--all"), 1, "token")
	})
	t.Run("unreachable", func(t *testing.T) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, ln.Close())
		for _, args := range []string{"nodes", "quota list", "quota set b2b --rps 1", "purge --all"} {
			refused(t, edgectl.Exec(t, append([]string{"--admin", "http://" + ln.Addr().String(), "--token", "t"}, strings.Fields(args)...)...), 3,
				ln.Addr().String())
		}
	})
}

// TestEdgebench holds its exit codes.
func TestEdgebench(t *testing.T) {
	edgebench := command(t, "edgebench")
	docs := NewDocs(t, docsorigin.Options{})
	url := docs.URL + trial
	for _, c := range []struct{ args, names string }{
		{"", "load"}, {"loud", "loud"}, {"load", "URL"}, {"load nonsense", "nonsense"}, {"load ftp://127.0.0.1/", "ftp"},
		{"load " + url + " --proto h4", "--proto"}, {"load " + url + " --rate -1", "rate"}, {"load " + url + " --rate much", "--rate"},
		{"load " + url + " -d -1s", "duration"}, {"load " + url + " -c -1", "connections"}, {"load " + url + " -X POST", "method"},
		{"load " + url + " --proto h3", "https"}, {"load " + url + " --expect-status x", "expect-status"},
		{"load " + url + " -o yaml", "--output"}, {"load http://192.0.2.1/", "--allow-remote"}, {"plot", "FILE"}, {"bare", "URL"},
	} {
		t.Run(c.args, func(t *testing.T) {
			ended := edgebench.Exec(t, strings.Fields(c.args)...)
			require.Equal(t, 2, ended.Exit, "stdout %q, stderr %q", ended.Stdout, ended.Stderr)
			require.Contains(t, strings.ToLower(ended.Stderr), strings.ToLower(c.names))
		})
	}
	done := edgebench.Exec(t, "load", url, "-n", "50", "-c", "2", "-q", "-o", "json")
	require.Zero(t, done.Exit, done.Stderr)
	require.True(t, json.Valid([]byte(done.Stdout)), done.Stdout)
	require.Equal(t, 1, edgebench.Exec(t, "load", url+"x", "-n", "50", "-c", "2", "-q", "--max-error-rate", "0.5").Exit, "only 404s")
}
