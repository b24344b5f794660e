package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge/auth"
)

// Plan is a cluster as `edgectl cluster init` lays it out: one node on each
// host.
type Plan struct {
	Name   string   `json:"name"`
	Origin string   `json:"origin"`
	Voters []string `json:"voters"` // ids of nodes
	// Token is the hash of the first administrator's token.
	Token string        `json:"token"`
	Nodes []PlannedNode `json:"nodes"`
}

// PlannedNode is a node and where it will be.
type PlannedNode struct {
	ID     string `json:"id"`
	Region string `json:"region"`
	Host   string `json:"host"` // an IP address
}

// PlanError says which part of a plan is wrong: "name", "origin", "node",
// "voters" or "token".
type PlanError struct{ Part, Reason string }

// Error returns a sentence that begins with the part.
func (e *PlanError) Error() string { return e.Part + ": " + e.Reason }

// Ports of a planned node, on its host.
const (
	planHTTP, planTLS, planAdmin     = "8080", "8443", "8081"
	planPeers, planRegion, planWorld = "7400", "7401", "7402"
)

// maxPlanned bounds the nodes of a plan.
const maxPlanned = 1000

// ParsePlannedNode reads NODE=REGION@HOST.
func ParsePlannedNode(text string) (PlannedNode, error) {
	id, rest, ok := strings.Cut(text, "=")
	region, host, both := strings.Cut(rest, "@")
	if !ok || !both {
		return PlannedNode{}, &PlanError{"node", fmt.Sprintf("%.120q must be NODE=REGION@HOST, such as tokyo-1=tokyo@10.0.0.1", text)}
	}
	n := PlannedNode{ID: id, Region: region, Host: host}
	return n, n.check()
}

func (n PlannedNode) check() error {
	for _, s := range []string{n.ID, n.Region} {
		if !cachekey.ValidID(s) {
			return &PlanError{"node", fmt.Sprintf("%.80q: node and region must match [a-z][a-z0-9_-]{0,63}", s)}
		}
	}
	at, err := netip.ParseAddr(n.Host)
	if err != nil || at.Zone() != "" || at.IsUnspecified() || at.IsMulticast() {
		return &PlanError{"node", fmt.Sprintf("%s: %.80q must be the IP address at which other nodes reach it, without a port", n.ID, n.Host)}
	}
	return nil
}

// Normalize checks the plan and chooses voters where it names none. Errors are
// *PlanError.
func (p *Plan) Normalize() error {
	if !cachekey.ValidID(p.Name) {
		return &PlanError{"name", fmt.Sprintf("is %.80q; must match [a-z][a-z0-9_-]{0,63}", p.Name)}
	}
	if len(p.Nodes) == 0 || len(p.Nodes) > maxPlanned {
		return &PlanError{"node", fmt.Sprintf("there are %d; must be 1 to %d", len(p.Nodes), maxPlanned)}
	}
	for i, n := range p.Nodes {
		if err := n.check(); err != nil {
			return err
		}
		for _, other := range p.Nodes[:i] {
			if n.ID == other.ID {
				return &PlanError{"node", n.ID + " is there twice; ids must be unique in the cluster"}
			}
			if netip.MustParseAddr(n.Host).Unmap() == netip.MustParseAddr(other.Host).Unmap() {
				return &PlanError{"node", fmt.Sprintf("%s has the address of %s, %s; each node needs its own", n.ID, other.ID, n.Host)}
			}
		}
	}
	if len(p.Voters) == 0 {
		for _, v := range ChooseVoters(p.all()) {
			p.Voters = append(p.Voters, v.ID)
		}
	}
	for i, id := range p.Voters {
		if _, ok := p.node(id); !ok || slices.Contains(p.Voters[:i], id) {
			return &PlanError{"voters", fmt.Sprintf("%.80q must be one of the nodes, and stand once", id)}
		}
	}
	if n := len(p.Voters); n%2 == 0 || n > MaxVoters {
		return &PlanError{"voters", fmt.Sprintf("there are %d; must be an odd number up to %d, best one of each region", n, MaxVoters)}
	}
	if _, err := auth.ParseHash(p.Token); err != nil {
		return &PlanError{"token", err.Error()}
	}
	_, err := p.File(p.Nodes[0].ID)
	return err
}

