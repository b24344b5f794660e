package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/letteros/letteredge/edge/auth"
	"github.com/letteros/letteredge/edge/config"
)

// What a cluster's folder holds.
const (
	clusterPlan  = "cluster.json"
	clusterCA    = "ca"    // the CA with its key: for this folder only
	clusterNodes = "nodes" // a folder for each node, to be copied to its host
	clusterToken = "admin.token"
	nodeConfig   = "edge.yaml"
)

type clusterInit struct {
	Dir    string   `required:"" placeholder:"DIR" help:"Folder to make; it must be new or empty."`
	Name   string   `default:"letteros" placeholder:"NAME" help:"The cluster's name, in every certificate."`
	Node   []string `required:"" placeholder:"NODE=REGION@HOST" help:"A node, and the IP address at which the others reach it. Repeat it."`
	Voters []string `placeholder:"NODE" help:"Who holds the control log, an odd number. Default: the first node of each region."`
	Origin string   `default:"http://127.0.0.1:3000" placeholder:"URL" help:"Where the nodes fetch from."`
}

// planFlag tells which flag is behind a part of a plan.
func planFlag(err error) error {
	var wrong *config.PlanError
	if errors.As(err, &wrong) {
		return wrongUse{fmt.Errorf("--%s: %s", wrong.Part, wrong.Reason)}
	}
	return err
}

// Run makes the folder, whole or not at all.
func (c *clusterInit) Run(p *printer) error {
	plan := config.Plan{Name: c.Name, Origin: c.Origin, Voters: c.Voters}
	for _, text := range c.Node {
		n, err := config.ParsePlannedNode(text)
		if err != nil {
			return planFlag(err)
		}
		plan.Nodes = append(plan.Nodes, n)
	}
	token := auth.NewToken()
	plan.Token = auth.HashToken(token).String()
	if err := plan.Normalize(); err != nil {
		return planFlag(err)
	}
	dir, err := vacant(c.Dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("make the cluster: %w", err)
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+"-*") // 0700
	if err != nil {
		return fmt.Errorf("make the cluster: %w", err)
	}
	defer func() { _ = os.RemoveAll(temp) }() // gone, if all went well
	ca, err := auth.OpenCluster(filepath.Join(temp, clusterCA), plan.Name, time.Now)
	if err != nil {
		return err
	}
	for _, n := range plan.Nodes {
		if err := equip(ca, &plan, n, filepath.Join(temp, clusterNodes, n.ID)); err != nil {
			return err
		}
	}
	if err := writeSecret(filepath.Join(temp, clusterToken), []byte(token+"\n")); err != nil {
		return err
	}
	if err := writePlan(temp, &plan); err != nil {
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) { // it was empty
		return fmt.Errorf("make the cluster: %w", err)
	}
	if err := os.Rename(temp, dir); err != nil {
		return fmt.Errorf("make the cluster: %w", err)
	}
	return p.cluster(dir, &plan, plan.Nodes, true)
}

// vacant returns the absolute path of a folder that is not there, or empty.
func vacant(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", wrongUse{fmt.Errorf("--dir: %w", err)}
	}
	there, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return dir, nil
	case err != nil:
		return "", wrongUse{fmt.Errorf("--dir: %w", err)}
	case len(there) > 0:
		return "", fmt.Errorf("--dir: %s is there already; nothing was written", filepath.Join(dir, there[0].Name()))
	}
	return dir, nil
}

type clusterAdd struct {
	Dir  string `required:"" placeholder:"DIR" help:"The folder that cluster init made."`
	Node string `arg:"" help:"NODE=REGION@HOST: the node, and the IP address at which the others reach it."`
}

