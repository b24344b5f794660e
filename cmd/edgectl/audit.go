package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/client"
)

type auditList struct {
	Limit int `help:"How many entries, 0 for all that are kept." default:"100" placeholder:"N"`
}

// Validate refuses a negative number.
func (c *auditList) Validate() error {
	if c.Limit < 0 {
		return fmt.Errorf("--limit must not be negative, not %d", c.Limit)
	}
	return nil
}

func (c *auditList) Run(ctx context.Context, api *client.Client, p *printer) error {
	ctx, cancel := limited(ctx)
	defer cancel()
	list, err := api.Audit(ctx, c.Limit)
	if err != nil {
		return err
	}
	if done, err := p.object(adminapi.NewList(list, "")); done {
		return err
	}
	rows := make([][]string, 0, len(list))
	for _, e := range list {
		rows = append(rows, []string{
			strconv.FormatUint(e.Seq, 10), e.At.Format(time.RFC3339), e.Principal, e.Action, e.Target, e.Result, e.Detail, e.Remote,
		})
	}
	return p.table([]string{"SEQ", "AT", "WHO", "ACTION", "TARGET", "RESULT", "DETAIL", "FROM"}, rows)
}
