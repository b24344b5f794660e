package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/auth"
	"github.com/letteros/letteredge/edge/client"
)

// tokenName names a token.
type tokenName struct {
	Name string `arg:"" help:"The token's name, which the audit log shows."`
}

// Validate refuses what is no name.
func (n tokenName) Validate() error {
	if !cachekey.ValidID(n.Name) {
		return fmt.Errorf("the name must match [a-z][a-z0-9_-]{0,63}, not %.80q", n.Name)
	}
	return nil
}

type tokenCreate struct {
	tokenName
	Scope   []string `required:"" help:"What it may do: read, quotas:write, purges:write, docs:write, tokens, debug, admin. Several: repeat it, or commas." placeholder:"SCOPE"`
	Expires string   `help:"When it ends: a duration from now such as 720h, or a time such as 2027-01-31T00:00:00Z. Default: never." placeholder:"WHEN"`
}

// expires is when the token ends; zero is never.
func (c *tokenCreate) expires(now time.Time) (time.Time, error) {
	if c.Expires == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(c.Expires); err == nil {
		return now.Add(d).UTC().Truncate(time.Second), nil
	}
	at, err := time.Parse(time.RFC3339, c.Expires)
	if err != nil {
		return at, fmt.Errorf("--expires must be a duration such as 720h or a time such as 2027-01-31T00:00:00Z, not %.80q", c.Expires)
	}
	return at, nil
}

// Validate holds the values against the rules that the server has.
func (c *tokenCreate) Validate() error {
	now := time.Now()
	at, err := c.expires(now)
	if err != nil {
		return err
	}
	spec := auth.NewTokenSpec{Name: c.Name, Expires: at}
	for _, s := range c.Scope {
		spec.Scopes = append(spec.Scopes, auth.Scope(s))
	}
	err = spec.Validate(now)
	var invalid *auth.InvalidError
	if errors.As(err, &invalid) {
		field := invalid.Field
		if strings.HasPrefix(field, "scopes") {
			field = "--scope"
		} else if field == "expires" {
			field = "--expires"
		}
		return fmt.Errorf("%s %s", field, invalid.Reason)
	}
	return err
}

func (c *tokenCreate) Run(ctx context.Context, api *client.Client, p *printer) error {
	ctx, cancel := limited(ctx)
	defer cancel()
	at, err := c.expires(time.Now())
	if err != nil {
		return wrongUse{err}
	}
	spec := adminapi.TokenSpec{Name: c.Name, Scopes: c.Scope}
	if !at.IsZero() {
		spec.Expires = at.Format(time.RFC3339)
	}
	t, err := api.CreateToken(ctx, spec)
	if err != nil {
		return err
	}
	if done, err := p.object(t); done {
		return err
	}
	if err := p.line("token %s: %s, expires %s; it is shown this once:", t.Name, strings.Join(t.Scopes, ", "), until(t.Expires)); err != nil {
		return err
	}
	return p.line("%s", t.Token)
}

func until(at *time.Time) string {
	if at == nil {
		return "never"
	}
	return at.Format(time.RFC3339)
}

type tokenList struct{}

func (*tokenList) Run(ctx context.Context, api *client.Client, p *printer) error {
	ctx, cancel := limited(ctx)
	defer cancel()
	list, err := api.Tokens(ctx)
	if err != nil {
		return err
	}
	if done, err := p.object(adminapi.NewList(list, "")); done {
		return err
	}
	rows := make([][]string, 0, len(list))
	for _, t := range list {
		rows = append(rows, []string{t.Name, strings.Join(t.Scopes, ","), t.Created.Format(time.RFC3339), until(t.Expires), t.By})
	}
	return p.table([]string{"NAME", "SCOPES", "CREATED", "EXPIRES", "BY"}, rows)
}

type tokenRm struct {
	tokenName
	IfMatch string `help:"Remove only the token with this entity tag." placeholder:"ETAG"`
}

func (c *tokenRm) Run(ctx context.Context, api *client.Client, p *printer) error {
	ctx, cancel := limited(ctx)
	defer cancel()
	if err := api.DeleteToken(ctx, c.Name, c.IfMatch); err != nil {
		return err
	}
	removed := struct {
		Name    string `json:"name"`
		Removed bool   `json:"removed"`
	}{c.Name, true}
	if done, err := p.object(removed); done {
		return err
	}
	return p.line("token %s: removed", c.Name)
}
