package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/client"
)

type explain struct {
	URL     string `arg:"" name:"url" help:"http(s)://host/path, host/path or /path."`
	Segment string `help:"Look the artifact up for this segment instead of the URL's." placeholder:"SEGMENT"`
}

func (c *explain) Run(ctx context.Context, api *client.Client, p *printer) error {
	ctx, cancel := limited(ctx)
	defer cancel()
	e, err := api.Explain(ctx, c.URL, c.Segment)
	if err != nil {
		return err
	}
	if done, err := p.object(e); done {
		return err
	}
	return p.explanation(e)
}

func (p *printer) explanation(e adminapi.Explanation) error {
	err := p.table([]string{"KEY", e.Key}, [][]string{
		{"KIND", e.Kind}, {"ROUTE", e.Route}, {"QUOTA", e.Segment}, {"TAGS", strings.Join(e.Tags, " ")},
		{"STATE", e.State + ": " + e.Why},
	})
	if err != nil || len(e.Stored) == 0 {
		return err
	}
	rows := make([][]string, 0, len(e.Stored))
	for _, s := range e.Stored {
		rows = append(rows, []string{
			number(s.Status), number(s.Bytes), seconds(s.Age), seconds(s.TTL), s.Purge, s.ETag, s.Variant,
		})
	}
	if err := p.line(""); err != nil {
		return err
	}
	return p.table([]string{"STATUS", "BYTES", "AGE", "TTL", "PURGE", "ETAG", "VARIANT"}, rows)
}

func seconds(n int64) string { return strconv.FormatInt(n, 10) + "s" }
