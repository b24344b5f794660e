package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge/admin"
	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/audit"
	"github.com/letteros/letteredge/edge/auth"
	"github.com/letteros/letteredge/edge/edgetest"
	"github.com/letteros/letteredge/edge/statedb"
	"github.com/letteros/letteredge/invalidation"
	"github.com/letteros/letteredge/quota"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// index is a cache in which every selector selects twelve answers.
type index struct{}

func (index) Count(cachekey.Selector) int { return 12 }
func (index) Sweep(cachekey.Selector) int { return 12 }

// startNode serves the admin API of a real node's parts and points EDGECTL_ADMIN
// and EDGECTL_TOKEN at it.
func startNode(t *testing.T) *admin.Server {
	t.Helper()
	db, err := statedb.Open(filepath.Join(t.TempDir(), statedb.FileName), statedb.Options{})
	require.NoError(t, err)
	engine, err := invalidation.NewEngine(invalidation.Config{Node: "local-1", Region: "local", Incarnation: 7},
		invalidation.NewMarks(), db.Purges(), index{})
	require.NoError(t, err)
	tokens, err := auth.NewTokens([]auth.Token{
		{Name: "ops", Hash: auth.HashToken("s3cret"), Scopes: []auth.Scope{auth.ScopeAdmin}},
		{Name: "eyes", Hash: auth.HashToken("0nly"), Scopes: []auth.Scope{auth.ScopeRead}},
	})
	require.NoError(t, err)
	server, err := admin.New(admin.Config{Node: "local-1"}, admin.Deps{
		Tokens: tokens, Audit: audit.NewRecorder(db.AuditLog(), time.Now), Quotas: edgetest.NewControlLog(t, nil, 0).Quotas(t), Purges: engine,
		Explain: edgetest.NewCore(t, &edgetest.Upstream{}),
		Nodes: func() []adminapi.Node {
			return []adminapi.Node{{ID: "local-1", Region: "local", State: "ready", Address: "127.0.0.1:8080", Incarnation: "0000000000000007"}}
		},
		Ready: func() error { return nil }, Metrics: http.NotFoundHandler(), Now: time.Now,
	})
	require.NoError(t, err)
	require.NoError(t, server.Listen("127.0.0.1:0"))
	done := make(chan error, 1)
	go func() { done <- server.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, server.Shutdown(ctx))
		require.NoError(t, <-done)
		require.NoError(t, engine.Close())
		require.NoError(t, db.Close())
	})
	t.Setenv("EDGECTL_ADMIN", server.URL())
	t.Setenv("EDGECTL_TOKEN", "s3cret")
	return server
}

// ctl runs a command line and returns what it printed.
func ctl(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), args, &out, &errs)
	require.Equal(t, want, code, "%v: %s%s", args, out.String(), errs.String())
	if want == exitDone {
		require.Empty(t, errs.String(), args)
	} else {
		require.Regexp(t, `^edgectl: [^\n]+\n$`, errs.String(), "one line")
	}
	return out.String(), errs.String()
}

// object runs a command with -o json and decodes what it prints.
func object[T any](t *testing.T, want int, args ...string) (v T) {
	t.Helper()
	out, _ := ctl(t, want, append(args, "-o", "json")...)
	d := json.NewDecoder(strings.NewReader(out))
	require.NoError(t, d.Decode(&v), out)
	require.ErrorIs(t, d.Decode(new(any)), io.EOF)
	return v
}

func TestQuota(t *testing.T) {
	startNode(t)
	out, _ := ctl(t, 0, "quota", "list")
	require.Equal(t, "SEGMENT  RPS  BURST  SCOPE  OVERFLOW  MODE  PRIORITY  PARTITION\n", out)
	out, _ = ctl(t, 0, "quota", "set", "b2b", "--rps", "200")
	require.Regexp(t, `^quota b2b: 200 rps, burst 400, scope global, overflow reject, mode enforce, priority 5, partition strict, effective \S+Z\n$`, out)
	set := object[adminapi.Quota](t, 0, "quota", "set", "b2c", "--rps", "0.5", "--burst", "3", "--scope", "node", "--overflow", "stale",
		"--mode", "shadow", "--priority", "0", "--partition", "strict")
	require.NotNil(t, set.EffectiveAt)
	got := object[adminapi.Quota](t, 0, "quota", "get", "b2c")
	set.EffectiveAt = nil
	require.Equal(t, set, got)
	require.Equal(t, adminapi.Quota{Form: quota.Form{Segment: "b2c", RPS: 0.5, Burst: 3, Scope: "node", Overflow: "stale", Mode: "shadow", Partition: "strict"}}, got)
	out, _ = ctl(t, 0, "quota", "list")
	require.Contains(t, out, "b2c      0.5  3      node    stale     shadow   0         strict\n")
	require.Len(t, object[adminapi.List[adminapi.Quota]](t, 0, "quota", "list").Items, 2)

	ctl(t, 1, "quota", "set", "b2b", "--rps", "1", "--if-match", `"no"`)
	ctl(t, 1, "quota", "rm", "b2b", "--if-match", `"no"`)
	out, _ = ctl(t, 0, "quota", "rm", "b2b")
	require.Equal(t, "quota b2b: removed\n", out)
	_, errs := ctl(t, 1, "quota", "rm", "b2b")
	require.Equal(t, "edgectl: no such quota (404 Not Found)\n", errs)
	ctl(t, 1, "quota", "get", "b2b")
	ctl(t, 0, "quota", "set", "_default", "--rps", "1")
}

