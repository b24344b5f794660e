package behaviour

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/docsorigin"
)

// freeRange finds so many consecutive ports that are free, and stay so for this
// test.
func freeRange(t *testing.T, count int) int {
	t.Helper()
	lowest, highest := edged.ports(t)
	for range 100 {
		first, free := lowest+rand.IntN(highest-lowest-count), 0
		for i := range count {
			if ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first+i)); err == nil {
				free++
				require.NoError(t, ln.Close())
			}
		}
		if free == count {
			return first
		}
	}
	t.Fatal("no free ports")
	return 0
}

// TestClusterInit: what `edgectl cluster init` makes runs as one cluster; a node
// of another CA is not heard.
func TestClusterInit(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	edgectl := command(t, "edgectl")
	first := freeRange(t, 9)
	ids := []string{"tokyo-1", "osaka-1", "lima-1"}
	initiate := func(dir string, first int) string {
		args := []string{"cluster", "init", dir, "-o", "json", "--name", "letters", "--origin", docs.URL,
			"--listen", "127.0.0.1:0", "--listen-tls", "localhost:0", "--listen-admin", "127.0.0.1:0"}
		for i, id := range ids {
			args = append(args, "--node", fmt.Sprintf("%s=%s@127.0.0.1:%d", id, id[:4], first+3*i))
		}
		ended := edgectl.Exec(t, args...)
		require.Zero(t, ended.Exit, ended.Stderr)
		var made struct{ Token string }
		require.NoError(t, json.Unmarshal([]byte(ended.Stdout), &made))
		return made.Token
	}
	dir := filepath.Join(t.TempDir(), "c")
	token := initiate(dir, first)
	var nodes []*Node
	for _, id := range ids {
		n := edged.ByConfig(t, filepath.Join(dir, id, "edge.yaml"))
		n.Token = token
		nodes = append(nodes, n)
	}
	demo := &Demo{Nodes: nodes}
	allReady(t, demo)
	ended := edgectl.Exec(t, "cluster", "init", dir, "--name", "letters", "--origin", docs.URL, "--node", "a=b@127.0.0.1")
	refused(t, ended, 1, dir)
	p := nodes[2].Administer(t).Purge(t, `{"all":true}`, Hard)
	require.Len(t, p.Nodes, 3)
	nodes[1].Administer(t).Want(t, http.StatusCreated, nil, "PUT", "/v1/quotas/b2b", `{"rps":5}`)
	for _, a := range demo.admins(t) {
		Until(t, "the quota everywhere", func() bool { return a.Do(t, "GET", "/v1/quotas/b2b", "").Status == http.StatusOK })
	}

	// A node of that name, with the keyring, but of a CA of its own.
	foreign := filepath.Join(t.TempDir(), "c")
	initiate(foreign, first)
	nodes[2].Kill()
	stranger := filepath.Join(foreign, "lima-1")
	ring, err := os.ReadFile(filepath.Join(dir, "lima-1", "gossip.key"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(stranger, "gossip.key"), ring, 0o600))
	const handshakes, dropped = "letteredge_peer_handshakes_refused_total", "letteredge_gossip_dropped_total"
	admin := nodes[0].Administer(t)
	before := admin.Metric(t, handshakes, `reason="foreign"`)
	require.Zero(t, before)
	s := edged.ByConfig(t, filepath.Join(stranger, "edge.yaml"))
	require.Equal(t, http.StatusServiceUnavailable, s.Administer(t).Do(t, "GET", "/readyz", "").Status)
	Until(t, "the stranger to be refused, and counted", func() bool {
		return admin.Metric(t, handshakes, `reason="foreign"`) > 0 && admin.Metric(t, dropped, `reason="foreign"`) > 0
	})
	require.NotEqual(t, "ready", states(t, admin)["lima-1"])
	r := admin.Do(t, "POST", "/v1/purges?wait=all&timeout=1s", `{"select":{"all":true}}`)
	require.Equal(t, http.StatusGatewayTimeout, r.Status, "%s", r.Body)
	var partial Purge
	r.JSON(t, &partial)
	require.NotEqual(t, "applied", stateOf(partial, "lima-1"), "a stranger gave a receipt")
	require.NotEqual(t, http.StatusOK, s.Administer(t).Do(t, "GET", "/readyz", "").Status)
}
