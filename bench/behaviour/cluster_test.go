package behaviour

import (
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/docsorigin"
)

// admins opens a client of every node's admin API.
func (d *Demo) admins(t *testing.T) []*Admin {
	all := make([]*Admin, len(d.Nodes))
	for i, n := range d.Nodes {
		all[i] = n.Administer(t)
	}
	return all
}

// listedNode is an item of GET /v1/nodes.
type listedNode struct {
	ID, Region, State, Incarnation string
}

// states are what a node says of all of them, by id.
func states(t *testing.T, a *Admin) map[string]string {
	t.Helper()
	var list struct{ Items []listedNode }
	a.Want(t, http.StatusOK, &list, "GET", "/v1/nodes", "")
	all := map[string]string{}
	for _, n := range list.Items {
		all[n.ID] = n.State
	}
	return all
}

// allReady waits until every node of the demo says that all are ready.
func allReady(t *testing.T, d *Demo) {
	t.Helper()
	for i, a := range d.admins(t) {
		Until(t, fmt.Sprintf("%s to see all nodes ready", d.Nodes[i].ID), func() bool {
			now := states(t, a)
			return len(now) == len(d.Nodes) && !slices.ContainsFunc(d.Nodes, func(n *Node) bool { return now[n.ID] != "ready" })
		})
	}
}

// TestNodesEverywhere: every node lists all of them, ready, and one that is killed
// as unreachable.
func TestNodesEverywhere(t *testing.T) {
	t.Parallel()
	demo := edged.Demo(t)
	allReady(t, demo)
	kill(t, demo.Nodes[4])
	admin := demo.Nodes[1].Administer(t)
	Until(t, "the dead node to be missed", func() bool { return states(t, admin)[demo.Nodes[4].ID] == "unreachable" })
	var list struct {
		Items []struct {
			ID, State    string
			Nodes, Ready int
		}
	}
	admin.Want(t, http.StatusOK, &list, "GET", "/v1/regions", "")
	require.Len(t, list.Items, 3)
	for _, r := range list.Items {
		want := "ready"
		if r.ID == demo.Nodes[4].Region {
			want = "degraded"
		}
		require.Equal(t, want, r.State, r.ID)
	}
}

// TestQuotasEverywhere: what is set through one node is the same on all, ordered
// by If-Match whichever node is asked, and all nodes together admit no more than
// it says.
func TestQuotasEverywhere(t *testing.T) {
	t.Parallel()
	demo := edged.Demo(t)
	admins := demo.admins(t)
	put := admins[1].Want(t, http.StatusCreated, nil, "PUT", "/v1/quotas/b2b", `{"rps":12,"burst":12}`)
	tag := put.Header.Get("ETag")
	for i, a := range admins {
		Until(t, "the quota on "+demo.Nodes[i].ID, func() bool {
			r := a.Do(t, "GET", "/v1/quotas/b2b", "")
			return r.Status == http.StatusOK && r.Header.Get("ETag") == tag
		})
	}
	second := admins[4].Want(t, http.StatusOK, nil, "PUT", "/v1/quotas/b2b", `{"rps":6,"burst":6}`, "If-Match", tag)
	admins[0].Want(t, http.StatusPreconditionFailed, nil, "PUT", "/v1/quotas/b2b", `{"rps":7}`, "If-Match", tag)
	for i, a := range admins {
		Until(t, "the new quota on "+demo.Nodes[i].ID, func() bool {
			return a.Do(t, "GET", "/v1/quotas/b2b", "").Header.Get("ETag") == second.Header.Get("ETag")
		})
	}

	// Readers of all nodes, over all protocols, for some seconds: of the whole
	// limit R per second and B at once no more than R × W + B may pass.
	begin := time.Now()
	admitted := 0
	readers := make([]*Readers, len(demo.Nodes))
	for i, n := range demo.Nodes {
		readers[i] = n.Readers(t)
	}
	for i := 0; time.Since(begin) < 4*time.Second; i++ {
		r := readers[i%len(readers)].Get(t, Protos()[i/len(readers)%3], trial)
		require.Equal(t, `"b2b";q=6;w=1`, r.Header.Get("RateLimit-Policy"))
		if r.Status == http.StatusOK {
			admitted++
		}
	}
	whole := 6*time.Since(begin).Seconds() + 6
	require.LessOrEqual(t, float64(admitted), whole)
	require.Greater(t, admitted, 6, "the limit lets some pass")

	admins[5].Want(t, http.StatusNoContent, nil, "DELETE", "/v1/quotas/b2b", "")
	for i, a := range admins {
		Until(t, "no quota on "+demo.Nodes[i].ID, func() bool { return a.Do(t, "GET", "/v1/quotas/b2b", "").Status == http.StatusNotFound })
	}
}