func TestPurge(t *testing.T) {
	server := startNode(t)
	out, _ := ctl(t, 0, "purge", "--tag", "doc:pricing", "--tag", "cta:trial")
	require.Regexp(t, `^local-1 \(local\): applied after [0-9.]+ ms\npurge local-1\.0000000000000007\.1: complete\nNODE +REGION +STATE +APPLIED AFTER +RECEIPT AFTER +ENTRIES\nlocal-1 +local +applied +[0-9.]+ ms +[0-9.]+ ms +(counting|12)\n$`, out)
	for flag, value := range map[string]string{
		"--key": "/v1/segments/b2b/ctas/trial", "--prefix": "example.com/img/", "--host": "example.com", "--segment": "b2b", "--tag": "a",
	} {
		p := object[adminapi.Purge](t, 0, "purge", flag, value, "--soft", "--wait", "region", "--timeout", "1s")
		require.Equal(t, "complete soft", p.State+" "+p.Mode.String())
		require.Contains(t, p.Select.String(), strings.Trim(flag, "-"))
	}
	a := object[adminapi.PurgeAccepted](t, 0, "purge", "--all", "--wait", "none")
	require.Equal(t, "local-1.0000000000000007.7", a.Purge)
	out, _ = ctl(t, 0, "purge", "--all", "--wait", "none")
	require.Equal(t, "purge local-1.0000000000000007.8: accepted\n", out)
	p := object[adminapi.Purge](t, 0, "purge", "--key", "a.example/x?a=1,2")
	require.Equal(t, []string{"a.example/x?a=1,2"}, p.Select.Keys, "a comma is part of a key")

	out, _ = ctl(t, 0, "purge", "--all", "--dry-run")
	require.Equal(t, "would purge 12 entries\nNODE     ENTRIES\nlocal-1  12\n", out)
	d := object[adminapi.DryRun](t, 0, "purge", "--all", "--dry-run")
	require.True(t, d.DryRun)

	// The flags win over the environment.
	_, errs := ctl(t, 1, "purge", "--all", "--token", "0nly")
	require.Equal(t, "edgectl: the token eyes has not the scope purges:write (403 Forbidden)\n", errs)
	t.Setenv("EDGECTL_ADMIN", "http://127.0.0.1:1")
	ctl(t, 0, "purge", "--all", "--admin", server.URL())
	ctl(t, 0, "purge", "--all", "--admin", server.Addr())
}

// A purge that some node has not confirmed in time is not done, but it is shown.
func TestPurgeThatIsPartial(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.URL.Query().Get("wait") == "none":
			w.WriteHeader(http.StatusAccepted)
			io.WriteString(w, `{"purge":"a.0000000000000001.1"}`)
			return
		case r.Method == http.MethodPost:
			w.WriteHeader(http.StatusGatewayTimeout)
		}
		io.WriteString(w, `{"purge":"a.0000000000000001.1","state":"partial","select":{"all":true},"mode":"hard","accepted_at":"2026-11-23T00:00:00Z",
			"nodes":[{"id":"a","region":"x","state":"applied","applied_after_ms":1.5,"receipt_after_ms":2,"entries":2},{"id":"b","region":"y","state":"pending","applied_after_ms":null,"receipt_after_ms":null,"entries":null}],
			"regions":[{"region":"x","state":"complete"},{"region":"y","state":"pending"}]}`)
	}))
	defer server.Close()
	out, errs := ctl(t, 1, "purge", "--all", "--timeout", "30ms", "--admin", server.URL)
	require.Equal(t, 1, strings.Count(out, "a (x): applied after 1.5 ms\n"), "each change once")
	require.NotContains(t, out, "b (y)")
	require.Contains(t, out, "purge a.0000000000000001.1: partial\n")
	require.Contains(t, out, "a     x       applied  1.5 ms         2 ms           2\n")
	require.Equal(t, "edgectl: purge a.0000000000000001.1 is partial; without a receipt: b (pending)\n", errs)
	out, _ = ctl(t, 0, "purge", "--all", "--wait", "region", "--admin", server.URL)
	require.Contains(t, out, "a (x): applied", "its region is complete")
	p := object[adminapi.Purge](t, 1, "purge", "--all", "--admin", server.URL)
	require.Equal(t, "partial", p.State)
}

