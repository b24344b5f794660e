package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge/peer"
	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/invalidation"
)

// countPath is where nodes ask each other what a purge would hit.
const countPath = "/count"

// countTimeout bounds how long a dry run waits for another node.
const countTimeout = 2 * time.Second

// counter answers how many entries a selector has here.
func counter(purges *invalidation.Engine) peer.Handler {
	return func(_ context.Context, _ gossip.Member, body []byte) ([]byte, error) {
		sel, err := cachekey.ParseSelector(string(body))
		if err != nil {
			return nil, &peer.StatusError{Code: 400, Text: err.Error()}
		}
		e, err := purges.DryRun(sel)
		if err != nil {
			return nil, &peer.StatusError{Code: 400, Text: err.Error()}
		}
		return fmt.Append(nil, e.Entries), nil
	}
}

// countElsewhere asks all other nodes; one that does not answer has no count.
func (m *mesh) countElsewhere(ctx context.Context, sel cachekey.Selector) []invalidation.NodeCount {
	ctx, cancel := context.WithTimeout(ctx, countTimeout)
	defer cancel()
	members := m.roster.now.Load().members
	counts := make([]invalidation.NodeCount, 0, len(members))
	for _, p := range members {
		if p.ID != m.self.Node && p.Presence != invalidation.Left {
			counts = append(counts, invalidation.NodeCount{ID: p.ID})
		}
	}
	var all sync.WaitGroup
	for i := range counts {
		all.Go(func() {
			reply, err := m.client.Call(ctx, counts[i].ID, countPath, []byte(sel.String()))
			if err != nil {
				return
			}
			if n, err := strconv.Atoi(string(reply)); err == nil {
				counts[i].Entries = &n
			}
		})
	}
	all.Wait()
	return counts
}