// counting is an origin whose every answer is a new one, cacheable for an hour.
func counting(t *testing.T) (url string, count *atomic.Int64) {
	docs := NewDocs(t, docsorigin.Options{})
	return docs.URL, countingOn(docs)
}

// countingOn has an origin count, too.
func countingOn(docs *Docs) (count *atomic.Int64) {
	count = new(atomic.Int64)
	next := docs.Config.Handler
	docs.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/count" {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Cache-Control", "max-age=3600")
		w.Header().Set("Cache-Tag", "count")
		fmt.Fprint(w, count.Add(1))
	})
	return count
}

// TestPurgesEverywhere: a purge sent to one node is a fact on all six. After its
// receipts none of them serves what was purged, and each can answer for it. The
// times from acceptance to application and to receipt are logged.
func TestPurgesEverywhere(t *testing.T) {
	t.Parallel()
	origin, count := counting(t)
	demo := edged.Demo(t, "--origin", origin)
	admins := demo.admins(t)
	var readers []*Readers
	for _, n := range demo.Nodes {
		readers = append(readers, n.Readers(t))
	}
	const purges = 200
	var applied, receipts []float64
	for i := range purges {
		for _, r := range readers {
			r.Get(t, H1, "/count")
		}
		p := admins[i%len(admins)].Purge(t, `{"tags":["count"]}`, Hard)
		seen := count.Load()
		require.Len(t, p.Nodes, len(demo.Nodes))
		for _, n := range p.Nodes {
			require.Equal(t, "applied", n.State, "%s: %+v", p.Purge, n)
			require.NotEmpty(t, n.Signature, "%s: %+v", p.Purge, n)
			applied = append(applied, n.AppliedAfterMS)
			receipts = append(receipts, n.ReceiptAfterMS)
		}
		for j, r := range readers {
			var got int64
			_, err := fmt.Sscan(string(r.Get(t, Protos()[(i+j)%3], "/count").Body), &got)
			require.NoError(t, err)
			require.Greater(t, got, seen, "%s serves what %s has purged", demo.Nodes[j].ID, p.Purge)
		}
		if i%20 == 0 {
			for j, a := range admins {
				Until(t, demo.Nodes[j].ID+" to answer for "+p.Purge, func() bool {
					r := a.Do(t, "GET", "/v1/purges/"+p.Purge, "")
					return r.Status == http.StatusOK && jsonField(t, r.Body, "state") == "complete"
				})
			}
		}
	}
	t.Logf("%d purges on %d nodes, ms: applied p50 %.1f p99 %.1f, receipt p50 %.1f p99 %.1f", purges, len(demo.Nodes),
		quantile(applied, 0.5), quantile(applied, 0.99), quantile(receipts, 0.5), quantile(receipts, 0.99))
}

