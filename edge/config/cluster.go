package config

import (
	"fmt"
	"slices"
	"time"
)

// Cluster joins this node with others. Without a name it is a cluster of its
// own: its control log has one voter, and nothing listens for peers.
type Cluster struct {
	// Name is in every certificate and every signed payload: nodes of different
	// clusters never hear each other.
	Name string `yaml:"name"`
	// Listen is where other nodes reach this one: HTTP/3 over UDP and, on the same
	// port number, the control log over TCP; both mutual TLS.
	Listen string `yaml:"listen"`
	// LAN and WAN are the addresses of the gossip pools: the region's own, and
	// that of all regions. Each is UDP and TCP.
	LAN string `yaml:"lan"`
	WAN string `yaml:"wan"`

	// Cert and Key prove who this node is, CA who may speak: files of
	// `edgectl cluster init`. Keyring encrypts the gossip pools.
	Cert    string `yaml:"cert"`
	Key     string `yaml:"key"`
	CA      string `yaml:"ca"`
	Keyring string `yaml:"keyring"`

	// Voters hold the control log: one node of each region, an odd number.
	Voters []Voter `yaml:"voters"`
	// Join lists addresses of other nodes' pools, some of which answer.
	Join Join `yaml:"join"`

	// Clamp is how old a copy may be while the node is isolated: it may have
	// missed a purge. Older ones are revalidated, or marked stale.
	Clamp Duration `yaml:"clamp"`
	// Soak is how long each stage of a rollout is watched after its flip.
	Soak Duration `yaml:"soak"`
}

// Voter is a node that holds the control log.
type Voter struct {
	ID      string `yaml:"id"`
	Region  string `yaml:"region"`
	Address string `yaml:"address"` // its cluster.listen
}

// Join lists where to find the pools.
type Join struct {
	LAN []string `yaml:"lan"`
	WAN []string `yaml:"wan"`
}

// Alone reports whether the node is a cluster of its own.
func (c Cluster) Alone() bool { return c.Name == "" }

// MaxVoters bounds a control log: each write waits for a majority.
const MaxVoters = 9

func (k *checker) cluster(c Cluster, node Node) {
	k.duration("cluster.clamp", c.Clamp, 0, time.Hour)
	k.duration("cluster.soak", c.Soak, 0, time.Hour)
	if c.Alone() {
		for _, f := range []struct{ at, v string }{
			{"listen", c.Listen}, {"lan", c.LAN}, {"wan", c.WAN}, {"cert", c.Cert}, {"key", c.Key}, {"ca", c.CA}, {"keyring", c.Keyring},
		} {
			if f.v != "" {
				k.bad("cluster."+f.at, "must be empty unless cluster.name is given")
			}
		}
		if len(c.Voters) > 0 || len(c.Join.LAN) > 0 || len(c.Join.WAN) > 0 {
			k.bad("cluster.voters", "and cluster.join must be empty unless cluster.name is given")
		}
		return
	}
	k.name("cluster.name", c.Name)
	for _, f := range []struct{ at, v string }{{"listen", c.Listen}, {"lan", c.LAN}, {"wan", c.WAN}} {
		if f.v == "" {
			k.bad("cluster."+f.at, "must be an address, host:port")
		}
		k.address("cluster."+f.at, f.v)
	}
	for _, f := range []struct{ at, v string }{{"cert", c.Cert}, {"key", c.Key}, {"ca", c.CA}, {"keyring", c.Keyring}} {
		if f.v == "" {
			k.bad("cluster."+f.at, "must name a file; see edgectl cluster init")
		}
	}
	k.voters(c.Voters, node)
	for i, a := range c.Join.LAN {
		k.required(fmt.Sprintf("cluster.join.lan[%d]", i), a)
	}
	for i, a := range c.Join.WAN {
		k.required(fmt.Sprintf("cluster.join.wan[%d]", i), a)
	}
}

func (k *checker) voters(list []Voter, node Node) {
	if n := len(list); n%2 == 0 || n > MaxVoters {
		k.bad("cluster.voters", "has %d; must be an odd number up to %d, one node of each region", n, MaxVoters)
	}
	var ids []string
	for i, v := range list {
		at := fmt.Sprintf("cluster.voters[%d]", i)
		k.name(at+".id", v.ID)
		k.name(at+".region", v.Region)
		k.required(at+".address", v.Address)
		if slices.Contains(ids, v.ID) {
			k.bad(at+".id", "is %q, as another voter's; ids must be unique", v.ID)
		}
		ids = append(ids, v.ID)
		if v.ID == node.ID && v.Region != node.Region {
			k.bad(at+".region", "is %q; this node's region is %q", v.Region, node.Region)
		}
	}
}

// required checks an address that must not be empty.
func (k *checker) required(at, addr string) {
	if addr == "" {
		k.bad(at, "must be an address, host:port")
	}
	k.address(at, addr)
}
