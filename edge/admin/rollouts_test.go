package admin

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/invalidation/driver"
	"github.com/letteros/letteredge/invalidation/rollout"
	"github.com/letteros/letteredge/quota"
)

// ledger is a control log in memory.
type ledger struct {
	mu      sync.Mutex
	records *gossip.Records
	index   uint64
	err     error
}

func (l *ledger) Update(_ context.Context, keys []string, compute func(map[string]gossip.Record) (gossip.Txn, error)) (gossip.Outcome, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := map[string]gossip.Record{}
	for _, k := range keys {
		if r, ok := l.records.Get(k); ok {
			now[k] = r
		}
	}
	if l.err != nil {
		return gossip.Outcome{}, l.err
	}
	txn, err := compute(now)
	if err != nil || len(txn.Puts) == 0 {
		return gossip.Outcome{}, err
	}
	l.index++
	return l.records.Apply(l.index, txn), nil
}

func startDocs(t *testing.T) (*node, *ledger) {
	l := &ledger{records: gossip.NewRecords()}
	n := startAt(t, "127.0.0.1:0", Config{Node: "local-1"}, func(s *Server) {
		s.api.Rollouts = driver.NewBoard(l.records, l, rollout.Plans(0), time.Now)
	})
	return n, l
}

var (
	digest = rollout.Digest(map[string][]byte{"a": nil})
	trial  = `{"documents":[{"id":"trial","version":42,"digest":"` + digest + `"}]}`
)

func TestDocsUpdates(t *testing.T) {
	n, l := startDocs(t)
	n.do("POST", "/v1/docs/updates", "", trial).problem(t, 401)
	n.do("POST", "/v1/docs/updates", purger, trial).problem(t, 403)
	dry := n.do("POST", "/v1/docs/updates", root, strings.Replace(trial, "{", `{"dry_run":true,`, 1))
	require.JSONEq(t, `{"rollout":null,"state":"waiting","dry_run":true}`, dry.text)
	a := n.do("POST", "/v1/docs/updates", root, trial, "Idempotency-Key", "k")
	require.Equal(t, 202, a.status)
	var done adminapi.DocsAccepted
	a.into(t, &done)
	require.Equal(t, "/v1/rollouts/"+*done.Rollout, a.header.Get("Location"))
	require.Equal(t, a.text, n.do("POST", "/v1/docs/updates", root, trial, "Idempotency-Key", "k").text)
	n.do("POST", "/v1/docs/updates", root, strings.Replace(trial, "42", "43", 1), "Idempotency-Key", "k").problem(t, 422)
	n.do("POST", "/v1/docs/updates", root, strings.Replace(trial, "sha256-", "sha256-AAAA", 1)).problem(t, 400)
	other := rollout.Digest(map[string][]byte{"b": nil})
	p := n.do("POST", "/v1/docs/updates", root, strings.Replace(trial, digest, other, 1)).problem(t, 409)
	require.Contains(t, p.Detail, "is recorded as "+digest+", and this is "+other)

	var r adminapi.Rollout
	n.do("GET", a.header.Get("Location"), "", "").into(t, &r)
	require.Equal(t, "waiting edge default root", strings.Join([]string{r.State, r.Stage, r.Plan, r.By}, " "))
	var rollouts adminapi.List[adminapi.Rollout]
	n.do("GET", "/v1/rollouts", "", "").into(t, &rollouts)
	require.Equal(t, []adminapi.Rollout{r}, rollouts.Items)
	require.JSONEq(t, `{"items":[{"id":"trial","version":0,"highest":42,"candidate":null}],"next":null}`, n.do("GET", "/v1/docs", "", "").text)
	n.do("GET", "/v1/rollouts/x", "", "").problem(t, 404)
	n.do("GET", "/v1/rollouts/x/events", "", "").problem(t, 404)

	n.do("POST", a.header.Get("Location")+"/rollback", root, "").problem(t, 409)
	n.do("POST", a.header.Get("Location")+"/promote", root, "").problem(t, 409)
	n.do("POST", a.header.Get("Location")+"/abort", purger, "").problem(t, 403)
	n.do("POST", a.header.Get("Location")+"/abort", root, "").into(t, &r)
	require.Equal(t, "aborted", r.State)
	l.mu.Lock()
	l.err = quota.ErrNoQuorum
	l.mu.Unlock()
	n.do("POST", "/v1/docs/updates", root, strings.Replace(trial, "42", "44", 1)).problem(t, 503)
	require.Contains(t, n.entries(), "root rollout.abort "+r.Rollout+" done")
	require.Contains(t, n.entries(), "root docs.update trial=42 done")
}

func TestDocsUpdatesRefused(t *testing.T) {
	n, _ := startDocs(t)
	for body, pointer := range map[string]string{
		`{}`:                                                   "#/documents",
		`{"documents":{}}`:                                     "#/documents",
		`{"documents":[1]}`:                                    "#/documents/0",
		`{"documents":[{"id":"Trial"}]}`:                       "#/documents/0/id",
		`{"documents":[{"ID":"trial"}]}`:                       "#/documents/0/ID",
		`{"documents":[{"id":"trial"}]}`:                       "#/documents/0/version",
		`{"documents":[{"version":"1"}]}`:                      "#/documents/0/version",
		strings.Replace(trial, "{", `{"plan":"canary",`, 1):    "#/plan",
		strings.Replace(trial, "{", `{"artifacts":["/x"],`, 1): "#/artifacts/0",
		strings.Replace(trial, `"id"`, `"tags":["pricing","segment:b2c"],"id"`, 1): "#/documents/0/tags",
		strings.Replace(trial, "{", `{"wait":true,`, 1):                            "#/wait",
		strings.Replace(trial, `"id"`, `"deleted":true,"id"`, 1):                   "#/documents/0/digest",
	} {
		require.Equal(t, pointer, n.do("POST", "/v1/docs/updates", root, body).problem(t, 400).Errors[0].Pointer, body)
	}
}

func TestRolloutEvents(t *testing.T) {
	n, _ := startDocs(t)
	var done adminapi.DocsAccepted
	n.do("POST", "/v1/docs/updates", root, trial).into(t, &done)
	res, err := n.client.Get(n.server.URL() + "/v1/rollouts/" + *done.Rollout + "/events")
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Equal(t, "text/event-stream", res.Header.Get("Content-Type"))
	lines := bufio.NewScanner(res.Body)
	var states []string
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var r adminapi.Rollout
		answer{text: data}.into(t, &r)
		if states = append(states, r.State); r.State == "waiting" {
			n.do("POST", "/v1/rollouts/"+*done.Rollout+"/abort", root, "")
		}
	}
	require.NoError(t, lines.Err(), "it ends with the rollout")
	require.Equal(t, []string{"waiting", "aborted"}, states)

	// Who follows one that waits does not hold a shutdown up.
	n.do("POST", "/v1/docs/updates", root, strings.Replace(trial, "42", "43", 1)).into(t, &done)
	res, err = n.client.Get(n.server.URL() + "/v1/rollouts/" + *done.Rollout + "/events")
	require.NoError(t, err)
	t.Cleanup(func() { res.Body.Close() })
}
