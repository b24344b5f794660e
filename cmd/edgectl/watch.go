package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/client"
	"github.com/letteros/letteredge/quota"
)

type quotaWatch struct {
	Segment  string        `arg:"" optional:"" help:"Watch only this segment."`
	Interval time.Duration `help:"How often the node is asked, from 100ms to 1h." default:"2s" placeholder:"D"`
}

// Validate refuses what cannot be watched.
func (c *quotaWatch) Validate() error {
	if c.Interval < 100*time.Millisecond || c.Interval > time.Hour {
		return fmt.Errorf("--interval must be from 100ms to 1h, not %s", c.Interval)
	}
	if c.Segment != "" && !quota.ValidSegment(c.Segment) {
		return segmentArg{c.Segment}.Validate()
	}
	return nil
}

// change is one line of a watch.
type change struct {
	At     time.Time      `json:"at"`
	Change string         `json:"change"` // set, removed
	Quota  adminapi.Quota `json:"quota"`  // if it was removed: what it had been
}

// Run prints until ctx ends, which is how a watch is meant to end.
func (c *quotaWatch) Run(ctx context.Context, api *client.Client, p *printer) error {
	tick := time.NewTicker(c.Interval)
	defer tick.Stop()
	var before []adminapi.Quota
	for {
		now, err := c.read(ctx, api)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		for _, ch := range changes(before, now, time.Now().UTC()) {
			if err := p.change(ch); err != nil {
				return err
			}
		}
		before = now
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (c *quotaWatch) read(ctx context.Context, api *client.Client) ([]adminapi.Quota, error) {
	ctx, cancel := limited(ctx)
	defer cancel()
	if c.Segment == "" {
		return api.Quotas(ctx)
	}
	q, _, err := api.Quota(ctx, c.Segment)
	var refused *client.RefusedError
	if errors.As(err, &refused) && refused.Problem.Status == 404 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []adminapi.Quota{q}, nil
}

// changes are what leads from one list to the next, by segment.
func changes(before, now []adminapi.Quota, at time.Time) []change {
	var list []change
	named := func(list []adminapi.Quota, segment string) int {
		return slices.IndexFunc(list, func(q adminapi.Quota) bool { return q.Segment == segment })
	}
	for _, q := range now {
		if i := named(before, q.Segment); i < 0 || before[i] != q {
			list = append(list, change{at, "set", q})
		}
	}
	for _, q := range before {
		if named(now, q.Segment) < 0 {
			list = append(list, change{at, "removed", q})
		}
	}
	slices.SortStableFunc(list, func(a, b change) int { return strings.Compare(a.Quota.Segment, b.Quota.Segment) })
	return list
}

// change prints one line, in JSON too: a stream of objects.
func (p *printer) change(ch change) error {
	if p.json {
		text, err := json.Marshal(ch)
		if err != nil {
			return fmt.Errorf("print: %w", err)
		}
		return p.line("%s", text)
	}
	at := ch.At.Format(time.RFC3339)
	if ch.Change == "removed" {
		return p.line("%s quota %s: removed", at, printable(ch.Quota.Segment))
	}
	return p.line("%s quota %s: %s", at, printable(ch.Quota.Segment), printable(summary(ch.Quota)))
}
