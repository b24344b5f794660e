package admin

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/invalidation"
	"github.com/letteros/letteredge/quota"
)

// six is a cluster of which only this node runs; the test is the others.
type six struct {
	engine    *invalidation.Engine
	seq       uint64
	published chan gossip.Dot
}

func (s *six) Publish(payload []byte) (gossip.Dot, error) {
	s.seq++
	dot := gossip.Dot{Node: "local-1", Incarnation: 7, Seq: s.seq}
	_, err := s.engine.Deliver(dot, payload)
	s.published <- dot
	return dot, err
}

// receipt is another node's, of everything.
func (s *six) receipt(node string, dot gossip.Dot) {
	n := 3
	s.engine.Observe(invalidation.Report{
		Node: node, Applied: gossip.Vector{dot.Source(): dot.Seq}, Signature: []byte(node),
		Details: []invalidation.Receipt{{Dot: dot, AppliedAfterMS: 1.5, Entries: &n}},
	})
}

func startSix(t *testing.T) (*node, *six) {
	n := start(t)
	s := &six{engine: n.purges, published: make(chan gossip.Dot, 8)}
	var members []invalidation.Member
	for _, id := range []string{"local-1", "local-2", "other-1", "other-2"} {
		members = append(members, invalidation.Member{Peer: invalidation.Peer{ID: id, Region: id[:5]}})
	}
	require.NoError(t, n.purges.Join(invalidation.Cluster{
		Spread: s, Members: func() []invalidation.Member { return members },
		Voters: func() []string { return []string{"local-1", "local-2", "other-1"} },
	}))
	return n, s
}

const everything = `{"select":{"all":true}}`

func TestAPurgeIsWaitedFor(t *testing.T) {
	n, s := startSix(t)
	done := make(chan answer, 1)
	go func() { done <- n.do("POST", "/v1/purges?wait=all&timeout=20s", purger, everything) }()
	dot := <-s.published
	for _, id := range []string{"local-2", "other-1"} {
		s.receipt(id, dot)
	}
	require.Empty(t, done)
	s.receipt("other-2", dot)
	a := <-done
	require.Equal(t, 200, a.status)
	var p adminapi.Purge
	a.into(t, &p)
	require.Equal(t, "complete", p.State)
	require.Equal(t, []adminapi.PurgeRegion{{Region: "local", State: "complete"}, {Region: "other", State: "complete"}}, p.Regions)
	require.Equal(t, "other-2 applied 1.5 3 b3RoZXItMg==",
		fmt.Sprint(p.Nodes[3].ID, " ", p.Nodes[3].State, " ", *p.Nodes[3].AppliedAfterMS, " ", *p.Nodes[3].Entries, " ", p.Nodes[3].Signature))
	require.NotNil(t, p.Nodes[3].ReceiptAfterMS)
}

func TestAPurgeThatLags(t *testing.T) {
	n, s := startSix(t)
	a := n.do("POST", "/v1/purges?wait=all&timeout=20ms", purger, everything)
	require.Equal(t, 504, a.status)
	var p, got adminapi.Purge
	a.into(t, &p)
	require.Equal(t, "partial", p.State)
	require.Equal(t, "local-2 pending", p.Nodes[1].ID+" "+p.Nodes[1].State)
	require.Contains(t, a.text, `"applied_after_ms":null`)
	n.do("GET", a.header.Get("Location"), "", "").into(t, &got)
	require.Equal(t, p, got, "the object of GET")
	require.Contains(t, n.entries()[0], "done", "it is a purge all the same")

	s.receipt("local-2", <-s.published)
	n.do("GET", a.header.Get("Location"), "", "").into(t, &got)
	require.Equal(t, "complete", got.Regions[0].State)
	a = n.do("POST", "/v1/purges?wait=region&timeout=20ms", purger, everything)
	require.Equal(t, 504, a.status)
}

func TestWaitsRefused(t *testing.T) {
	n := start(t)
	for query, param := range map[string]string{
		"wait=":                    "",
		"wait=everybody":           "wait",
		"wait=all&timeout=31s":     "timeout",
		"wait=all&timeout=0s":      "timeout",
		"wait=all&timeout=-1s":     "timeout",
		"wait=all&timeout=1us":     "timeout",
		"wait=all&timeout=2":       "timeout",
		"wait=all&timeout=":        "timeout",
		"timeout=1h":               "timeout",
		"wiat=all":                 "wiat",
		"wait=all&wait=none":       "wait",
		"wait=all&timeout=forever": "timeout",
	} {
		a := n.do("POST", "/v1/purges?"+query, purger, everything)
		if param == "" {
			require.Equal(t, 202, a.status)
			continue
		}
		require.Equal(t, param, a.problem(t, 400).Errors[0].Parameter, query)
	}
	require.Equal(t, 1, n.journal.count())
}

func TestDryRunAsksAllNodes(t *testing.T) {
	n := start(t)
	four := 4
	n.server.api.CountElsewhere = func(ctx context.Context, sel cachekey.Selector) []invalidation.NodeCount {
		end, ok := ctx.Deadline()
		require.True(t, ok)
		require.Less(t, time.Until(end), 3*time.Second)
		require.True(t, sel.All)
		return []invalidation.NodeCount{{ID: "b", Entries: &four}, {ID: "c"}}
	}
	require.JSONEq(t, `{"dry_run":true,"entries":7,"unreachable":["c"],
		"nodes":[{"id":"local-1","entries":3},{"id":"b","entries":4},{"id":"c","entries":null}]}`,
		n.do("POST", "/v1/purges", purger, `{"select":{"all":true},"dry_run":true}`).text)
}

func TestNoQuorum(t *testing.T) {
	n := start(t)
	n.control.Fail(fmt.Errorf("ask the leader: %w", quota.ErrNoQuorum))
	a := n.do("PUT", "/v1/quotas/b2b", quotas, `{"rps":1}`)
	p := a.problem(t, 503)
	require.Contains(t, p.Detail, "too few voters can be reached; try again")
	require.Equal(t, "2", a.header.Get("Retry-After"))
	n.do("GET", "/v1/quotas/b2b", "", "").problem(t, 404)
	require.Equal(t, []string{"quotas quota.put b2b failed"}, n.entries())
}

func TestRegionsLeaveOutWhoLeft(t *testing.T) {
	nodes := []adminapi.Node{
		{ID: "a", Region: "x", State: adminapi.NodeReady}, {ID: "b", Region: "x", State: adminapi.NodeLeft},
		{ID: "c", Region: "y", State: adminapi.NodeUnreachable}, {ID: "d", Region: "y", State: adminapi.NodeReady},
		{ID: "e", Region: "z", State: adminapi.NodeIsolated},
	}
	require.Equal(t, []adminapi.Region{
		{ID: "x", Nodes: 1, Ready: 1, State: "ready"}, {ID: "y", Nodes: 2, Ready: 1, State: "degraded"}, {ID: "z", Nodes: 1, State: "down"},
	}, adminapi.Regions(nodes))
}