func TestTheRest(t *testing.T) {
	startNode(t)
	out, _ := ctl(t, 0, "nodes")
	require.Equal(t, "NODE     REGION  STATE  ADDRESS         INCARNATION       SEEN\nlocal-1  local   ready  127.0.0.1:8080  0000000000000007  0s ago\n", out)
	require.Len(t, object[adminapi.List[adminapi.Node]](t, 0, "nodes").Items, 1)
	out, _ = ctl(t, 0, "regions")
	require.Equal(t, "REGION  NODES  READY  STATE\nlocal   1      1      ready\n", out)
	require.Len(t, object[adminapi.List[adminapi.Region]](t, 0, "regions").Items, 1)

	out, _ = ctl(t, 0, "explain", "http://edge.test/a?b=c")
	require.Regexp(t, `(?m)^KEY +edge\.test/a\?b=c\nKIND +other\nROUTE +all\nQUOTA +_default\nTAGS +.*\nSTATE +miss: uri-miss\n$`, out)
	e := object[adminapi.Explanation](t, 0, "explain", "/v1/segments/b2b/ctas/trial", "--segment", "b2c")
	require.Equal(t, "/v1/segments/b2c/ctas/trial", e.Key)
	require.Equal(t, "cta miss false b2c", strings.Join([]string{e.Kind, e.State, map[bool]string{true: "true", false: "false"}[e.Cached], e.Segment}, " "))
	ctl(t, 1, "explain", "/v1/segments/B2B/ctas/trial")
	_, errs := ctl(t, 1, "explain", "/a\r\nb")
	require.Contains(t, errs, "url is answered 400: path must not")
	_, errs = ctl(t, 1, "explain", "/a")
	require.Contains(t, errs, "url needs a host")

	ctl(t, 0, "quota", "set", "b2b", "--rps", "200")
	ctl(t, 1, "quota", "rm", "b2c")
	out, _ = ctl(t, 0, "audit", "list")
	require.Regexp(t, regexp.MustCompile(`(?m)^2 +\S+ +ops +quota\.delete +b2c +refused +no such quota +127\.0\.0\.1:\d+$`), out)
	require.Contains(t, out, "rps=200 burst=400")
	require.Len(t, object[adminapi.List[adminapi.AuditEntry]](t, 0, "audit", "list", "--limit", "1").Items, 1)
	require.Len(t, object[adminapi.List[adminapi.AuditEntry]](t, 0, "audit", "list", "--limit", "0").Items, 2)
}

func TestWatch(t *testing.T) {
	startNode(t)
	ctl(t, 0, "quota", "set", "b2b", "--rps", "1")
	for name, args := range map[string][]string{"one": {"b2b"}, "all": {}} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			r, w := io.Pipe()
			ended := make(chan int, 1)
			go func() {
				ended <- run(ctx, append([]string{"quota", "watch", "--interval", "100ms", "-o", "json"}, args...), w, io.Discard)
				w.Close()
			}()
			lines := json.NewDecoder(r)
			next := func() string {
				var ch change
				require.NoError(t, lines.Decode(&ch))
				return ch.Change + " " + ch.Quota.Segment + " " + rate(ch.Quota.RPS)
			}
			require.Equal(t, "set b2b 1", next())
			ctl(t, 0, "quota", "set", "b2b", "--rps", "2")
			require.Equal(t, "set b2b 2", next())
			ctl(t, 0, "quota", "rm", "b2b")
			require.Equal(t, "removed b2b 2", next())
			ctl(t, 0, "quota", "set", "b2b", "--rps", "1")
			require.Equal(t, "set b2b 1", next())
			cancel()
			go io.Copy(io.Discard, r)
			require.Equal(t, exitDone, <-ended)
		})
	}
}

