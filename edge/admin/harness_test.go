package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/audit"
	"github.com/letteros/letteredge/edge/auth"
	"github.com/letteros/letteredge/edge/edgetest"
	"github.com/letteros/letteredge/invalidation"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The tokens of the tests, by what they may do.
const (
	reader  = "reader-token"
	purger  = "purger-token"
	quotas  = "quotas-token"
	root    = "root-token"
	unknown = "unknown-token"
)

// node is a node's admin API on a real listener, with the real engine and
// registry over stores in memory.
type node struct {
	t       *testing.T
	server  *Server
	client  *http.Client
	journal *journal
	control *edgetest.ControlLog
	log     *audit.Memory
	explain explainer
	purges  *invalidation.Engine
	mu      sync.Mutex // guards ready
	ready   error
}

func start(t *testing.T) *node { return startAt(t, "127.0.0.1:0", Config{Node: "local-1"}) }

// startAt starts a node; before lets a test change the server before it serves.
func startAt(t *testing.T, addr string, cfg Config, before ...func(*Server)) *node {
	t.Helper()
	n := &node{t: t, journal: &journal{}, control: edgetest.NewControlLog(t, nil, 0), log: &audit.Memory{}, client: &http.Client{Transport: &http.Transport{}}}
	tokens, err := auth.NewTokens([]auth.Token{
		{Name: "reader", Hash: auth.HashToken(reader), Scopes: []auth.Scope{auth.ScopeRead}},
		{Name: "purger", Hash: auth.HashToken(purger), Scopes: []auth.Scope{auth.ScopePurges}},
		{Name: "quotas", Hash: auth.HashToken(quotas), Scopes: []auth.Scope{auth.ScopeQuotas}},
		{Name: "root", Hash: auth.HashToken(root), Scopes: []auth.Scope{auth.ScopeAdmin}},
	})
	require.NoError(t, err)
	engine, err := invalidation.NewEngine(invalidation.Config{Node: "local-1", Region: "local", Incarnation: 7},
		invalidation.NewMarks(), n.journal, index{})
	require.NoError(t, err)
	n.purges = engine
	n.explain = explainer{fn: func(host, target string) (edge.Explanation, error) { return edge.Explanation{}, errors.New("not set") }}
	n.server, err = New(cfg, Deps{
		Tokens: tokens, Register: auth.NewRegister(tokens, n.control.Records, n.control, time.Now, slog.New(slog.DiscardHandler)), Audit: audit.NewRecorder(n.log, time.Now), Quotas: n.control.Quotas(t), Purges: engine, Explain: &n.explain,
		Nodes: func() []adminapi.Node {
			return []adminapi.Node{{ID: "local-1", Region: "local", State: "ready", Address: "127.0.0.1:1", Incarnation: "0000000000000007"}}
		},
		Ready:   func() error { n.mu.Lock(); defer n.mu.Unlock(); return n.ready },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "letteredge_up 1\n") }),
		Now:     time.Now,
	})
	require.NoError(t, err)
	require.NoError(t, n.server.Listen(addr))
	for _, change := range before {
		change(n.server)
	}
	done := make(chan error, 1)
	go func() { done <- n.server.Serve() }()
	t.Cleanup(func() {
		n.client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, n.server.Shutdown(ctx))
		require.NoError(t, <-done)
		require.NoError(t, engine.Close())
	})
	return n
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	text   string
}

// into decodes a JSON answer.
func (a answer) into(t *testing.T, v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(a.text), v), a.text)
}

// problem checks that the answer is a problem of that status and returns it.
func (a answer) problem(t *testing.T, status int) adminapi.Problem {
	t.Helper()
	require.Equal(t, status, a.status, a.text)
	require.Equal(t, adminapi.ProblemType, a.header.Get("Content-Type"))
	var p adminapi.Problem
	a.into(t, &p)
	require.Equal(t, status, p.Status)
	require.Equal(t, "about:blank", p.Type)
	require.Equal(t, http.StatusText(status), p.Title)
	return p
}

// do sends a request and checks the answer against the OpenAPI document.
func (n *node) do(method, target, token, body string, fields ...string) answer {
	n.t.Helper()
	req, err := http.NewRequest(method, n.server.URL()+target, strings.NewReader(body))
	require.NoError(n.t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
		if fields[i] == "Host" {
			req.Host = fields[i+1]
		}
	}
	res, err := n.client.Do(req)
	require.NoError(n.t, err)
	text, err := io.ReadAll(res.Body)
	require.NoError(n.t, err)
	require.NoError(n.t, res.Body.Close())
	n.describe(method, req.URL.Path, res, text)
	return answer{res.StatusCode, res.Header, string(text)}
}

// describe holds an answer against what the OpenAPI document says of it.
func (n *node) describe(method, path string, res *http.Response, text []byte) {
	n.t.Helper()
	mediaType := res.Header.Get("Content-Type")
	if !strings.HasSuffix(mediaType, "json") || method == http.MethodHead || path == "/openapi.json" {
		return
	}
	schema := "/components/schemas/Problem"
	if mediaType == "application/json" {
		for _, o := range adminapi.Operations() {
			if o.Method == method && matches(o.Path, path) {
				schema = "/paths/" + strings.ReplaceAll(o.Path, "/", "~1") + "/" + strings.ToLower(method) +
					"/responses/" + strconv.Itoa(res.StatusCode) + "/content/application~1json/schema"
			}
		}
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(n.server.api.openAPI))
	require.NoError(n.t, err)
	c := jsonschema.NewCompiler()
	require.NoError(n.t, c.AddResource("openapi.json", doc))
	s, err := c.Compile("openapi.json#" + strings.NewReplacer("{", "%7B", "}", "%7D").Replace(schema))
	require.NoError(n.t, err)
	body, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(n.t, err)
	require.NoError(n.t, s.Validate(body), "%s %s: %s", method, path, text)
}

// matches reports whether path is one of a template such as /v1/quotas/{segment}.
func matches(template, path string) bool {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if want[i] != got[i] && !strings.HasPrefix(want[i], "{") {
			return false
		}
	}
	return true
}

// entries are the audit log's entries, newest first, in short.
func (n *node) entries() []string {
	list, err := n.log.List(0, 1000)
	require.NoError(n.t, err)
	var out []string
	for _, e := range list {
		require.NotEmpty(n.t, e.Remote)
		out = append(out, strings.Join([]string{e.Principal, e.Action, e.Target, string(e.Result)}, " "))
	}
	return out
}

var errDisk = errors.New("disk full")

// journal is an invalidation.Journal in memory.
type journal struct {
	mu   sync.Mutex // guards what follows
	n    int
	fail bool
	hold chan struct{} // if set, Append waits for it
}

func (j *journal) Append(invalidation.Record) error {
	j.mu.Lock()
	hold := j.hold
	j.mu.Unlock()
	if hold != nil {
		<-hold
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fail {
		return errDisk
	}
	j.n++
	return nil
}

func (j *journal) Replay(func(invalidation.Record) error) error { return nil }

func (j *journal) count() int { j.mu.Lock(); defer j.mu.Unlock(); return j.n }

func (j *journal) set(fail bool, hold chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fail, j.hold = fail, hold
}

// index is a cache in which every selector selects three answers.
type index struct{}

func (index) Count(cachekey.Selector) int { return 3 }
func (index) Sweep(cachekey.Selector) int { return 3 }

// explainer is an Explainer of one function.
type explainer struct {
	fn func(host, target string) (edge.Explanation, error)
}

func (e *explainer) Explain(host, target string, _ edge.Fields) (edge.Explanation, error) {
	return e.fn(host, target)
}
