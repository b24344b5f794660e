package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge/auth"
)

func planOf(nodes ...string) Plan {
	p := Plan{Name: "letteros", Origin: "https://origin.example", Token: auth.HashToken("x").String()}
	for _, text := range nodes {
		n, err := ParsePlannedNode(text)
		if err != nil {
			panic(err) // a test's own text
		}
		p.Nodes = append(p.Nodes, n)
	}
	return p
}

// A node's file keeps every comment of the defaults, and says what the plan does.
func TestPlannedFile(t *testing.T) {
	p := planOf("tokyo-1=tokyo@10.0.0.1", "tokyo-2=tokyo@10.0.0.2", "osaka-1=osaka@2001:db8::1", "null=true@10.0.2.1")
	require.NoError(t, p.Normalize())
	require.Equal(t, []string{"tokyo-1", "osaka-1", "null"}, p.Voters)
	text, err := p.File("tokyo-2")
	require.NoError(t, err)
	got, err := Parse([]byte(text))
	require.NoError(t, err)

	want := ForOrigin("https://origin.example", "10.0.0.2:8080", "10.0.0.2:8443", "127.0.0.1:8081", "")
	want.Node = Node{ID: "tokyo-2", Region: "tokyo"}
	want.TLS.Names = []string{"10.0.0.2"}
	want.Tokens = []Token{{Name: "bootstrap", Hash: p.Token, Scopes: []string{"admin"}}}
	c := &want.Cluster
	c.Name, c.Listen, c.LAN, c.WAN = "letteros", "10.0.0.2:7400", "10.0.0.2:7401", "10.0.0.2:7402"
	c.Cert, c.Key, c.CA, c.Keyring = "node.pem", "node.key", "cluster-ca.pem", "gossip.key"
	c.Voters = []Voter{{"tokyo-1", "tokyo", "10.0.0.1:7400"}, {"osaka-1", "osaka", "[2001:db8::1]:7400"}, {"null", "true", "10.0.2.1:7400"}}
	c.Join = Join{LAN: []string{"10.0.0.1:7401", "10.0.0.2:7401"}, WAN: []string{"10.0.0.1:7402", "[2001:db8::1]:7402", "10.0.2.1:7402"}}
	want.Admin.AllowedHosts, got.Admin.AllowedHosts = nil, nil
	require.Equal(t, want, got)
	_, body, _ := strings.Cut(defaultsText, "\n\n")
	for line := range strings.Lines(body) {
		if _, comment, ok := strings.Cut(line, "# "); ok {
			require.Contains(t, text, comment)
		}
	}
	odd, err := p.File("null")
	require.NoError(t, err)
	got, err = Parse([]byte(odd))
	require.NoError(t, err)
	require.Equal(t, Node{ID: "null", Region: "true"}, got.Node)
	_, err = customized(map[string]string{"node.name": "x"})
	require.ErrorContains(t, err, "node.name")
}

func TestPlansThatAreNone(t *testing.T) {
	for part, change := range map[string]func(*Plan){
		"name":   func(p *Plan) { p.Name = "Letter OS" },
		"origin": func(p *Plan) { p.Origin = "origin.example" },
		"voters": func(p *Plan) { p.Voters = []string{"a", "b"} },
		"node":   func(p *Plan) { p.Nodes = nil },
		"token":  func(p *Plan) { p.Token = "secret" },
	} {
		p := planOf("a=x@10.0.0.1", "b=y@10.0.0.2")
		require.NoError(t, p.Normalize())
		change(&p)
		var wrong *PlanError
		require.ErrorAs(t, p.Normalize(), &wrong, part)
		require.Equal(t, part, wrong.Part)
	}
	for _, same := range []string{"a=y@10.0.0.9", "c=y@10.0.0.1", "c=y@::ffff:10.0.0.1"} {
		p := planOf("a=x@10.0.0.1", same)
		require.Error(t, p.Normalize(), same)
	}
}

func TestChooseVoters(t *testing.T) {
	for regions, want := range map[string]string{
		"a": "a1", "a a": "a1", "a a a": "a1 a2 a3", "a a a a": "a1 a2 a3", "a b": "a1", "a a b b": "a1 b1 a2",
		"a b c": "a1 b1 c1", "a a b b c c": "a1 b1 c1", "a b c d": "a1 b1 c1", "a b c d d": "a1 b1 c1 d1 d2",
		"a b c d e f g h i j k": "a1 b1 c1 d1 e1 f1 g1 h1 i1", "": "",
	} {
		var nodes []Voter
		seen := map[string]int{}
		for _, r := range strings.Fields(regions) {
			seen[r]++
			nodes = append(nodes, Voter{ID: fmt.Sprint(r, seen[r]), Region: r})
		}
		var got []string
		for _, v := range ChooseVoters(nodes) {
			got = append(got, v.ID)
		}
		require.Equal(t, want, strings.Join(got, " "), regions)
	}
}

// A file's folder can be copied to another machine.
func TestPathsAreRelativeToTheFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "edge.yaml")
	p := planOf("a=x@10.0.0.1")
	require.NoError(t, p.Normalize())
	text, err := p.File("a")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(text+"\n"), 0o600))
	c, err := Load(path)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "state"), c.State.Dir)
	require.Equal(t, filepath.Join(dir, "node.key"), c.Cluster.Key)
	require.Equal(t, filepath.Join(dir, "gossip.key"), c.Cluster.Keyring)
	require.Empty(t, c.TLS.Cert, "none stays none")
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(text, "dir: state", "dir: /var/lib/edge", 1)), 0o600))
	c, err = Load(path)
	require.NoError(t, err)
	require.Equal(t, "/var/lib/edge", c.State.Dir)
}

func FuzzParsePlannedNode(f *testing.F) {
	for _, s := range []string{"tokyo-1=tokyo@10.0.0.1", "a=b@::1", "a=b@::1%eth0", "=@", "a=b@10.0.0.1:80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := ParsePlannedNode(text)
		if err != nil {
			return
		}
		p := Plan{Name: "c", Origin: "http://o", Token: auth.HashToken("x").String(), Nodes: []PlannedNode{n}}
		if err := p.Normalize(); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
