package edge

import (
	"context"
	"errors"
	"strings"
)

// pass sends a request to its origin and the answer back, neither of them
// stored. It runs under the reader's own context: nobody else waits for it.
func (c *Core) pass(ctx context.Context, x *Exchange, route *Route, why Forward) {
	x.Rep.Cache.Fwd = why
	f := &Fetch{
		Key: x.key.Clone(), Method: strings.Clone(x.Req.MethodText), Host: strings.Clone(x.Req.Host),
		Body: x.Req.Body, Length: x.Req.Length, Waits: true, // there can be no copy
	}
	f.Target = f.Key.OriginTarget()
	f.Fields = endToEnd(x.Req.Fields, func(string) bool { return true })
	r := relayOf(x)
	defer r.end()
	f.Interim = r.interim()
	born := c.Marks.Epoch()
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
		raised := c.invalidate(x, f.Key, ans.Fields)
		if c.posted(x, route, f, ans, born, raised) {
			return
		}
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
	if isEvents(ans) {
		x.Rep.Stream = c.events(ans.Body)
	}
	x.Rep.Length = ans.Length
	x.Rep.Announced, x.Rep.Trailer = ans.Announced, ans.Trailer
}
