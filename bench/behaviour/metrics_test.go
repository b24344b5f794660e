package behaviour

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/require"
)

// TestMetricsOfACluster: what happens in a cluster shows in the metrics of its
// nodes, which are as Prometheus wants them; what goes wrong is in the log, too.
func TestMetricsOfACluster(t *testing.T) {
	t.Parallel()
	demo := edged.Demo(t)
	allReady(t, demo)
	admins := demo.admins(t)
	sum := func(name string, labels ...string) (all float64) {
		for _, a := range admins {
			all += a.Metric(t, name, labels...)
		}
		return all
	}
	nodes := float64(len(demo.Nodes))
	for i, a := range admins {
		where := demo.Nodes[i].ID
		text := a.Want(t, http.StatusOK, nil, "GET", "/metrics", "").Body
		problems, err := promlint.New(bytes.NewReader(text)).Lint()
		require.NoError(t, err, where)
		require.Empty(t, problems, where)
		require.Equal(t, nodes, a.Metric(t, "letteredge_nodes", `state="ready"`), where)
		require.Zero(t, a.Metric(t, "letteredge_isolated"), where)
		require.Less(t, a.Metric(t, "letteredge_watermark_age_seconds"), 5.0, where)
		require.Positive(t, a.Metric(t, "letteredge_records_index"), where)
		require.Positive(t, a.Metric(t, "letteredge_gossip_repairs_total"), where)
		require.Equal(t, i%2 == 0, strings.Contains(string(text), "letteredge_control_term{"), "%s: the first of each region votes", where)
	}
	require.EqualValues(t, 1, sum("letteredge_control_leader"))
	require.EqualValues(t, nodes, sum("letteredge_ready"))
	Until(t, "all to share the quotas", func() bool { return sum("letteredge_quota_sharing") == nodes })
	require.EqualValues(t, 1, sum("letteredge_rollout_transitions_total", `state="done"`), "the demo's own")

	docs := &Docs{Dir: demo.DocsDir, text: map[string]string{}}
	docs.raise(t, "trial")
	exit, last := pusher{command(t, "edgectl"), demo}.push(t, demo.DocsDir)
	require.Zero(t, exit, "%+v", last)
	require.EqualValues(t, 2, sum("letteredge_rollout_transitions_total", `state="done"`))
	require.GreaterOrEqual(t, sum("letteredge_candidate_fills_total", `result="done"`), nodes)
	require.Zero(t, sum("letteredge_candidate_fills_total", `result="failed"`))
	Until(t, "copies to be pinned", func() bool { return sum("letteredge_pins") > 0 && sum("letteredge_pins_bytes") > 0 })

	taken := sum("letteredge_gossip_purges_total")
	receipts := admins[1].Metric(t, "letteredge_purge_receipt_seconds_count")
	admins[1].Purge(t, `{"tags":["doc:trial"]}`, Soft)
	Until(t, "the purge to be counted", func() bool {
		return sum("letteredge_gossip_purges_total") == taken+nodes-1 &&
			admins[1].Metric(t, "letteredge_purge_receipt_seconds_count") == receipts+nodes-1 &&
			sum("letteredge_purges", `state="complete"`) == nodes
	})
	for _, n := range demo.Nodes {
		r := n.Readers(t)
		for i := range 8 {
			r.Get(t, H1, fmt.Sprintf("/no-such-page-%d", i))
		}
	}
	require.Positive(t, sum("letteredge_peer_fills_total", `result="own"`))
	require.Positive(t, sum("letteredge_peer_fills_total", `result="answered"`)+sum("letteredge_peer_fills_total", `result="refused"`))

	// Two voters die: the others say so, and that they are isolated.
	kill(t, demo.Nodes[2])
	kill(t, demo.Nodes[4])
	Until(t, "the dead to be missed", func() bool { return admins[1].Metric(t, "letteredge_nodes", `state="unreachable"`) == 2 })
	Until(t, "the node to be isolated", func() bool { return admins[1].Metric(t, "letteredge_isolated") == 1 })
	Until(t, "nobody to lead", func() bool { return admins[0].Metric(t, "letteredge_control_leader") == 0 })
	Until(t, "the log to tell", func() bool {
		logs := demo.Logs()
		return strings.Contains(logs, `msg="node does not answer"`) && strings.Contains(logs, `msg="isolated: `)
	})
}
