package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/letteros/letteredge/edge/auth"
)

// What is written for a node of a cluster says the same when it is read, and keeps
// every comment of the defaults.
func TestTextOfANode(t *testing.T) {
	_, body, _ := strings.Cut(defaultsText, "\n\n")
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.StringMatching(`[a-z][a-z0-9_-]{0,8}`)
		address := rapid.SampledFrom([]string{"10.0.0.1:7600", "[2001:db8::1]:7600", "edge.example:1", ":8080"})
		path := rapid.SampledFrom([]string{"/etc/edge/node.pem", `/a b/"x" #1: {y}`, "relative", "null", "1"})
		c := ForOrigin("https://origin.example", address.Draw(t, "http"), ":8443", "127.0.0.1:8081", "")
		c.Node = Node{ID: id.Draw(t, "id"), Region: rapid.SampledFrom([]string{"tokyo", "null", "true", "no"}).Draw(t, "region")}
		c.State.Dir = path.Draw(t, "state")
		c.Tokens = []Token{{Name: "operator", Hash: auth.HashToken("x").String(), Scopes: []string{"admin", "read"}}}
		c.TLS.Names = rapid.SampledFrom([][]string{nil, {"10.0.0.1"}, {"a.example", "::1"}}).Draw(t, "names")
		k := &c.Cluster
		k.Name, k.Listen, k.LAN, k.WAN = id.Draw(t, "name"), "10.0.0.1:7600", "10.0.0.1:7601", "[::1]:7602"
		k.Cert, k.Key, k.CA, k.Keyring = path.Draw(t, "cert"), path.Draw(t, "key"), path.Draw(t, "ca"), path.Draw(t, "ring")
		k.Voters = []Voter{{ID: c.Node.ID, Region: c.Node.Region, Address: "[::1]:7600"}}
		k.Join = Join{LAN: []string{"10.0.0.1:7601"}, WAN: rapid.SampledFrom([][]string{nil, {"[::1]:7602", "10.0.0.1:7602"}}).Draw(t, "wan")}
		text, err := c.Text()
		require.NoError(t, err)
		read, err := Parse(text)
		require.NoError(t, err, string(text))
		require.Equal(t, plain(c), plain(read))
		for line := range strings.Lines(body) {
			if _, comment, ok := strings.Cut(line, "# "); ok {
				require.Contains(t, string(text), comment)
			}
		}
	})
}

// What the defaults have no line for is written all the same.
func TestTextOfMore(t *testing.T) {
	c := Default()
	c.Origins = append(c.Origins, Origin{Name: "other", URL: "http://other.example"})
	c.Cache.MaxBytes = 1 << 30
	c.fill()
	text, err := c.Text()
	require.NoError(t, err)
	read, err := Parse(text)
	require.NoError(t, err)
	require.Equal(t, plain(c), plain(read))
	c.Node.ID = "Not A Name"
	_, err = c.Text()
	var wrong *Error
	require.ErrorAs(t, err, &wrong)
	_, err = customized(map[string]string{"node.name": "x"})
	require.ErrorContains(t, err, "node.name")
}
