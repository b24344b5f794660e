package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge/auth"
	"github.com/letteros/letteredge/edge/config"
)

// clusterDir is a folder with all that a cluster's nodes are made from.
type clusterDir struct {
	Dir     string   `arg:"" help:"The folder of the cluster: its CA and keyring, and a folder for each node."`
	Node    []member `required:"" placeholder:"ID=REGION@HOST[:PORT]" help:"A node, and where the others reach it, on PORT (7600) and the two after it. As often as there are nodes."`
	Install string   `help:"Where the node finds its folder on its own machine; the default is where it is written." placeholder:"DIR"`
	Listen  string   `help:"Where each node serves HTTP." default:":8080" placeholder:"ADDR"`
	TLS     string   `name:"listen-tls" help:"Where each node serves HTTP/2 and HTTP/3." default:":8443" placeholder:"ADDR"`
	Admin   string   `help:"Where each node serves its admin API." name:"listen-admin" default:"127.0.0.1:8081" placeholder:"ADDR"`
}

type clusterInit struct {
	clusterDir
	Name   string   `required:"" help:"The cluster's name; it is in every certificate." placeholder:"NAME"`
	Origin string   `required:"" help:"The origin of documents and everything else." placeholder:"URL"`
	Voter  []string `help:"A node that holds the control log; the default is one of each region." placeholder:"ID"`
}

type clusterAdd struct{ clusterDir }

// made is what a command made: a line of JSON.
type made struct {
	Cluster string     `json:"cluster"`
	Nodes   []madeNode `json:"nodes"`
	Voters  []string   `json:"voters"`
	Token   string     `json:"token,omitempty"`
}

type madeNode struct {
	ID     string `json:"id"`
	Region string `json:"region"`
	Config string `json:"config"`
}

// Run makes the cluster's CA, its keyring and every node's folder. What is there
// already is an error, and nothing is changed.
func (c *clusterInit) Run(p *printer) error {
	if !cachekey.ValidID(c.Name) {
		return wrongUse{fmt.Errorf("--name is %q; must be [a-z][a-z0-9_-]{0,63}", c.Name)}
	}
	token := auth.NewToken()
	shared := config.ForOrigin(c.Origin, c.Listen, c.TLS, c.Admin, config.ProfileDefault)
	shared.Tokens = []config.Token{{Name: "operator", Hash: auth.HashToken(token).String(), Scopes: []string{string(auth.ScopeAdmin)}}}
	shared.Cluster.Name = c.Name
	all := make([]config.Voter, len(c.Node))
	for i, m := range c.Node {
		all[i] = m.voter()
	}
	var err error
	if shared.Cluster.Voters, err = c.voters(all); err != nil {
		return wrongUse{err}
	}
	if entries, err := os.ReadDir(c.Dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty; a cluster is made in a folder of its own, and nodes are added with edgectl cluster add", c.Dir)
	}
	m, err := c.write(shared, c.Node)
	if err != nil {
		return err
	}
	m.Token = token
	return p.made(m)
}

// voters are those that were named, or one of each region.
func (c *clusterInit) voters(all []config.Voter) ([]config.Voter, error) {
	if len(c.Voter) == 0 {
		return config.ChooseVoters(all), nil
	}
	var list []config.Voter
	for _, id := range c.Voter {
		found := false
		for _, v := range all {
			if v.ID == id {
				list, found = append(list, v), true
			}
		}
		if !found {
			return nil, fmt.Errorf("--voter %s is no --node", id)
		}
	}
	if len(list)%2 == 0 || len(list) > config.MaxVoters {
		return nil, fmt.Errorf("--voter names %d nodes; must be an odd number up to %d", len(list), config.MaxVoters)
	}
	return list, nil
}

// Run makes further nodes of a cluster that is there. Voters stay what they are.
func (c *clusterAdd) Run(p *printer) error {
	shared, all, err := c.members()
	if err != nil {
		return err
	}
	for _, m := range c.Node {
		if _, err := os.Stat(filepath.Join(c.Dir, m.id)); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("node %s is there already: %s", m.id, filepath.Join(c.Dir, m.id))
		}
	}
	shared.Listen = config.Listen{HTTP: c.Listen, TLS: c.TLS, Admin: c.Admin}
	m, err := c.write(shared, append(all, c.Node...))
	if err != nil {
		return err
	}
	return p.made(m)
}

