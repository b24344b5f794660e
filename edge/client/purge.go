package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/letteros/letteredge/edge/adminapi"
)

// PurgeOptions say how a purge is sent.
type PurgeOptions struct {
	Wait    adminapi.Wait // "" is none
	Timeout time.Duration // of the wait; 0 for the node's default
	// IdempotencyKey makes it safe to send the purge again; "" for none.
	IdempotencyKey string
}

// Purge sends a purge; p.DryRun is left out. If it was not waited for, only the
// id of what is returned is set. It returns a *PartialError, with the purge as
// far as it has come, if the wait was in vain.
func (c *Client) Purge(ctx context.Context, p adminapi.PurgeRequest, o PurgeOptions) (adminapi.Purge, error) {
	p.DryRun = false
	q := call{method: http.MethodPost, path: "/v1/purges", query: url.Values{}, header: http.Header{}, body: p}
	if o.Wait != "" {
		q.query.Set("wait", string(o.Wait))
	}
	if o.Timeout > 0 {
		q.query.Set("timeout", o.Timeout.String())
	}
	if o.IdempotencyKey != "" {
		q.header.Set("Idempotency-Key", o.IdempotencyKey)
	}
	res, text, err := c.send(ctx, q)
	if err != nil {
		return adminapi.Purge{}, err
	}
	var purge adminapi.Purge
	switch {
	case res.StatusCode == http.StatusGatewayTimeout && json.Unmarshal(text, &purge) == nil && purge.Purge != "":
		return purge, &PartialError{purge}
	case res.StatusCode/100 != 2:
		return adminapi.Purge{}, c.refused(res, text)
	}
	if err := json.Unmarshal(text, &purge); err != nil || purge.Purge == "" {
		return adminapi.Purge{}, &UnreachableError{c.Admin(), fmt.Errorf("its answer to a purge is no admin API's")}
	}
	return purge, nil
}

// DryRun returns what a purge would hit.
func (c *Client) DryRun(ctx context.Context, p adminapi.PurgeRequest) (d adminapi.DryRun, err error) {
	p.DryRun = true
	_, err = c.do(ctx, call{method: http.MethodPost, path: "/v1/purges", body: p}, &d)
	return d, err
}

// PurgeByID returns a purge and what has become of it.
func (c *Client) PurgeByID(ctx context.Context, id string) (p adminapi.Purge, err error) {
	_, err = c.do(ctx, call{method: http.MethodGet, path: "/v1/purges/" + url.PathEscape(id)}, &p)
	return p, err
}