// quantile returns the value below which q of all values are.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// TestANodeComesBack: a node that was killed, and one that was frozen, has what it
// missed before it is ready.
func TestANodeComesBack(t *testing.T) {
	t.Parallel()
	origin, count := counting(t)
	demo := edged.Demo(t, "--origin", origin)
	admins := demo.admins(t)
	gone := demo.Nodes[3]
	kill(t, gone)
	admins[0].Want(t, http.StatusCreated, nil, "PUT", "/v1/quotas/b2c", `{"rps":1000}`)
	var ids []string
	for range 5 {
		r := admins[0].Do(t, "POST", "/v1/purges?wait=all&timeout=1s", `{"select":{"tags":["count"]}}`)
		require.Equal(t, http.StatusGatewayTimeout, r.Status, "%s", r.Body)
		var p Purge
		r.JSON(t, &p)
		require.Equal(t, "partial", p.State)
		for _, n := range p.Nodes {
			if n.ID == gone.ID {
				require.Contains(t, []string{"pending", "unreachable"}, n.State)
			}
		}
		appliedOn(t, admins[0], p.Purge, slices.DeleteFunc(slices.Clone(demo.Nodes), func(n *Node) bool { return n.ID == gone.ID })...)
		ids = append(ids, p.Purge)
	}
	Until(t, "the dead node to be fenced, and the purges complete", func() bool {
		return jsonField(t, admins[5].Do(t, "GET", "/v1/purges/"+ids[4], "").Body, "state") == "complete"
	})

	// Started while nobody tells it anything, it lives, and is not ready: it knows
	// what it has, and not what it lacks.
	for i, n := range demo.Nodes {
		if i != 3 {
			require.NoError(t, syscall.Kill(n.PID, syscall.SIGSTOP))
		}
	}
	admin := gone.Administer(t)
	readyz := func() int {
		r, err := admin.Try(t.Context(), "GET", "/readyz", "")
		if err != nil {
			return 0 // it does not listen yet
		}
		return r.Status
	}
	back := starting(t, gone)
	Until(t, "the node to live", func() bool { return readyz() != 0 })
	for begun := time.Now(); time.Since(begun) < 2*time.Second; {
		require.Equal(t, http.StatusServiceUnavailable, readyz(), "it cannot know what it missed")
	}
	for i, n := range demo.Nodes {
		if i != 3 {
			require.NoError(t, syscall.Kill(n.PID, syscall.SIGCONT))
		}
	}
	Until(t, "the node to be ready", func() bool { return readyz() == http.StatusOK })
	admin.Want(t, http.StatusOK, nil, "GET", "/v1/quotas/b2c", "")
	for _, id := range ids {
		var p Purge
		admin.Want(t, http.StatusOK, &p, "GET", "/v1/purges/"+id, "")
		require.Contains(t, stateOf(p, back.ID), "applied")
	}

	// Frozen, it misses one; woken, it must not serve what it missed once it says
	// that it is not isolated.
	r := back.Readers(t)
	r.Get(t, H1, "/count")
	require.NoError(t, syscall.Kill(back.PID, syscall.SIGSTOP))
	seen := count.Load()
	admins[0].Do(t, "POST", "/v1/purges?wait=all&timeout=100ms", `{"select":{"tags":["count"]}}`)
	accepted := time.Now()
	Until(t, "the frozen node to be fenced", func() bool {
		var list struct{ Items []Purge }
		admins[0].Want(t, http.StatusOK, &list, "GET", "/v1/purges?limit=1", "")
		return list.Items[0].State == "complete"
	})
	// Fenced, it is not waited for, and bounded by what it may show: from ten
	// seconds after the acceptance on nothing purged but marked.
	Until(t, "ten seconds to pass", func() bool { return time.Since(accepted) > 10*time.Second })
	require.NoError(t, syscall.Kill(back.PID, syscall.SIGCONT))
	answer := r.Get(t, H1, "/count")
	var got int64
	_, err := fmt.Sscan(string(answer.Body), &got)
	require.NoError(t, err)
	if answer.Header.Get("Edge-Degraded") == "" {
		require.Greater(t, got, seen, "a purged copy, unmarked, from a node that was fenced: %v", answer.Header)
	}
}

func stateOf(p Purge, node string) string {
	for _, n := range p.Nodes {
		if n.ID == node {
			return n.State
		}
	}
	return ""
}

