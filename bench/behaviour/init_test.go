package behaviour

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/docsorigin"
)

// laidOut is what cluster init and add print as JSON.
type laidOut struct {
	Cluster   string `json:"cluster"`
	CA        string `json:"ca"`
	TokenFile string `json:"token_file"`
	Voters    []string
	Nodes     []struct {
		ID, Region, Host, Config string
		Voter                    bool
	}
}

// layOut runs a command of `edgectl cluster`.
func layOut(t *testing.T, edgectl Edged, args ...string) (out laidOut) {
	t.Helper()
	done := edgectl.Exec(t, append([]string{"cluster", "-o", "json"}, args...)...)
	require.Zero(t, done.Exit, done.Stderr)
	require.NoError(t, json.Unmarshal([]byte(done.Stdout), &out))
	for _, n := range out.Nodes {
		check := edged.Exec(t, "check", "--config", n.Config)
		require.Zero(t, check.Exit, check.Stderr)
	}
	return out
}

// onLoopback finds a free port on 127.0.0.1 for each address of the planned hosts,
// as one machine cannot have the same ports for all.
func onLoopback(t *testing.T, hosts ...string) *strings.Replacer {
	t.Helper()
	var pairs []string
	for _, host := range hosts {
		for _, port := range []string{"8080", "8081", "8443", "7400", "7401", "7402"} {
			pairs = append(pairs, `"`+host+":"+port+`"`, fmt.Sprintf(`"127.0.0.1:%d"`, freePort(t)))
		}
	}
	return strings.NewReplacer(pairs...)
}

// freePort holds a port, TCP and UDP, until all of a test's ports are found.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		ln, err := net.Listen("tcp4", "127.0.0.1:0")
		require.NoError(t, err)
		port := ln.Addr().(*net.TCPAddr).Port
		udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err == nil {
			require.NoError(t, udp.Close())
		}
		require.NoError(t, ln.Close())
		if err == nil {
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

// adapt rewrites a node's file.
func adapt(t *testing.T, file string, ports *strings.Replacer) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte(ports.Replace(string(text))), 0o600))
}

// together starts nodes at the same time, and waits until each says that it
// serves.
func together(t *testing.T, token string, files ...string) []*Node {
	t.Helper()
	nodes := make([]*Node, len(files))
	for i, file := range files {
		nodes[i] = &Node{Process: edged.start(t, "run", "--json", "--config", file)}
	}
	for _, n := range nodes {
		require.NoError(t, n.announced(n))
		n.Token = token
	}
	return nodes
}

// planned are the flags of a cluster of three regions. The hosts stand for three
// machines.
func planned(origin, dir string) []string {
	return []string{"init", "--dir", dir, "--origin", origin,
		"--node", "tokyo-1=tokyo@127.0.0.2", "--node", "osaka-1=osaka@127.0.0.3", "--node", "seoul-1=seoul@127.0.0.4"}
}