func (p *Plan) node(id string) (PlannedNode, bool) {
	i := slices.IndexFunc(p.Nodes, func(n PlannedNode) bool { return n.ID == id })
	if i < 0 {
		return PlannedNode{}, false
	}
	return p.Nodes[i], true
}

// all lists every node as if it voted.
func (p *Plan) all() []Voter {
	list := make([]Voter, len(p.Nodes))
	for i, n := range p.Nodes {
		list[i] = Voter{ID: n.ID, Region: n.Region, Address: net.JoinHostPort(n.Host, planPeers)}
	}
	return list
}

// File returns the commented configuration of a node, to lie beside the files of
// auth.Cluster.Equip.
func (p *Plan) File(id string) (string, error) {
	n, ok := p.node(id)
	if !ok {
		return "", &PlanError{"node", id + " is not in the plan"}
	}
	at := func(port string) string { return quoted(net.JoinHostPort(n.Host, port)) }
	admin := "127.0.0.1"
	if netip.MustParseAddr(n.Host).IsLoopback() {
		admin = n.Host // several on one machine
	}
	lan, wan, voters := p.pools(n.Region)
	text, err := customized(map[string]string{
		"node.id": quoted(n.ID), "node.region": quoted(n.Region),
		"listen.http": at(planHTTP), "listen.tls": at(planTLS), "listen.admin": quoted(net.JoinHostPort(admin, planAdmin)),
		"cluster.name": quoted(p.Name), "cluster.listen": at(planPeers), "cluster.lan": at(planRegion), "cluster.wan": at(planWorld),
		"cluster.cert": auth.NodeCertFile, "cluster.key": auth.NodeKeyFile, "cluster.ca": auth.NodeCAFile, "cluster.keyring": auth.NodeKeyringFile,
		"cluster.voters": voters, "cluster.join.lan": flow(lan), "cluster.join.wan": flow(wan),
		"tls.names": flow([]string{n.Host}), "origins.url": quoted(p.Origin),
		"tokens": fmt.Sprintf("[{name: bootstrap, hash: %q, scopes: [admin]}]", p.Token),
	})
	if err != nil {
		return "", err
	}
	_, rest, _ := strings.Cut(text, "\n\n") // the head is about the defaults
	text = fmt.Sprintf("# LetterEdge: node %s in region %s of the cluster %s. Run it: edged run --config edge.yaml\n"+
		"# Relative paths are relative to this file's folder. What is not of this node is at its default.\n\n%s", n.ID, n.Region, p.Name, rest)
	_, err = Parse([]byte(text))
	var wrong *Error
	if errors.As(err, &wrong) && strings.HasPrefix(wrong.Problems[0].Path, "origins") {
		return "", &PlanError{"origin", wrong.Problems[0].Reason}
	}
	return text, err
}

// pools are where a region's pool is found, and that of all; and the voters.
func (p *Plan) pools(region string) (lan, wan []string, voters string) {
	var list []string
	seen := map[string]bool{}
	for i, v := range p.all() {
		n := p.Nodes[i]
		if n.Region == region {
			lan = append(lan, net.JoinHostPort(n.Host, planRegion))
		}
		votes := slices.Contains(p.Voters, n.ID)
		if votes || !seen[n.Region] {
			wan = append(wan, net.JoinHostPort(n.Host, planWorld))
		}
		seen[n.Region] = true
		if votes {
			list = append(list, fmt.Sprintf("{id: %q, region: %q, address: %q}", v.ID, v.Region, v.Address))
		}
	}
	return lan, wan, "[" + strings.Join(list, ", ") + "]"
}

func quoted(s string) string { return fmt.Sprintf("%q", s) }

func flow(list []string) string {
	texts := make([]string, len(list))
	for i, s := range list {
		texts[i] = quoted(s)
	}
	return "[" + strings.Join(texts, ", ") + "]"
}
