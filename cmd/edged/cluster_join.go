package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/letteros/letteredge/edge/config"
)

// clusterName is in the certificates of a demo's nodes.
const clusterName = "demo"

// gather says who votes, and where the pools are found.
func (c *cluster) gather(members []config.Node, places []ports) {
	c.lan = map[string][]string{}
	all := make([]config.Voter, len(members))
	for i, m := range members {
		all[i] = config.Voter{ID: m.ID, Region: m.Region, Address: places[i].peer}
		if len(c.lan[m.Region]) == 0 {
			c.shared.Join.WAN = append(c.shared.Join.WAN, places[i].wan)
		}
		c.lan[m.Region] = append(c.lan[m.Region], places[i].lan)
	}
	c.shared.Voters = config.ChooseVoters(all)
}

// join is the part of a node's file that is about the cluster.
func (c *cluster) join(node config.Node, p ports) (config.Cluster, error) {
	cert, key, err := c.mutual.Issue(filepath.Join(c.dir, node.ID), node.Region, node.ID)
	if err != nil {
		return config.Cluster{}, err
	}
	defaults := config.Default().Cluster
	joined := c.shared
	joined.Name, joined.Listen, joined.LAN, joined.WAN = clusterName, p.peer, p.lan, p.wan
	joined.Cert, joined.Key, joined.CA, joined.Keyring = cert, key, c.mutual.Path(), c.mutual.Keyring()
	joined.Join.LAN = c.lan[node.Region]
	joined.Clamp, joined.Soak = defaults.Clamp, demoSoak
	return joined, nil
}

// demoSoak is short, so that a push is done while somebody watches.
const demoSoak = config.Duration(200 * time.Millisecond)

// readyEvery is how often nodes are asked whether they are ready.
const readyEvery = 20 * time.Millisecond

// ready waits until every node lacks nothing that the others know.
func (c *cluster) ready(ctx context.Context) error {
	client := http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	ask := time.NewTicker(readyEvery)
	defer ask.Stop()
	for _, n := range c.nodes {
		for {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.ready.Admin+"/readyz", nil)
			if err != nil {
				return err
			}
			res, err := client.Do(req)
			if err == nil {
				_ = res.Body.Close() // its status is all that counts
				if res.StatusCode == http.StatusOK {
					break
				}
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("node %s is not ready: %w", n.ready.ID, ctx.Err())
			case <-ask.C:
			}
		}
	}
	return nil
}
