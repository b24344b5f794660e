package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge/auth"
	"github.com/letteros/letteredge/edge/config"
)

// clusterCommand runs edgectl without a node.
func clusterCommand(t *testing.T, args ...string) (exit int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	exit = run(t.Context(), append([]string{"cluster"}, args...), &out, &errs)
	return exit, out.String(), errs.String()
}

func TestClusterInit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "c")
	exit, out, errs := clusterCommand(t, "init", dir, "-o", "json", "--name", "letters", "--origin", "http://127.0.0.1:3000",
		"--node", "a-1=a@10.0.0.1", "--node", "a-2=a@10.0.0.2:9000", "--node", "b-1=b@[::1]:9100", "--install", "/etc/letteredge")
	require.Zero(t, exit, errs)
	var m made
	require.NoError(t, json.Unmarshal([]byte(out), &m))
	require.Equal(t, []string{"a-1", "b-1", "a-2"}, m.Voters)
	require.Len(t, m.Nodes, 3)
	second, err := config.Load(filepath.Join(dir, "a-2", "edge.yaml"))
	require.NoError(t, err)
	require.Equal(t, "10.0.0.2:9000", second.Cluster.Listen)
	require.Equal(t, []string{"10.0.0.2"}, second.TLS.Names)
	require.Equal(t, []string{"10.0.0.1:7601", "10.0.0.2:9001"}, second.Cluster.Join.LAN)
	require.Equal(t, []string{"10.0.0.1:7602", "[::1]:9102"}, second.Cluster.Join.WAN)
	require.Equal(t, "/etc/letteredge/node.pem", second.Cluster.Cert)
	require.Equal(t, auth.HashToken(m.Token).String(), second.Tokens[0].Hash)
	node, err := auth.OpenNode(filepath.Join(dir, "b-1", "node.pem"), filepath.Join(dir, "b-1", "node.key"), filepath.Join(dir, "b-1", auth.NodeCAFile), time.Now)
	require.NoError(t, err)
	require.Equal(t, [3]string{"letters", "b", "b-1"}, [3]string{node.Member().Cluster, node.Member().Region, node.Member().Node})
	require.NoFileExists(t, filepath.Join(dir, "a-1", "cluster-ca.key"), "the CA's key goes to no node")

	exit, out, errs = clusterCommand(t, "add", dir, "--node", "b-2=b@10.0.1.2")
	require.Zero(t, exit, errs)
	require.NotContains(t, out, "TOKEN")
	added, err := config.Load(filepath.Join(dir, "b-2", "edge.yaml"))
	require.NoError(t, err)
	require.Equal(t, second.Cluster.Voters, added.Cluster.Voters)
	require.Equal(t, second.Tokens, added.Tokens)
	require.Contains(t, added.Cluster.Join.LAN, "[::1]:9101")
	text, err := os.ReadFile(filepath.Join(dir, "b-2", configFile))
	require.NoError(t, err)
	require.Contains(t, string(text), "# gossip pool of the region", "the file explains itself")

	require.NoError(t, os.Remove(filepath.Join(dir, "cluster-ca.pem")))
	exit, _, errs = clusterCommand(t, "add", dir, "--node", "b-3=b@10.0.1.3")
	require.Equal(t, 1, exit)
	require.Contains(t, errs, "cluster-ca.pem")
	require.NoFileExists(t, filepath.Join(dir, "cluster-ca.pem"), "a CA that is gone is not replaced: its nodes would be strangers")
	require.NoDirExists(t, filepath.Join(dir, "b-3"))
}

// What is wrong is named, and nothing is made.
func TestClusterRefuses(t *testing.T) {
	good := []string{"--name", "letters", "--origin", "http://127.0.0.1:3000", "--node", "a-1=a@10.0.0.1"}
	with := func(args ...string) []string { return append(append([]string{"init", "DIR"}, good...), args...) }
	for name, c := range map[string]struct {
		args []string
		exit int
		says string
	}{
		"no node":          {[]string{"init", "DIR", "--name", "x", "--origin", "http://a"}, 2, "--node"},
		"no such form":     {with("--node", "b-1"), 2, "ID=REGION@HOST"},
		"bad id":           {with("--node", "B=b@10.0.0.2"), 2, "[a-z]"},
		"bad port":         {with("--node", "b-1=b@10.0.0.2:65534"), 2, "port"},
		"a name":           {with("--node", "b-1=b@edge.example"), 2, "IP address"},
		"no address":       {with("--node", "b-1=b@0.0.0.0"), 2, "IP address"},
		"twice":            {with("--node", "a-1=b@10.0.0.2"), 2, "twice"},
		"unknown voter":    {with("--voter", "z"), 2, "--voter z"},
		"even voters":      {with("--node", "b-1=b@10.0.0.2", "--voter", "a-1", "--voter", "b-1"), 2, "odd"},
		"bad name":         {append([]string{"init", "DIR", "--name", "Letters"}, good[2:]...), 2, "--name"},
		"bad origin":       {append([]string{"init", "DIR", "--name", "x", "--origin", "ftp://x"}, good[4:]...), 2, "origins[0].url"},
		"add to no folder": {[]string{"add", "DIR", "--node", "a-1=a@10.0.0.2"}, 1, "holds no cluster"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "c")
			for i, a := range c.args {
				c.args[i] = strings.Replace(a, "DIR", dir, 1)
			}
			exit, _, errs := clusterCommand(t, c.args...)
			require.Equal(t, c.exit, exit, errs)
			require.Contains(t, errs, c.says)
			require.NoDirExists(t, dir)
		})
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mine"), nil, 0o600))
	exit, _, errs := clusterCommand(t, append([]string{"init", dir}, good...)...)
	require.Equal(t, 1, exit)
	require.Contains(t, errs, "is not empty")
}
