package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/client"
)

type tokenList struct{}

func (c *tokenList) Run(ctx context.Context, api *client.Client, p *printer) error {
	ctx, cancel := limited(ctx)
	defer cancel()
	all, err := api.Tokens(ctx)
	if err != nil {
		return err
	}
	if done, err := p.object(all); done {
		return err
	}
	rows := make([][]string, 0, len(all))
	for _, t := range all {
		expires := "never"
		if t.Expires != nil {
			expires = t.Expires.Format(time.RFC3339)
		}
		rows = append(rows, []string{t.Name, strings.Join(t.Scopes, ","), t.Created.Format(time.RFC3339), expires, t.By})
	}
	return p.table([]string{"TOKEN", "SCOPES", "CREATED", "EXPIRES", "BY"}, rows)
}

type tokenCreate struct {
	Name    string        `arg:"" help:"The token's name, as the audit log has it."`
	Scope   []string      `required:"" help:"What it may do: read, quotas:write, purges:write, docs:write, tokens:write, debug, admin." placeholder:"SCOPE"`
	Expires time.Duration `help:"How long it is good; for ever unless given." placeholder:"D"`
}

// Validate refuses a life that is none.
func (c *tokenCreate) Validate() error {
	if c.Expires < 0 {
		return fmt.Errorf("--expires must be above 0, not %s", c.Expires)
	}
	return nil
}

// Run prints the token alone, so that a script can take it.
func (c *tokenCreate) Run(ctx context.Context, api *client.Client, p *printer) error {
	ctx, cancel := limited(ctx)
	defer cancel()
	spec := adminapi.TokenSpec{Name: c.Name, Scopes: c.Scope}
	if c.Expires > 0 {
		spec.Expires = time.Now().Add(c.Expires).UTC().Format(time.RFC3339)
	}
	t, err := api.CreateToken(ctx, spec)
	if err != nil {
		return err
	}
	if done, err := p.object(t); done {
		return err
	}
	return p.line("%s", printable(t.Token))
}

type tokenRm struct {
	Name string `arg:"" help:"The token's name."`
}

func (c *tokenRm) Run(ctx context.Context, api *client.Client, p *printer) error {
	ctx, cancel := limited(ctx)
	defer cancel()
	if err := api.RemoveToken(ctx, c.Name); err != nil {
		return err
	}
	removed := struct {
		Name    string `json:"name"`
		Removed bool   `json:"removed"`
	}{c.Name, true}
	if done, err := p.object(removed); done {
		return err
	}
	return p.line("token %s: removed", printable(c.Name))
}
