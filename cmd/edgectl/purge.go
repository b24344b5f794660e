package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/client"
	"github.com/letteros/letteredge/invalidation"
)

type purge struct {
	Tag     []string `sep:"none" help:"Everything that carries the tag; repeat it for any of several." placeholder:"TAG"`
	Key     []string `sep:"none" help:"The answers of one key, host/path or /v1/segments/…; repeatable." placeholder:"KEY"`
	Prefix  string   `help:"Everything below host/path/ or /v1/segments/…/." placeholder:"PREFIX"`
	Host    string   `help:"Everything of one host." placeholder:"HOST"`
	Segment string   `help:"Everything of one segment." placeholder:"SEGMENT"`
	All     bool     `help:"Everything."`

	Soft    bool          `help:"Only make it stale: it may be served while it is refreshed."`
	Wait    string        `help:"How far it must have come: none, region or all." enum:"none,region,all" default:"all" placeholder:"SCOPE"`
	Timeout time.Duration `help:"Of the wait, at most 30s." default:"2s" placeholder:"D"`
	DryRun  bool          `help:"Only count what would be purged."`
}

// selector returns the one selector that the flags name, in canonical form.
func (c *purge) selector() (cachekey.Selector, error) {
	s := cachekey.Selector{Tags: c.Tag, Keys: c.Key, Prefix: c.Prefix, Host: c.Host, Segment: c.Segment, All: c.All}
	kinds := 0
	for _, given := range []bool{len(c.Tag) > 0, len(c.Key) > 0, c.Prefix != "", c.Host != "", c.Segment != "", c.All} {
		if given {
			kinds++
		}
	}
	if kinds != 1 {
		return s, errors.New("exactly one of --tag, --key, --prefix, --host, --segment and --all must be given")
	}
	canonical, err := s.Canonical()
	var invalid *cachekey.Error
	if errors.As(err, &invalid) { // tags[1] is --tag
		field, _, _ := strings.Cut(invalid.Field, "[")
		return s, fmt.Errorf("--%s %s", strings.TrimSuffix(field, "s"), invalid.Reason)
	}
	return canonical, err
}

// Validate refuses anything but one good selector.
func (c *purge) Validate() error {
	if c.Timeout <= 0 || c.Timeout > adminapi.MaxTimeout {
		return fmt.Errorf("--timeout must be above 0 and at most %s, not %s", adminapi.MaxTimeout, c.Timeout)
	}
	_, err := c.selector()
	return err
}

func (c *purge) Run(ctx context.Context, api *client.Client, p *printer) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout+patience)
	defer cancel()
	selector, err := c.selector()
	if err != nil {
		return wrongUse{err}
	}
	request := adminapi.PurgeRequest{Select: selector}
	if c.Soft {
		request.Mode = invalidation.ModeSoft
	}
	if c.DryRun {
		d, err := api.DryRun(ctx, request)
		if err != nil {
			return err
		}
		return p.dryRun(d)
	}
	wait := adminapi.Wait(c.Wait)
	options := client.PurgeOptions{Wait: wait, Timeout: c.Timeout}
	live := wait != adminapi.WaitNone && !p.json
	if live {
		options.Wait = adminapi.WaitNone
	}
	done, err := api.Purge(ctx, request, options)
	if err == nil && live {
		done, err = p.follow(ctx, api, done.Purge, wait, c.Timeout)
	}
	var partial *client.PartialError
	if err != nil && !errors.As(err, &partial) {
		return err
	}
	if wait == adminapi.WaitNone {
		return p.accepted(adminapi.PurgeAccepted{Purge: done.Purge})
	}
	return errors.Join(p.purge(done), err)
}

func (p *printer) dryRun(d adminapi.DryRun) error {
	if done, err := p.object(d); done {
		return err
	}
	if err := p.line("would purge %d entries", d.Entries); err != nil {
		return err
	}
	rows := make([][]string, 0, len(d.Nodes))
	for _, n := range d.Nodes {
		rows = append(rows, []string{n.ID, counted(n.Entries, "not reached")})
	}
	return p.table([]string{"NODE", "ENTRIES"}, rows)
}

func (p *printer) accepted(a adminapi.PurgeAccepted) error {
	if done, err := p.object(a); done {
		return err
	}
	return p.line("purge %s: accepted", printable(a.Purge))
}

func (p *printer) purge(v adminapi.Purge) error {
	if done, err := p.object(v); done {
		return err
	}
	if err := p.line("purge %s: %s", printable(v.Purge), printable(v.State)); err != nil {
		return err
	}
	rows := make([][]string, 0, len(v.Nodes))
	for _, n := range v.Nodes {
		entries := ""
		if n.State == "applied" {
			entries = counted(n.Entries, "counting")
		}
		rows = append(rows, []string{n.ID, n.Region, n.State, after(n.AppliedAfterMS), after(n.ReceiptAfterMS), entries})
	}
	return p.table([]string{"NODE", "REGION", "STATE", "APPLIED AFTER", "RECEIPT AFTER", "ENTRIES"}, rows)
}

func after(ms *float64) string {
	if ms == nil {
		return ""
	}
	return strconv.FormatFloat(*ms, 'f', -1, 64) + " ms"
}

// counted is a number, or a word for there being none.
func counted(n *int, none string) string {
	if n == nil {
		return none
	}
	return number(*n)
}
