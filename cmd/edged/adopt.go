package main

import (
	"context"
	"fmt"
	"time"

	"github.com/letteros/letteredge/bench/docsorigin"
	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/client"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// adopt records the documents of the demo's folder, so that they are managed from
// the start: an edit shows nowhere before it is pushed. Documents that have a
// record keep it.
func (c *cluster) adopt(ctx context.Context) error {
	folder, err := docsorigin.List(c.docs)
	if err != nil {
		return err
	}
	u := adminapi.DocsUpdate{Plan: rollout.AdoptPlan}
	for _, l := range folder {
		if l.Used { // of the others no node shows anything
			u.Documents = append(u.Documents, adminapi.DocsVersion{ID: l.ID, Version: l.Version, Digest: l.Digest, Tags: l.Tags})
		}
	}
	if len(u.Documents) == 0 {
		return nil
	}
	api, err := client.New(c.nodes[0].ready.Admin, c.token, nil)
	if err != nil {
		return err
	}
	retry := time.NewTicker(100 * time.Millisecond)
	defer retry.Stop()
	for {
		accepted, err := api.UpdateDocs(ctx, u, "")
		if err == nil {
			return c.recorded(ctx, api, accepted.Rollout)
		}
		select { // a leader is being elected
		case <-ctx.Done():
			return fmt.Errorf("record the documents: %w", err)
		case <-retry.C:
		}
	}
}

// recorded waits until an adoption is done.
func (c *cluster) recorded(ctx context.Context, api *client.Client, id *string) error {
	if id == nil { // nothing was new
		return nil
	}
	last, err := api.Follow(ctx, *id, func(adminapi.Rollout) (bool, error) { return true, nil })
	if err != nil {
		return fmt.Errorf("record the documents: %w", err)
	}
	if last.State != string(rollout.Done) {
		return fmt.Errorf("record the documents: %s: %s", last.State, last.Reason)
	}
	return nil
}
