package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/letteros/letteredge/edge/adminapi"
)

// Tokens returns the tokens of the control log, by name.
func (c *Client) Tokens(ctx context.Context) ([]adminapi.Token, error) {
	return list[adminapi.Token](ctx, c, "/v1/tokens", 0)
}

// CreateToken makes a token; what its holder sends is in the answer, once.
func (c *Client) CreateToken(ctx context.Context, spec adminapi.TokenSpec) (t adminapi.Token, err error) {
	_, err = c.do(ctx, call{method: http.MethodPost, path: "/v1/tokens", body: spec}, &t)
	return t, err
}

// RemoveToken takes a token back.
func (c *Client) RemoveToken(ctx context.Context, name string) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: "/v1/tokens/" + url.PathEscape(name)}, nil)
	return err
}
