package main

import (
	"context"
	"strings"
	"time"

	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/client"
)

// The first and the longest pause between two looks at a purge that is followed.
const (
	firstLook = 5 * time.Millisecond
	laterLook = 200 * time.Millisecond
)

// follow prints a line for each node whose part in a purge changes, until the
// purge is complete in the scope or its time-out has passed; then it returns a
// *client.PartialError beside it.
func (p *printer) follow(ctx context.Context, api *client.Client, id string, scope adminapi.Wait, timeout time.Duration) (adminapi.Purge, error) {
	end := time.Now().Add(timeout)
	told := map[string]string{}
	for pause := firstLook; ; pause = min(2*pause, laterLook) {
		late := time.Now().After(end) // before the look: the last one comes after the time-out
		v, err := api.PurgeByID(ctx, id)
		if err != nil {
			return v, err
		}
		if err := p.changed(v, told); err != nil {
			return v, err
		}
		if completeIn(v, scope) {
			return v, nil
		}
		if late {
			return v, &client.PartialError{Purge: v}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return v, ctx.Err()
		}
	}
}

// changed prints what is new of each node since it was told last.
func (p *printer) changed(v adminapi.Purge, told map[string]string) error {
	for _, n := range v.Nodes {
		if n.State == told[n.ID] || n.State == "pending" {
			continue
		}
		told[n.ID] = n.State
		line := n.ID + " (" + n.Region + "): " + n.State
		if ms := after(n.AppliedAfterMS); n.State == "applied" && ms != "" {
			line += " after " + ms
		}
		if err := p.line("%s", printable(line)); err != nil {
			return err
		}
	}
	return nil
}

// completeIn reports whether a purge is complete in a scope. The acceptor's
// region is that of the node whose id its own begins with.
func completeIn(v adminapi.Purge, scope adminapi.Wait) bool {
	if scope != adminapi.WaitRegion || v.State == "complete" {
		return v.State == "complete"
	}
	for _, n := range v.Nodes {
		if rest, ok := strings.CutPrefix(v.Purge, n.ID+"."); !ok || strings.Count(rest, ".") != 1 {
			continue
		}
		for _, r := range v.Regions {
			if r.Region == n.Region {
				return r.State == "complete"
			}
		}
	}
	return false
}
