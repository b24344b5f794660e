package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/client"
	"github.com/letteros/letteredge/quota"
)

type quotaList struct{}

func (*quotaList) Run(ctx context.Context, api *client.Client, p *printer) error {
	ctx, cancel := limited(ctx)
	defer cancel()
	list, err := api.Quotas(ctx)
	if err != nil {
		return err
	}
	if done, err := p.object(adminapi.NewList(list, "")); done {
		return err
	}
	return p.quotas(list)
}

func (p *printer) quotas(list []adminapi.Quota) error {
	rows := make([][]string, 0, len(list))
	for _, q := range list {
		rows = append(rows, []string{q.Segment, rate(q.RPS), number(q.Burst), q.Scope, q.Overflow, q.Mode, number(q.Priority), q.Partition})
	}
	return p.table([]string{"SEGMENT", "RPS", "BURST", "SCOPE", "OVERFLOW", "MODE", "PRIORITY", "PARTITION"}, rows)
}

func rate(rps float64) string { return strconv.FormatFloat(rps, 'f', -1, 64) }

// segmentArg names a quota.
type segmentArg struct {
	Segment string `arg:"" help:"The segment's id, or _default."`
}

// Validate refuses what is no segment.
func (s segmentArg) Validate() error {
	if s.Segment == "" {
		return errors.New("<segment> is missing")
	}
	if !quota.ValidSegment(s.Segment) {
		return fmt.Errorf("the segment must match [a-z][a-z0-9_-]{0,63} or be %s, not %.80q", quota.Default, s.Segment)
	}
	return nil
}

type quotaGet struct {
	segmentArg
}

func (c *quotaGet) Run(ctx context.Context, api *client.Client, p *printer) error {
	ctx, cancel := limited(ctx)
	defer cancel()
	q, _, err := api.Quota(ctx, c.Segment)
	if err != nil {
		return err
	}
	if done, err := p.object(q); done {
		return err
	}
	return p.quotas([]adminapi.Quota{q})
}

type quotaSet struct {
	segmentArg
	RPS       float64 `name:"rps" required:"" help:"Requests per second, above 0 and at most 10,000,000." placeholder:"N"`
	Burst     *int    `help:"Requests at once after a pause; 2 × rps unless given." placeholder:"N"`
	Scope     string  `help:"Among whom the rate is shared: global, region or node. Default: global." placeholder:"SCOPE"`
	Overflow  string  `help:"What a request over the limit gets: reject, stale or degrade. Default: reject." placeholder:"WAY"`
	Mode      string  `help:"enforce, or shadow to count only. Default: enforce." placeholder:"MODE"`
	Priority  *int    `help:"Which quota is shed first, 0 to 9. Default: 5." placeholder:"N"`
	Partition string  `help:"What a node may spend that is cut off: strict, a fiftieth of its share for ten minutes, is all there is yet." placeholder:"POLICY"`
	IfMatch   string  `help:"Change only the definition with this entity tag." placeholder:"ETAG"`
}

func (c *quotaSet) spec() adminapi.QuotaSpec {
	s := adminapi.QuotaSpec{
		RPS: c.RPS, Scope: c.Scope, Overflow: c.Overflow, Mode: c.Mode, Priority: c.Priority, Partition: c.Partition,
	}
	if c.Burst != nil {
		s.Burst = *c.Burst
	}
	return s
}

// Validate holds the values against the rules that the server has, so that a
// slip is wrong use and sends nothing.
func (c *quotaSet) Validate() error {
	if err := c.segmentArg.Validate(); err != nil {
		return err
	}
	if c.Burst != nil && *c.Burst < 1 {
		return fmt.Errorf("--burst must be a whole number from 1 to %d", quota.MaxBurst)
	}
	text, err := json.Marshal(c.spec())
	if err != nil { // a rate that is infinite or no number
		return fmt.Errorf("--rps must be a number above 0 and at most %d", quota.MaxRPS)
	}
	_, err = quota.Parse(c.Segment, text)
	var invalid quota.ErrInvalid
	if errors.As(err, &invalid) {
		return fmt.Errorf("--%s %s", invalid.Field, invalid.Reason)
	}
	return err
}

func (c *quotaSet) Run(ctx context.Context, api *client.Client, p *printer) error {
	ctx, cancel := limited(ctx)
	defer cancel()
	q, _, err := api.PutQuota(ctx, c.Segment, c.spec(), c.IfMatch)
	if err != nil {
		return err
	}
	if done, err := p.object(q); done {
		return err
	}
	effective := ""
	if q.EffectiveAt != nil {
		effective = ", effective " + q.EffectiveAt.Format(time.RFC3339Nano)
	}
	return p.line("quota %s: %s%s", q.Segment, summary(q), effective)
}

// summary tells a quota in one line.
func summary(q adminapi.Quota) string {
	return strings.Join([]string{
		rate(q.RPS) + " rps", "burst " + number(q.Burst), "scope " + q.Scope, "overflow " + q.Overflow,
		"mode " + q.Mode, "priority " + number(q.Priority), "partition " + q.Partition,
	}, ", ")
}

type quotaRm struct {
	segmentArg
	IfMatch string `help:"Remove only the definition with this entity tag." placeholder:"ETAG"`
}

func (c *quotaRm) Run(ctx context.Context, api *client.Client, p *printer) error {
	ctx, cancel := limited(ctx)
	defer cancel()
	if err := api.DeleteQuota(ctx, c.Segment, c.IfMatch); err != nil {
		return err
	}
	removed := struct {
		Segment string `json:"segment"`
		Removed bool   `json:"removed"`
	}{c.Segment, true}
	if done, err := p.object(removed); done {
		return err
	}
	return p.line("quota %s: removed", c.Segment)
}
