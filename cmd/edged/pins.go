package main

import (
	"context"
	"time"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// sweepAfter is how long the records have been quiet when pins are swept: a
// rollout writes many, and what it leaves is known at its end.
const sweepAfter = time.Second

// sweepPins deletes the pins that the records keep no more, until ctx ends.
func (n *node) sweepPins(ctx context.Context) error {
	news := make(chan struct{}, 1)
	n.mesh.records.Subscribe(func([]gossip.Record) {
		select {
		case news <- struct{}{}:
		default:
		}
	})
	quiet := time.NewTimer(sweepAfter)
	defer quiet.Stop()
	var last rollout.Kept
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-news:
			quiet.Reset(sweepAfter)
			continue
		case <-quiet.C:
		}
		if n.docs.targets.Follow() == 0 {
			continue // this node does not know the log
		}
		facts, err := rollout.ReadFacts(n.mesh.records)
		if err != nil {
			continue // a document that this release cannot read keeps all; the targets have logged it
		}
		kept := facts.Kept()
		if kept.Equal(last) {
			continue
		}
		err = n.core.SweepPins(func(_, vector string) bool {
			versions, err := edge.ParseVersions(vector)
			return err == nil && kept.Keeps(versions)
		})
		if err != nil {
			n.log.Error("old pins not deleted", "err", err)
			continue
		}
		last = kept
	}
}
