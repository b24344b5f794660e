package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/letteros/letteredge/edge/adminapi"
)

// Nodes returns the nodes that the node knows.
func (c *Client) Nodes(ctx context.Context) ([]adminapi.Node, error) {
	return list[adminapi.Node](ctx, c, "/v1/nodes", 0)
}

// Regions returns the regions that the node knows.
func (c *Client) Regions(ctx context.Context) ([]adminapi.Region, error) {
	return list[adminapi.Region](ctx, c, "/v1/regions", 0)
}

// Audit returns the latest audit entries, newest first, up to most (0: all that
// are kept).
func (c *Client) Audit(ctx context.Context, most int) ([]adminapi.AuditEntry, error) {
	return list[adminapi.AuditEntry](ctx, c, "/v1/audit", most)
}

// Explain tells what the node would do with a request for a URL; for another
// segment than the URL's, if that is not empty.
func (c *Client) Explain(ctx context.Context, target, segment string) (e adminapi.Explanation, err error) {
	query := url.Values{"url": {target}}
	if segment != "" {
		query.Set("segment", segment)
	}
	_, err = c.do(ctx, call{method: http.MethodGet, path: "/v1/explain", query: query}, &e)
	return e, err
}
