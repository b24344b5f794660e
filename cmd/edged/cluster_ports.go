package main

import (
	"os"
	"path/filepath"

	"github.com/letteros/letteredge/edge/config"
)

// places finds the nodes' addresses: those of the last start, so that what was
// written down then still leads here, or free ones where these cannot be had.
func (c *cluster) places(ids []string) ([]ports, error) {
	if kept, ok := c.keptPlaces(ids); ok {
		return kept, nil
	}
	return freePorts(c.from, len(ids))
}

// keptPlaces reads the addresses out of the files of the last start; false unless
// each of the nodes has one, and all of them are free.
func (c *cluster) keptPlaces(ids []string) ([]ports, bool) {
	var held reservation
	defer held.release()
	kept := make([]ports, len(ids))
	for i, id := range ids {
		path := c.file(id)
		if _, err := os.Stat(path); err != nil {
			return nil, false
		}
		cfg, err := config.Load(path)
		if err != nil {
			return nil, false
		}
		kept[i] = ports{
			plain: cfg.Listen.HTTP, secure: cfg.Listen.TLS, admin: cfg.Listen.Admin,
			peer: cfg.Cluster.Listen, lan: cfg.Cluster.LAN, wan: cfg.Cluster.WAN,
		}
		for _, addr := range []string{kept[i].plain, kept[i].secure, kept[i].admin, kept[i].peer, kept[i].lan, kept[i].wan} {
			if held.take(addr) != nil {
				return nil, false
			}
		}
	}
	return kept, true
}

// file is where a node's configuration is written.
func (c *cluster) file(id string) string { return filepath.Join(c.dir, id+".yaml") }
