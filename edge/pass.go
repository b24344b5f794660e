package edge

import (
	"context"
	"errors"
	"strings"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/invalidation"
)

// pass sends a request to its origin and the answer back, neither of them
// stored. It runs under the reader's own context: nobody else waits for it.
func (c *Core) pass(ctx context.Context, x *Exchange, route *Route, why Forward) {
	x.Rep.Cache.Fwd = why
	f := &Fetch{
		Key: x.key.Clone(), Method: strings.Clone(x.Req.MethodText), Host: strings.Clone(x.Req.Host),
		Body: x.Req.Body, Length: x.Req.Length,
	}
	f.Target = f.Key.OriginTarget()
	f.Fields = endToEnd(x.Req.Fields, func(string) bool { return true })
	r := relayOf(x)
	defer r.end()
	f.Interim = r.interim()
	start := c.Now()
	ans, err := route.Upstream.Fetch(ctx, f)
	x.originTook = c.Now().Sub(start)
	if err != nil {
		c.Observer.Filled(route.Name, 0, x.originTook)
		if errors.Is(err, context.Canceled) && ctx.Err() != nil {
			err = ended(ctx)
		}
		c.failed(x, found{fwd: why}, err, 0)
		return
	}
	c.Observer.Filled(route.Name, ans.Status, x.originTook)
	if !x.Req.Method.Safe() && ans.Status >= 200 && ans.Status < 400 {
		c.invalidate(f.Key, ans.Fields)
	}
	c.passAnswer(x, ans)
}

// passAnswer puts an answer that is not stored into the reply.
func (c *Core) passAnswer(x *Exchange, ans *Answer) {
	x.Rep.Status = ans.Status
	x.Rep.Passed = ans.Fields[:0]
	for _, f := range ans.Fields {
		switch f.Name {
		case "Content-Length", "Alt-Svc", "Edge-Degraded", "Ratelimit", "Ratelimit-Policy":
			continue // the transport's and this node's to say
		}
		x.Rep.Passed = append(x.Rep.Passed, f)
	}
	x.Rep.Stream = ans.Body
	x.Rep.Length = ans.Length
}

// invalidate drops what a successful unsafe request has changed: its own
// resource, and what Location and Content-Location name on the same host
// (RFC 9111 §4.4).
func (c *Core) invalidate(key cachekey.Key, fields fieldLines) {
	resource := key.Host + key.Path
	if key.Query != "" {
		resource += "?" + key.Query
	}
	keys := []string{resource}
	for _, name := range []string{"Location", "Content-Location"} {
		if ref := fields.Get(name); ref != "" {
			if other, ok := sameHost(key.Host, ref); ok {
				keys = append(keys, other)
			}
		}
	}
	for _, text := range keys {
		sel := cachekey.Selector{Keys: []string{text}}
		if sel.Validate() == nil {
			c.Marks.Raise(sel, invalidation.ModeHard)
		}
	}
}

// sameHost resolves a reference against host, if it stays there.
func sameHost(host, ref string) (string, bool) {
	if rest, ok := strings.CutPrefix(ref, "/"); ok && !strings.HasPrefix(rest, "/") {
		return host + ref, true
	}
	for _, scheme := range []string{"http://", "https://"} {
		if rest, ok := strings.CutPrefix(ref, scheme); ok {
			authority, _, _ := strings.Cut(rest, "/")
			return strings.ToLower(authority) + rest[len(authority):], strings.EqualFold(authority, host) && len(rest) > len(authority)
		}
	}
	return "", false
}