// members reads the nodes that are there, and the configuration of one of them.
func (c *clusterDir) members() (shared config.Config, all []member, err error) {
	files, err := filepath.Glob(filepath.Join(c.Dir, "*", configFile))
	if err != nil || len(files) == 0 {
		return shared, nil, fmt.Errorf("%s holds no cluster; see edgectl cluster init", c.Dir)
	}
	for _, file := range files {
		if shared, err = config.Load(file); err != nil {
			return shared, nil, err
		}
		m := member{id: shared.Node.ID, region: shared.Node.Region, there: true, listen: shared.Cluster.Listen, lan: shared.Cluster.LAN, wan: shared.Cluster.WAN}
		all = append(all, m)
	}
	return shared, all, nil
}

// configFile is a node's configuration, beside the files of auth.Cluster.Equip.
const configFile = "edge.yaml"

// write makes the folders of the members that are not there.
func (c *clusterDir) write(shared config.Config, all []member) (made, error) {
	m := made{Cluster: shared.Cluster.Name}
	for _, v := range shared.Cluster.Voters {
		m.Voters = append(m.Voters, v.ID)
	}
	files := map[string][]byte{} // all are in order before the first is written
	ids := map[string]bool{}
	for _, n := range all {
		if ids[n.id] {
			return m, wrongUse{fmt.Errorf("--node %s is there twice", n.id)}
		}
		ids[n.id] = true
		if n.there {
			continue
		}
		cfg, err := c.configure(shared, n, all)
		if err != nil {
			return m, err
		}
		text, err := cfg.Text()
		if err != nil {
			return m, wrongUse{fmt.Errorf("node %s: %w", n.id, err)}
		}
		files[n.id] = text
		m.Nodes = append(m.Nodes, madeNode{n.id, n.region, filepath.Join(c.Dir, n.id, configFile)})
	}
	open := auth.OpenCluster
	if len(m.Nodes) < len(all) { // a cluster that is there has its CA: another would be another cluster
		open = auth.ReadCluster
	}
	cluster, err := open(c.Dir, shared.Cluster.Name, time.Now)
	if err != nil {
		return m, err
	}
	for _, n := range m.Nodes {
		if err := c.deliver(cluster, n, files[n.ID]); err != nil {
			return m, err
		}
	}
	return m, nil
}

// deliver fills a node's folder.
func (c *clusterDir) deliver(cluster *auth.Cluster, n madeNode, text []byte) error {
	dir := filepath.Join(c.Dir, n.ID)
	if err := cluster.Equip(dir, n.Region, n.ID); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, configFile), text, 0o600); err != nil {
		return fmt.Errorf("node %s: %w", n.ID, err)
	}
	return nil
}

// configure is a node's configuration.
func (c *clusterDir) configure(shared config.Config, n member, all []member) (config.Config, error) {
	dir, err := filepath.Abs(filepath.Join(c.Dir, n.id))
	if err != nil {
		return shared, fmt.Errorf("node %s: %w", n.id, err)
	}
	if c.Install != "" {
		dir = c.Install
	}
	cfg := shared
	cfg.Node = config.Node{ID: n.id, Region: n.region}
	cfg.State.Dir = filepath.Join(dir, "state")
	host, _, err := net.SplitHostPort(n.listen)
	if err != nil {
		return shared, fmt.Errorf("node %s: %w", n.id, err)
	}
	cfg.TLS.Names = []string{host} // readers come to it by its address
	k := &cfg.Cluster
	k.Listen, k.LAN, k.WAN = n.listen, n.lan, n.wan
	k.Cert, k.Key = filepath.Join(dir, auth.NodeCertFile), filepath.Join(dir, auth.NodeKeyFile)
	k.CA, k.Keyring = filepath.Join(dir, auth.NodeCAFile), filepath.Join(dir, auth.NodeKeyringFile)
	k.Join = config.Join{}
	seen := map[string]bool{}
	for _, o := range all {
		if o.region == n.region {
			k.Join.LAN = append(k.Join.LAN, o.lan)
		}
		if !seen[o.region] {
			k.Join.WAN = append(k.Join.WAN, o.wan)
		}
		seen[o.region] = true
	}
	return cfg, nil
}

// made prints what was made, and what to do with it.
func (p *printer) made(m made) error {
	if done, err := p.object(m); done {
		return err
	}
	rows := make([][]string, 0, len(m.Nodes))
	for _, n := range m.Nodes {
		votes := "no"
		for _, v := range m.Voters {
			if v == n.ID {
				votes = "yes"
			}
		}
		rows = append(rows, []string{n.ID, n.Region, votes, n.Config})
	}
	if err := p.table([]string{"NODE", "REGION", "VOTES", "CONFIG"}, rows); err != nil {
		return err
	}
	if m.Token == "" {
		return nil
	}
	return p.line("\nBring each node its folder, and no other; the CA's key stays here. Then: edged run --config %s\nFor edgectl, not shown again:\n  export EDGECTL_TOKEN=%s", configFile, m.Token)
}
