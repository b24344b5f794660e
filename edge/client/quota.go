package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/letteros/letteredge/edge/adminapi"
)

// Quotas returns all quotas, by segment.
func (c *Client) Quotas(ctx context.Context) ([]adminapi.Quota, error) {
	return list[adminapi.Quota](ctx, c, "/v1/quotas", 0)
}

// Quota returns a segment's quota and its entity tag.
func (c *Client) Quota(ctx context.Context, segment string) (q adminapi.Quota, etag string, err error) {
	h, err := c.do(ctx, call{method: http.MethodGet, path: quotaPath(segment)}, &q)
	return q, h.Get("ETag"), err
}

// PutQuota defines a segment's quota and returns it as it is in force. With an
// ifMatch that is not empty, only if its entity tag is still that one.
func (c *Client) PutQuota(ctx context.Context, segment string, spec adminapi.QuotaSpec, ifMatch string) (q adminapi.Quota, etag string, err error) {
	h, err := c.do(ctx, call{method: http.MethodPut, path: quotaPath(segment), header: condition(ifMatch), body: spec}, &q)
	return q, h.Get("ETag"), err
}

// DeleteQuota removes a segment's quota; ifMatch as in PutQuota.
func (c *Client) DeleteQuota(ctx context.Context, segment, ifMatch string) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: quotaPath(segment), header: condition(ifMatch)}, nil)
	return err
}

func quotaPath(segment string) string { return "/v1/quotas/" + url.PathEscape(segment) }

func condition(ifMatch string) http.Header {
	if ifMatch == "" {
		return nil
	}
	return http.Header{"If-Match": {ifMatch}}
}