// appliedOn waits until a node knows that some nodes have applied a purge, whatever
// becomes of the others.
func appliedOn(t *testing.T, a *Admin, purge string, nodes ...*Node) {
	t.Helper()
	Until(t, "the purge to be applied", func() bool {
		var p Purge
		a.Want(t, http.StatusOK, &p, "GET", "/v1/purges/"+purge, "")
		return !slices.ContainsFunc(nodes, func(n *Node) bool { return stateOf(p, n.ID) != "applied" })
	})
}

// TestVotersDie: without one voter everything works; without two, what needs one
// order is refused with 503, and reads and purges go on.
func TestVotersDie(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	countingOn(docs)
	demo := edged.Demo(t, "--origin", docs.URL)
	admins := demo.admins(t)
	p := pusher{command(t, "edgectl"), demo}
	alive := []int{1, 3, 4, 5}
	allReady(t, demo)
	exit, last := p.push(t, docs.Dir)
	require.Zero(t, exit, "%+v", last)
	one, two := demo.Nodes[0], demo.Nodes[2] // the voters of the first and the second region
	kill(t, one)
	Until(t, "a quota to be set without one voter", func() bool {
		s := admins[1].Do(t, "PUT", "/v1/quotas/b2b", `{"rps":1000}`).Status
		return s == http.StatusCreated || s == http.StatusOK
	})
	// A push goes everywhere, but for the dead node, which is named.
	next := docs.Raise(t, "trial")
	begun := time.Now()
	exit, last = p.push(t, docs.Dir)
	require.Zero(t, exit, "%+v", last)
	t.Logf("a push with one voter dead took %.1f s", time.Since(begun).Seconds())
	require.Equal(t, "done", last.State)
	shows := func(when string) {
		t.Helper()
		for _, at := range append([]int{2}, alive...) {
			if !Alive(demo.Nodes[at].PID) {
				continue
			}
			for _, proto := range Protos() {
				r := demo.Nodes[at].Readers(t).Get(t, proto, trial)
				require.Equal(t, http.StatusOK, r.Status, "%s %s", when, demo.Nodes[at].ID)
				require.Equal(t, fmt.Sprint(next), r.Versions()["trial"], "%s %s", when, demo.Nodes[at].ID)
			}
		}
	}
	shows("with one voter dead")
	purged := admins[1].Do(t, "POST", "/v1/purges?wait=all&timeout=30s", `{"select":{"tags":["count"]}}`)
	require.Equal(t, http.StatusOK, purged.Status, "the dead one is fenced: %s", purged.Body)

	kill(t, two)
	Until(t, "a quota to be refused without two voters", func() bool {
		r := admins[1].Do(t, "PUT", "/v1/quotas/b2b", `{"rps":500}`)
		return r.Status == http.StatusServiceUnavailable && r.Header.Get("Retry-After") != ""
	})
	digest := "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	refused := admins[3].Do(t, "POST", "/v1/docs/updates", fmt.Sprintf(`{"documents":[{"id":"trial","version":%d,"digest":%q}]}`, next+1, digest))
	require.Equal(t, http.StatusServiceUnavailable, refused.Status, "%s", refused.Body)
	docs.Raise(t, "trial")
	failed := p.run(t, "docs", "push", docs.Dir)
	require.Equal(t, 1, failed.Exit, failed.Stderr)
	shows("with two voters dead") // and what was not pushed shows nowhere
	for _, at := range alive {
		require.Equal(t, http.StatusOK, demo.Nodes[at].Readers(t).Get(t, H3, "/count").Status)
	}
	answer := admins[3].Do(t, "POST", "/v1/purges?wait=all&timeout=2s", `{"select":{"tags":["count"]}}`)
	require.Equal(t, http.StatusGatewayTimeout, answer.Status, "%s", answer.Body)
	var partial Purge
	answer.JSON(t, &partial)
	require.Equal(t, "partial", partial.State)
	for _, at := range alive {
		appliedOn(t, admins[3], partial.Purge, demo.Nodes[at])
	}
	byHand(t, one)
	Until(t, "a quota to be set with two voters again", func() bool {
		return admins[5].Do(t, "PUT", "/v1/quotas/b2b", `{"rps":500}`).Status == http.StatusOK
	})
	exit, last = p.push(t, docs.Dir)
	require.Zero(t, exit, "%+v", last)
	require.Equal(t, "done", last.State)
}

