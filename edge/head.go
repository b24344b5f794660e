package edge

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/letteros/letteredge/invalidation"
)

// headsOn reports whether a HEAD is asked of the origin as one. In the default
// profile it fills the cache with a GET, which serves everybody after it, unless
// the answer could not be stored: then the content would be fetched for nobody.
func (c *Core) headsOn(x *Exchange, f *found) bool {
	return x.Req.Method == MethodHead && !x.key.IsArtifact() && (c.cfg.Conformance || f.hitForMiss)
}

// head asks the origin for the fields alone, and updates with them what is stored
// for GETs (RFC 9111 §4.3.5).
func (c *Core) head(ctx context.Context, x *Exchange, route *Route, f found) {
	ask := &Fetch{Key: x.key.Clone(), Method: "HEAD", Host: strings.Clone(x.Req.Host), Direct: x.direct}
	ask.Target = ask.Key.OriginTarget()
	ask.Fields = forwarded(x.Req.Fields, c.cfg.Conformance)
	r := relayOf(x)
	defer r.end()
	ask.Interim = r.interim()
	born := c.Marks.Epoch()
	start := c.Now()
	ans, err := route.Upstream.Fetch(ctx, ask)
	x.originTook = c.Now().Sub(start)
	if err != nil {
		c.Observer.Filled(route.Name, 0, x.originTook)
		if errors.Is(err, context.Canceled) && ctx.Err() != nil {
			err = ended(ctx)
		}
		c.failed(x, f, err, 0)
		return
	}
	c.Observer.Filled(route.Name, ans.Status, x.originTook)
	if ans.Status >= 500 && c.stale(x, f, ans.Status) {
		_ = ans.Body.Close() // the copy is shown instead
		return
	}
	if ans.Status == 200 && !f.req.NoStore {
		c.updateStored(x, route, ask, ans, born)
	}
	c.passAnswer(x, ans)
}

// updateStored renews each stored response that the answer to a HEAD could have
// been of, and drops those that it shows to be another one now.
func (c *Core) updateStored(x *Exchange, route *Route, f *Fetch, ans *Answer, born invalidation.Epoch) {
	e := c.Store.Get(f.Key.Text)
	if e == nil {
		return
	}
	d := &detached{route: route, fields: f.Fields, loose: c.loose(f.Key)}
	for _, s := range slices.Collect(e.Slots()) {
		if s.Vector != "" || s.Stamp.State() == invalidation.Hard || !c.selects(x, s) {
			continue
		}
		c.Store.Remove(f.Key.Text, s)
		if !describes(ans, s) {
			continue
		}
		fields := mergeFields(s.Art, ans.Fields)
		rules := c.rules(d, s.Art.Status, fields, ans)
		if !rules.HasDate {
			fields = append(fields, dateField(ans.ResponseAt))
		}
		tags := s.Tags()
		stamp, ok := c.Marks.Stamp(f.Key, tags, born)
		if !rules.Storable || !ok || stamp.State() != invalidation.Valid {
			continue
		}
		renewed := c.slot(d, rules, bake(s.Art.Status, fields, rules.Omit, s.Art.Body, tags, false), tags, ans)
		renewed.stamped(stamp)
		c.Store.Put(f.Key.Text, renewed)
	}
}

// describes reports whether an answer without content is one of a stored response:
// what it says of its validators and its length is so there.
func describes(ans *Answer, s *Slot) bool {
	fields := fieldLines(ans.Fields)
	if tag := fields.Get("Etag"); tag != "" && tag != s.Art.ETag() {
		return false
	}
	if date := fields.Get("Last-Modified"); date != "" && date != s.Art.LastModified() {
		return false
	}
	return ans.Length < 0 || ans.Length == int64(len(s.Art.Body))
}