func TestWrongUse(t *testing.T) {
	t.Setenv("EDGECTL_ADMIN", "http://127.0.0.1:1") // nothing is sent
	for line, want := range map[string]string{
		"":                                       "expected one of",
		"takedown list":                          "unexpected argument takedown",
		"rollout":                                "expected one of",
		"rollout get":                            "<rollout> is missing",
		"rollout list --limit -1":                "--limit",
		"docs push":                              `expected "<dir>"`,
		"docs push x --timeout -1s":              "--timeout",
		"top":                                    "unexpected argument top",
		"quota forecast":                         "unexpected argument forecast",
		"quota":                                  "expected one of",
		"nodes extra":                            "unexpected argument extra",
		"nodes --loud":                           "unknown flag --loud",
		"-o xml nodes":                           "--output must be one of",
		"--admin ftp://x nodes":                  "the admin address must be http://host:port",
		"quota set b2b --rps 1 --partition open": `--partition must be "strict"`,
		"--admin foo nodes":                      `the admin address must be http://host:port, or host:port, not "foo"`,
		"--admin foo:bar nodes":                  "the admin address must be",
		"purge --key x":                          "--key must be host/path, or an artifact's path such as /v1/segments/b2b/ctas/trial",
		"--admin http://x/y nodes":               "the admin address must be http://host:port",
		"--token a\tb nodes":                     "the token must be visible ASCII",
		"purge":                                  "exactly one of --tag, --key, --prefix, --host, --segment and --all must be given",
		"purge --tag a --all":                    "exactly one of",
		"purge --segment b2b --host a":           "exactly one of",
		"purge --tag a --tag b@c\x01":            "--tag",
		"purge --segment B2B":                    "--segment must match [a-z][a-z0-9_-]{0,63}",
		"purge --prefix /v1/segments/b2b":        "--prefix",
		"purge --key /v1/segments/b2b//x":        "--key",
		"purge --all --wait world":               `--wait must be one of "none","region","all"`,
		"purge --all --timeout 31s":              "--timeout must be above 0 and at most 30s",
		"purge --all --timeout 2":                "--timeout",
		"quota get":                              "<segment> is missing",
		"quota get B2B":                          "the segment must match",
		"quota set b2b":                          "--rps",
		"quota set b2b --rps 0":                  "--rps must be a number above 0",
		"quota set b2b --rps NaN":                "--rps must be a number above 0",
		"quota set b2b --rps x":                  "--rps",
		"quota set b2b --rps 1 --burst 0":        "--burst must be a whole number from 1",
		"quota set b2b --rps 1 --scope w":        `--scope must be "global", "region" or "node"`,
		"quota set b2b --rps 1 --mode off":       "--mode must be",
		"quota set b2b --rps 1 --priority 10":    "--priority must be",
		"quota watch --interval 1ms":             "--interval must be from 100ms to 1h",
		"quota watch B2B":                        "the segment must match",
		"explain":                                `expected "<url>"`,
		"audit list --limit -1":                  "--limit",
		"audit prove":                            "unexpected argument prove",
	} {
		_, errs := ctl(t, exitWrongUse, strings.Split(line, " ")[:strings.Count(line, " ")+min(1, len(line))]...)
		require.Contains(t, errs, want, line)
	}
}

func TestUnreachable(t *testing.T) {
	t.Setenv("EDGECTL_ADMIN", "127.0.0.1:1")
	for _, line := range []string{"nodes", "regions", "quota list", "quota watch", "purge --all", "purge --all --dry-run", "explain /", "audit list"} {
		_, errs := ctl(t, exitUnreachable, strings.Fields(line)...)
		require.Contains(t, errs, "cannot reach http://127.0.0.1:1: ", line)
	}
	// A node's data plane, say.
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	_, errs := ctl(t, exitUnreachable, "nodes", "--admin", other.URL)
	require.Contains(t, errs, "it is no admin API")
}

func TestHelpTellsTheExitCodes(t *testing.T) {
	out, _ := ctl(t, 0, "--help")
	words := strings.Join(strings.Fields(out), " ")
	require.Contains(t, words, "Exit codes: 0 done, 1 not done (refused by the server, or not complete in time), 2 wrong use, 3 cannot reach the node.")
	require.Contains(t, words, "$EDGECTL_ADMIN")
	require.Contains(t, words, "$EDGECTL_TOKEN")
	for _, later := range []string{"takedown", "forecast", "top"} {
		require.NotContains(t, words, " "+later+" ")
	}
	out, _ = ctl(t, 0, "purge", "--help")
	for _, flag := range []string{"--tag", "--key", "--prefix", "--host", "--segment", "--all", "--soft", "--wait", "--dry-run"} {
		require.Contains(t, out, flag)
	}
}

// What a server says must not steer the terminal it is read on.
func TestOutputIsPrintable(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"items":[{"id":"a\u001b[2Jb\nc\td","region":"\u2028","state":"ready","address":"日本"}],"next":null}`)
	}))
	defer server.Close()
	out, _ := ctl(t, 0, "nodes", "--admin", server.URL)
	require.Equal(t, 2, strings.Count(out, "\n"))
	require.NotContains(t, out, "\x1b")
	require.Contains(t, out, "日本")
}