// Run makes one more node's folder. The voters stay who they are.
func (c *clusterAdd) Run(p *printer) error {
	n, err := config.ParsePlannedNode(c.Node)
	if err != nil {
		return planFlag(err)
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return wrongUse{fmt.Errorf("--dir: %w", err)}
	}
	plan, err := readPlan(dir)
	if err != nil {
		return err
	}
	folder := filepath.Join(dir, clusterNodes, n.ID)
	if _, err := os.Lstat(folder); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already; nothing was written", folder)
	}
	plan.Nodes = append(plan.Nodes, n)
	if err := plan.Normalize(); err != nil {
		return planFlag(err)
	}
	ca, err := auth.ReadCluster(filepath.Join(dir, clusterCA), plan.Name, time.Now)
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Join(dir, clusterNodes), "."+n.ID+"-*") // 0700
	if err != nil {
		return fmt.Errorf("add %s: %w", n.ID, err)
	}
	defer func() { _ = os.RemoveAll(temp) }() // gone, if all went well
	if err := equip(ca, plan, n, temp); err != nil {
		return err
	}
	if err := os.Rename(temp, folder); err != nil {
		return fmt.Errorf("add %s: %w", n.ID, err)
	}
	if err := writePlan(dir, plan); err != nil {
		return errors.Join(err, os.RemoveAll(folder))
	}
	return p.cluster(dir, plan, []config.PlannedNode{n}, false)
}

// equip fills a node's folder.
func equip(ca *auth.Cluster, plan *config.Plan, n config.PlannedNode, dir string) error {
	text, err := plan.File(n.ID)
	if err != nil {
		return err
	}
	if err := ca.Equip(dir, n.Region, n.ID); err != nil {
		return err
	}
	return writeSecret(filepath.Join(dir, nodeConfig), []byte(text))
}

func writeSecret(path string, data []byte) error {
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return fmt.Errorf("make the cluster: %w", err)
	}
	return nil
}

func writePlan(dir string, plan *config.Plan) error {
	text, err := json.MarshalIndent(plan, "", "  ")
	if err != nil {
		return fmt.Errorf("keep the plan: %w", err)
	}
	temp := filepath.Join(dir, "."+clusterPlan)
	if err := writeSecret(temp, append(text, '\n')); err != nil {
		return err
	}
	if err := os.Rename(temp, filepath.Join(dir, clusterPlan)); err != nil {
		return fmt.Errorf("keep the plan: %w", err)
	}
	return nil
}

// readPlan reads what cluster init has kept.
func readPlan(dir string) (*config.Plan, error) {
	path := filepath.Join(dir, clusterPlan)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, wrongUse{fmt.Errorf("--dir: is no folder of cluster init: %w", err)}
	}
	plan := &config.Plan{}
	if err := json.Unmarshal(text, plan); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := plan.Normalize(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return plan, nil
}

// laidOut is what cluster init and add print as JSON.
type laidOut struct {
	Cluster string        `json:"cluster"`
	CA      string        `json:"ca"`
	Token   string        `json:"token_file"`
	Voters  []string      `json:"voters"`
	Nodes   []laidOutNode `json:"nodes"`
}

type laidOutNode struct {
	config.PlannedNode
	Voter  bool   `json:"voter"`
	Config string `json:"config"`
}

// cluster tells what has been made.
func (p *printer) cluster(dir string, plan *config.Plan, made []config.PlannedNode, anew bool) error {
	out := laidOut{
		Cluster: plan.Name, CA: filepath.Join(dir, clusterCA), Token: filepath.Join(dir, clusterToken), Voters: plan.Voters,
	}
	var rows [][]string
	for _, n := range made {
		folder := filepath.Join(dir, clusterNodes, n.ID)
		voter := slices.Contains(plan.Voters, n.ID)
		out.Nodes = append(out.Nodes, laidOutNode{n, voter, filepath.Join(folder, nodeConfig)})
		votes := "-"
		if voter {
			votes = "voter"
		}
		rows = append(rows, []string{n.ID, n.Region, n.Host, votes, folder})
	}
	if done, err := p.object(out); done {
		return err
	}
	if err := p.table([]string{"NODE", "REGION", "HOST", "LOG", "FOLDER"}, rows); err != nil {
		return err
	}
	lines := []string{"", "Copy each folder to its host and run there: edged run --config " + nodeConfig}
	if anew {
		lines = append(lines, "Keep "+out.CA+" to yourself: its key makes nodes. For edgectl, on a node's host:",
			"  export EDGECTL_TOKEN=$(cat "+out.Token+")")
	}
	return p.line("%s", strings.Join(lines, "\n"))
}
