package behaviour

import (
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/docsorigin"
)

// kill ends a node of a demo, which is not our child, with SIGKILL.
func kill(t *testing.T, n *Node) {
	t.Helper()
	require.NoError(t, syscall.Kill(n.PID, syscall.SIGKILL))
	Until(t, "the node to be gone", func() bool { return !Alive(n.PID) })
}

// byHand starts a killed node of a demo by its configuration.
func byHand(t *testing.T, n *Node) *Node {
	t.Helper()
	again := n.edged.ByConfig(t, n.Config)
	require.Equal(t, []string{n.ID, n.Region, n.HTTP, n.HTTPS, n.Admin}, []string{again.ID, again.Region, again.HTTP, again.HTTPS, again.Admin})
	again.Token = n.Token
	return again
}

// starting is byHand without waiting until the node serves.
func starting(t *testing.T, n *Node) *Node {
	t.Helper()
	again := *n
	again.Process = n.edged.start(t, "run", "--json", "--config", n.Config)
	again.PID = again.Process.PID()
	return &again
}

// audited is an entry of the audit log.
type audited struct {
	Seq       int64  `json:"seq"`
	Principal string `json:"principal"`
	Action    string `json:"action"`
	Target    string `json:"target"`
	Result    string `json:"result"`
}

// audit reads it, but for what a demo does itself at its start.
func audit(t *testing.T, a *Admin) []audited {
	t.Helper()
	var list struct{ Items []audited }
	a.Want(t, http.StatusOK, &list, "GET", "/v1/audit?limit=1000", "")
	return slices.DeleteFunc(list.Items, func(e audited) bool { return e.Action == "docs.update" })
}

// TestLimitsAndPurgesSurviveAKill: what was acknowledged is there after kill -9.
func TestLimitsAndPurgesSurviveAKill(t *testing.T) {
	t.Parallel()
	demo := edged.Demo(t, "--regions", "a", "--nodes", "1")
	n := demo.Nodes[0]
	admin := n.Administer(t)
	put := admin.Want(t, http.StatusCreated, nil, "PUT", "/v1/quotas/b2b", `{"rps":1,"burst":2,"overflow":"reject","priority":7}`)
	admin.Want(t, http.StatusCreated, nil, "PUT", "/v1/quotas/b2c", `{"rps":9}`)
	admin.Want(t, http.StatusNoContent, nil, "DELETE", "/v1/quotas/b2c", "")
	quota := admin.Want(t, http.StatusOK, nil, "GET", "/v1/quotas/b2b", "")
	require.Equal(t, put.Header.Get("ETag"), quota.Header.Get("ETag"))
	waited := admin.Purge(t, `{"tags":["doc:trial"]}`, Hard)
	var accepted Purge
	admin.Want(t, http.StatusAccepted, &accepted, "POST", "/v1/purges", `{"select":{"segment":"b2b"},"mode":"soft"}`)
	log := audit(t, admin)
	kill(t, n)

	n = byHand(t, n)
	admin = n.Administer(t)
	again := admin.Want(t, http.StatusOK, nil, "GET", "/v1/quotas/b2b", "")
	require.Equal(t, string(quota.Body), string(again.Body))
	require.Equal(t, quota.Header.Get("ETag"), again.Header.Get("ETag"))
	admin.Want(t, http.StatusNotFound, nil, "GET", "/v1/quotas/b2c", "")
	for _, id := range []string{waited.Purge, accepted.Purge} {
		var p Purge
		admin.Want(t, http.StatusOK, &p, "GET", "/v1/purges/"+id, "")
		require.Equal(t, "complete", p.State)
		require.Equal(t, "applied", p.Nodes[0].State)
	}
	require.Equal(t, log, audit(t, admin))
	require.Len(t, log, 5)
	admin.Want(t, http.StatusPreconditionFailed, nil, "PUT", "/v1/quotas/b2b", `{"rps":5}`, "If-Match", `"other"`)

	r := n.Readers(t)
	refused := 0
	for i := range 30 {
		got := r.Get(t, Protos()[i%3], trial)
		require.Equal(t, `"b2b";q=1;w=1`, got.Header.Get("RateLimit-Policy"))
		if got.Status == http.StatusTooManyRequests {
			refused++
		}
	}
	require.Greater(t, refused, 15, "the limit is enforced")
}

// TestKillAmidWrites: whenever the kill comes, what was acknowledged before it is
// there, and nothing else than the one write that was under way.
func TestKillAmidWrites(t *testing.T) {
	t.Parallel()
	demo := edged.Demo(t, "--regions", "a", "--nodes", "1")
	n := demo.Nodes[0]
	sent := 0
	for range 4 {
		admin := n.Administer(t)
		var acknowledged atomic.Int64
		acknowledged.Store(int64(sent))
		dead, purges := make(chan struct{}), []string{}
		go func() {
			defer close(dead)
			for {
				sent++
				r, err := admin.Try(t.Context(), "PUT", "/v1/quotas/b2b", fmt.Sprintf(`{"rps":%d}`, sent))
				if err != nil || r.Status/100 != 2 {
					return
				}
				acknowledged.Store(int64(sent))
				p, err := admin.TryPurge(t.Context(), `{"tags":["doc:trial"]}`, Hard)
				if err != nil {
					return
				}
				purges = append(purges, p.Purge)
			}
		}()
		from := acknowledged.Load()
		Until(t, "some writes", func() bool { return acknowledged.Load() > from+20 })
		kill(t, n)
		Receive(t, "the writer to notice", dead)

		n = byHand(t, n)
		admin = n.Administer(t)
		var quota struct{ RPS float64 }
		admin.Want(t, http.StatusOK, &quota, "GET", "/v1/quotas/b2b", "")
		require.Contains(t, []int64{acknowledged.Load(), int64(sent)}, int64(quota.RPS))
		sent = int(quota.RPS)
		for _, id := range purges {
			admin.Want(t, http.StatusOK, nil, "GET", "/v1/purges/"+id, "")
		}
		again := admin.Purge(t, `{"all":true}`, Hard)
		require.NotContains(t, purges, again.Purge, "no purge's id is issued twice")
	}
}

// TestALoneNodeKeepsItsLimits: a node without a configuration file has a control
// log of its own, in its state folder.
func TestALoneNodeKeepsItsLimits(t *testing.T) {
	t.Parallel()
	docs, state := NewDocs(t, docsorigin.Options{}), t.TempDir()
	n := edged.Node(t, docs.URL, "--state", state)
	admin := n.Administer(t)
	put := admin.Want(t, http.StatusCreated, nil, "PUT", "/v1/quotas/b2b", `{"rps":1,"burst":2}`)
	admin.Want(t, http.StatusCreated, nil, "PUT", "/v1/quotas/b2c", `{"rps":9}`)
	admin.Want(t, http.StatusNoContent, nil, "DELETE", "/v1/quotas/b2c", "")
	n.Kill()

	n = edged.Node(t, docs.URL, "--state", state)
	admin = n.Administer(t)
	got := admin.Want(t, http.StatusOK, nil, "GET", "/v1/quotas/b2b", "")
	require.Equal(t, put.Header.Get("ETag"), got.Header.Get("ETag"))
	admin.Want(t, http.StatusNotFound, nil, "GET", "/v1/quotas/b2c", "")
	admin.Want(t, http.StatusOK, nil, "PUT", "/v1/quotas/b2b", `{"rps":2}`, "If-Match", got.Header.Get("ETag"))
}
