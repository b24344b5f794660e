package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/letteros/letteredge/edge/auth"
	"github.com/letteros/letteredge/edge/config"
)

// cluster is the node processes of a demo.
type cluster struct {
	dir       string // state
	regions   []string
	perRegion int
	from      portRange
	origin    string
	docs      string // "" where the origin is not ours
	log       *slog.Logger
	logs      io.Writer // the nodes' stderr

	token  string
	ca     *auth.Authority
	mutual *auth.Cluster
	shared config.Cluster // what all nodes are told of the cluster
	lan    map[string][]string
	nodes  []*child
}

// child is one node process.
type child struct {
	config string
	cmd    *exec.Cmd
	stdin  io.Closer // closing it asks the process to end
	ready  ready
	ended  chan struct{} // closed after the process has been waited for
	err    error         // set before ended is closed
}

// startTimeout bounds the start of all nodes together.
const startTimeout = 30 * time.Second

// start writes the configurations and runs the nodes.
func (c *cluster) start(ctx context.Context) (err error) {
	if c.token, err = keptToken(c.dir); err != nil {
		return err
	}
	if c.ca, err = auth.OpenAuthority(c.dir, time.Now); err != nil {
		return err
	}
	members := c.members()
	ids := make([]string, len(members))
	for i, m := range members {
		ids[i] = m.ID
	}
	places, err := c.places(ids)
	if err != nil {
		return err
	}
	c.gather(members, places)
	if c.mutual, err = auth.OpenCluster(c.dir, clusterName, time.Now); err != nil {
		return err
	}
	for i, m := range members {
		path, err := c.configure(m, places[i])
		if err != nil {
			return err
		}
		c.nodes = append(c.nodes, &child{config: path, ended: make(chan struct{})})
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	errs := make([]error, len(c.nodes))
	var all sync.WaitGroup
	for i, n := range c.nodes {
		all.Go(func() { errs[i] = c.spawn(ctx, n) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := c.ready(ctx); err != nil {
		return err
	}
	if c.docs == "" {
		return nil
	}
	return c.adopt(ctx)
}

// members names the nodes, region by region.
func (c *cluster) members() []config.Node {
	var all []config.Node
	for _, region := range c.regions {
		for i := range c.perRegion {
			all = append(all, config.Node{ID: fmt.Sprintf("%s-%d", region, i+1), Region: region})
		}
	}
	return all
}

// configure writes one node's file.
func (c *cluster) configure(node config.Node, p ports) (string, error) {
	id := node.ID
	cfg := config.ForOrigin(c.origin, p.plain, p.secure, p.admin, config.ProfileDefault)
	cfg.Node = node
	cfg.State.Dir = filepath.Join(c.dir, id)
	cfg.Tokens = []config.Token{{Name: "demo", Hash: auth.HashToken(c.token).String(), Scopes: []string{string(auth.ScopeAdmin)}}}
	cfg.Log.Level = "warn"
	cert, key, err := c.ca.WriteLeaf(filepath.Join(c.dir, id))
	if err != nil {
		return "", err
	}
	cfg.TLS = config.TLS{Cert: cert, Key: key, CA: c.ca.Path()}
	if cfg.Cluster, err = c.join(node, p); err != nil {
		return "", err
	}
	text, err := cfg.Text()
	if err != nil {
		return "", usageError{err}
	}
	path := c.file(id)
	return path, os.WriteFile(path, text, 0o600)
}

// spawn runs a node as a process of its own and returns when it serves.
func (c *cluster) spawn(ctx context.Context, n *child) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	n.cmd = exec.Command(self, "run", "--config", n.config, "--json", "--with-parent")
	n.cmd.Stderr = c.logs
	leaveGroup(n.cmd)
	stdin, err := n.cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := n.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := n.cmd.Start(); err != nil {
		return err
	}
	n.stdin = stdin
	line := make(chan error, 1)
	go func() {
		err := json.NewDecoder(bufio.NewReader(stdout)).Decode(&n.ready)
		line <- err
		n.err = n.cmd.Wait()
		close(n.ended)
	}()
	select {
	case err := <-line:
		if err != nil {
			<-n.ended
			return fmt.Errorf("node %s did not start: %w", n.config, errors.Join(n.err, err))
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("node %s did not start: %w", n.config, ctx.Err())
	}
}

// stopTimeout is how long nodes may take to finish what is under way.
const stopTimeout = 15 * time.Second

// stop ends every node and waits for it.
func (c *cluster) stop() error {
	deadline := time.After(stopTimeout)
	for _, n := range c.nodes {
		if n.stdin != nil {
			_ = n.stdin.Close() // the end of its input is the signal
		}
	}
	var errs []error
	for _, n := range c.nodes {
		if n.stdin == nil {
			continue
		}
		select {
		case <-n.ended:
		case <-deadline:
			_ = n.cmd.Process.Kill() // it may have ended just now
			<-n.ended
			errs = append(errs, fmt.Errorf("node %s did not end in time and was killed", n.ready.ID))
		}
	}
	return errors.Join(errs...)
}

// announcement is the line of demo --json.
type announcement struct {
	Origin  string  `json:"origin"`
	DocsDir string  `json:"docs_dir"`
	Token   string  `json:"token"`
	CA      string  `json:"ca"`
	Nodes   []ready `json:"nodes"`
}

// announce says where everything is.
func (c *cluster) announce(out io.Writer, asJSON bool) error {
	a := announcement{Origin: c.origin, DocsDir: c.docs, Token: c.token, CA: c.ca.Path()}
	for _, n := range c.nodes {
		r := n.ready
		r.CA = ""
		a.Nodes = append(a.Nodes, r)
	}
	if asJSON {
		return json.NewEncoder(out).Encode(a)
	}
	print := func(format string, args ...any) { fmt.Fprintf(out, format, args...) }
	print("LetterEdge demo: %d nodes in %d regions\n\n", len(a.Nodes), len(c.regions))
	print("  %-14s %-28s %-28s %s\n", "node", "http", "https, h3", "admin")
	for _, n := range a.Nodes {
		print("  %-14s %-28s %-28s %s\n", n.ID, n.HTTP, n.HTTPS, n.Admin)
	}
	print("\n  origin  %s\n", a.Origin)
	if a.DocsDir != "" {
		print("  docs    %s  (edit them)\n", a.DocsDir)
	}
	print("  ca      %s\n\n", a.CA)
	print("Try:\n  curl -i %s/v1/segments/b2b/ctas/trial\n", a.Nodes[0].HTTP)
	print("  curl -i --cacert %s %s/v1/segments/b2b/ctas/trial/summary\n\n", a.CA, a.Nodes[0].HTTPS)
	print("For edgectl:\n  export EDGECTL_ADMIN=%s EDGECTL_TOKEN=%s\n\n^C ends it all.\n", a.Nodes[0].Admin, a.Token)
	return nil
}
