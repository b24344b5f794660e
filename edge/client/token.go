package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/letteros/letteredge/edge/adminapi"
)

// Tokens returns all tokens of the cluster by name, without their secrets.
func (c *Client) Tokens(ctx context.Context) ([]adminapi.Token, error) {
	return list[adminapi.Token](ctx, c, "/v1/tokens", 0)
}

// CreateToken makes a token and returns it with its secret, which is told this
// once.
func (c *Client) CreateToken(ctx context.Context, spec adminapi.TokenSpec) (t adminapi.Token, err error) {
	_, err = c.do(ctx, call{method: http.MethodPost, path: "/v1/tokens", body: spec}, &t)
	return t, err
}

// DeleteToken removes a token; ifMatch as in PutQuota.
func (c *Client) DeleteToken(ctx context.Context, name, ifMatch string) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: "/v1/tokens/" + url.PathEscape(name), header: condition(ifMatch)}, nil)
	return err
}