// TestAllNodesAreKilled: kill -9 of all six, and a start with the same state:
// no acknowledged purge or quota is lost.
func TestAllNodesAreKilled(t *testing.T) {
	t.Parallel()
	origin, _ := counting(t)
	state := t.TempDir()
	demo := edged.Demo(t, "--origin", origin, "--state", state)
	ids := map[string]bool{}
	rps := 0
	for i := range 3 {
		admins := demo.admins(t)
		for j := range 10 {
			rps = 1000*i + j + 1
			r := admins[j%6].Do(t, "PUT", "/v1/quotas/b2b", fmt.Sprintf(`{"rps":%d}`, rps))
			require.Contains(t, []int{http.StatusOK, http.StatusCreated}, r.Status, "%s", r.Body)
			var p Purge
			admins[(j+3)%6].Want(t, http.StatusAccepted, &p, "POST", "/v1/purges", `{"select":{"tags":["count"]}}`)
			require.False(t, ids[p.Purge])
			ids[p.Purge] = true
		}
		for _, n := range demo.Nodes {
			require.NoError(t, syscall.Kill(n.PID, syscall.SIGKILL))
		}
		demo.Interrupt()
		demo.Wait()
		demo = edged.Demo(t, "--origin", origin, "--state", state)
		for k, a := range demo.admins(t) {
			Until(t, "the quota on "+demo.Nodes[k].ID, func() bool {
				var q struct{ RPS int }
				r := a.Do(t, "GET", "/v1/quotas/b2b", "")
				if r.Status == http.StatusOK {
					r.JSON(t, &q)
				}
				return q.RPS == rps
			})
			for id := range ids {
				Until(t, id+" on "+demo.Nodes[k].ID, func() bool {
					return a.Do(t, "GET", "/v1/purges/"+id, "").Status == http.StatusOK
				})
			}
		}
	}
}

// TestANodeLeaves: a node that is told to stop gives its last answer and says so:
// purges and pushes do not wait for it, and it comes back as it went.
func TestANodeLeaves(t *testing.T) {
	t.Parallel()
	demo := edged.Demo(t)
	allReady(t, demo)
	gone := demo.Nodes[3]
	require.NoError(t, syscall.Kill(gone.PID, syscall.SIGTERM))
	Until(t, "the node to be gone", func() bool { return !Alive(gone.PID) })
	for i, a := range demo.admins(t) {
		if i == 3 {
			continue
		}
		Until(t, demo.Nodes[i].ID+" to know that it has left", func() bool { return states(t, a)[gone.ID] == "left" })
	}
	admin := demo.Nodes[5].Administer(t)
	p := admin.Purge(t, `{"tags":["doc:trial"]}`, Hard)
	require.Len(t, p.Nodes, len(demo.Nodes)-1, "%+v", p)
	var list struct{ Items []struct{ ID, State string } }
	admin.Want(t, http.StatusOK, &list, "GET", "/v1/regions", "")
	for _, r := range list.Items {
		require.Equal(t, "ready", r.State, r.ID)
	}

	back := byHand(t, gone)
	require.Equal(t, http.StatusOK, back.Administer(t).Do(t, "GET", "/readyz", "").Status)
	allReady(t, demo)
	var got Purge
	back.Administer(t).Want(t, http.StatusOK, &got, "GET", "/v1/purges/"+p.Purge, "")
	again := admin.Purge(t, `{"tags":["doc:trial"]}`, Hard)
	require.Len(t, again.Nodes, len(demo.Nodes))
}