// TestClusterInit: what `edgectl cluster init` writes are nodes of one cluster; a
// node added later is one too; a node of another CA is none.
func TestClusterInit(t *testing.T) {
	edgectl := command(t, "edgectl")
	docs := NewDocs(t, docsorigin.Options{})
	dir := filepath.Join(t.TempDir(), "lab")
	plan := layOut(t, edgectl, planned(docs.URL, dir)...)
	require.Len(t, plan.Voters, 3)
	token, err := os.ReadFile(plan.TokenFile)
	require.NoError(t, err)
	for _, n := range plan.Nodes {
		files, err := os.ReadDir(filepath.Dir(n.Config))
		require.NoError(t, err)
		for _, f := range files {
			require.NotContains(t, f.Name(), "ca.key", "no node gets the CA's key")
		}
	}
	// Where something is already, nothing is written.
	refused(t, edgectl.Exec(t, append([]string{"cluster"}, planned(docs.URL, dir)...)...), 1, filepath.Join(dir, "admin.token"))
	same, err := os.ReadFile(plan.TokenFile)
	require.NoError(t, err)
	require.Equal(t, token, same)

	added := layOut(t, edgectl, "add", "--dir", dir, "seoul-2=seoul@127.0.0.5")
	require.False(t, added.Nodes[0].Voter)
	refused(t, edgectl.Exec(t, "cluster", "add", "--dir", dir, "seoul-2=seoul@127.0.0.6"), 1, filepath.Join(dir, "nodes", "seoul-2"))

	ports := onLoopback(t, "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5")
	var files []string
	for _, n := range append(plan.Nodes, added.Nodes...) {
		adapt(t, n.Config, ports)
		files = append(files, n.Config)
	}
	secret := strings.TrimSpace(string(token))
	nodes := together(t, secret, files[:3]...)
	meet(t, nodes)

	admin := nodes[1].Administer(t)
	p := admin.Purge(t, `{"segment":"b2b"}`, Hard)
	require.Len(t, p.Nodes, 3)
	for _, n := range p.Nodes {
		require.Equal(t, "applied", n.State, n.ID)
	}
	admin.Want(t, http.StatusCreated, nil, "PUT", "/v1/quotas/b2b", `{"rps":300}`)
	nodes = append(nodes, together(t, secret, files[3])...)
	meet(t, nodes)
	for _, n := range nodes {
		a := n.Administer(t)
		Until(t, "the quota on "+n.ID, func() bool { return a.Do(t, "GET", "/v1/quotas/b2b", "").Status == http.StatusOK })
		Until(t, "the quota in force on "+n.ID, func() bool {
			r := n.Readers(t).Get(t, H1, trial)
			return r.Status == http.StatusOK && strings.Contains(r.Header.Get("RateLimit-Policy"), "q=300")
		})
	}

	// Another CA, though by the same name and for the same node, and with the keys
	// of our pools, takes the place of a node that is dead.
	other := layOut(t, edgectl, planned(docs.URL, filepath.Join(t.TempDir(), "lab"))...)
	ring, err := os.ReadFile(filepath.Join(filepath.Dir(plan.Nodes[2].Config), "gossip.key"))
	require.NoError(t, err)
	foreign := filepath.Dir(other.Nodes[2].Config)
	require.NoError(t, os.WriteFile(filepath.Join(foreign, "gossip.key"), ring, 0o600))
	adapt(t, other.Nodes[2].Config, ports)

	const handshakes, dropped = "letteredge_peer_handshakes_refused_total", "letteredge_gossip_dropped_total"
	require.Zero(t, admin.Metric(t, handshakes))
	cert, err := tls.LoadX509KeyPair(filepath.Join(foreign, "node.pem"), filepath.Join(foreign, "node.key"))
	require.NoError(t, err)
	before := admin.Metric(t, handshakes, `reason="foreign"`)
	stranger, err := tls.Dial("tcp", strings.Trim(ports.Replace(`"127.0.0.3:7400"`), `"`), &tls.Config{
		Certificates: []tls.Certificate{cert}, InsecureSkipVerify: true,
	})
	if err == nil { // TLS 1.3: the refusal comes after the client's last word
		_, err = stranger.Read(make([]byte, 1))
		require.NoError(t, stranger.Close())
	}
	require.ErrorContains(t, err, "bad certificate")
	require.Greater(t, admin.Metric(t, handshakes, `reason="foreign"`), before)

	nodes[2].Kill()
	Until(t, "the dead node to be missed", func() bool { return states(t, admin)["seoul-1"] == "unreachable" })
	before = admin.Metric(t, handshakes, `reason="foreign"`)
	impostor := &Node{Process: edged.start(t, "run", "--json", "--config", other.Nodes[2].Config)}
	require.NoError(t, impostor.announced(impostor))
	Until(t, "the impostor to be refused", func() bool { return admin.Metric(t, handshakes, `reason="foreign"`) > before })
	Until(t, "its statements to be dropped", func() bool { return admin.Metric(t, dropped, `reason="foreign"`) > 0 })
	require.NotEqual(t, "ready", states(t, admin)["seoul-1"])
	impostor.Token = secret
	require.Equal(t, http.StatusServiceUnavailable, impostor.Administer(t).Do(t, "GET", "/readyz", "").Status)
	var partial Purge
	r := admin.Do(t, "POST", "/v1/purges?wait=all&timeout=1s", `{"select":{"all":true}}`)
	r.JSON(t, &partial)
	require.NotEqual(t, "applied", stateOf(partial, "seoul-1"))
}

// meet waits until every node says that all are ready.
func meet(t *testing.T, nodes []*Node) {
	t.Helper()
	for _, n := range nodes {
		a := n.Administer(t)
		Until(t, n.ID+" to see all nodes ready", func() bool {
			now := states(t, a)
			for _, other := range nodes {
				if now[other.ID] != "ready" {
					return false
				}
			}
			return len(now) == len(nodes)
		})
	}
}

// TestWrongUseOfClusterInit: each is one line and exit code 2 that names the flag,
// and writes nothing.
func TestWrongUseOfClusterInit(t *testing.T) {
	edgectl := command(t, "edgectl")
	dir := t.TempDir()
	const a, b, c = "--node a=x@10.0.0.1", "--node b=y@10.0.0.2", "--node c=z@10.0.0.3"
	for _, args := range []struct{ args, flag, says string }{
		{a, "--dir", ""},
		{"--dir D", "--node", ""},
		{"--dir D --node a", "--node", "NODE=REGION@HOST"},
		{"--dir D --node a=x", "--node", "NODE=REGION@HOST"},
		{"--dir D --node A=x@10.0.0.1", "--node", "[a-z]"},
		{"--dir D --node a=X@10.0.0.1", "--node", "[a-z]"},
		{"--dir D --node a=x@", "--node", "IP address"},
		{"--dir D --node a=x@10.0.0.1:7400", "--node", "without a port"},
		{"--dir D --node a=x@host.example", "--node", "IP address"},
		{"--dir D --node a=x@0.0.0.0", "--node", "IP address"},
		{"--dir D " + a + " --node a=y@10.0.0.2", "--node", "twice"},
		{"--dir D " + a + " --node b=y@10.0.0.1", "--node", "10.0.0.1"},
		{"--dir D --name Letter " + a, "--name", "[a-z]"},
		{"--dir D " + a + " " + b + " --voters a,b", "--voters", "odd"},
		{"--dir D " + a + " --voters d", "--voters", `"d"`},
		{"--dir D " + a + " " + b + " " + c + " --voters a,b,b", "--voters", "once"},
		{"--dir D " + a + " --origin 127.0.0.1:3000", "--origin", "http"},
		{"--dir D " + a + " --origin http://127.0.0.1:3000/path", "--origin", ""},
	} {
		t.Run(args.args, func(t *testing.T) {
			words := strings.Fields(strings.ReplaceAll(args.args, " D ", " "+filepath.Join(dir, "new")+" "))
			wrongUse(t, edgectl, append([]string{"cluster", "init"}, words...), args.flag, args.says)
		})
	}
	wrongUse(t, edgectl, []string{"cluster", "add", "--dir", dir, "a=x@10.0.0.1"}, "--dir")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}
