package edge

import (
	"bytes"
	"io"

	"github.com/letteros/letteredge/edge/freshness"
	"github.com/letteros/letteredge/invalidation"
)

// posted stores the answer to a POST for the GETs that follow, and shows it, where
// it says that it is what they would get: its Content-Location is the resource
// itself, and its freshness is explicit (RFC 9110 §9.3.3). In the default profile a
// request's content shapes nothing that others are shown.
//
// born is the epoch before the request, raised that of its own invalidation. A
// purge between the two bars the answer from the store, as it would a fill's.
func (c *Core) posted(x *Exchange, route *Route, f *Fetch, ans *Answer, born, raised invalidation.Epoch) bool {
	if !c.loose(f.Key) || x.Req.Method != MethodPost || ans.Status != 200 || ans.Length > c.cfg.MaxObject {
		return false
	}
	ref := fieldLines(ans.Fields).Get("Content-Location")
	if ref == "" {
		return false
	}
	key, ok := c.named(x, f.Key, ref)
	if !ok || resource(key) != resource(f.Key) {
		return false
	}
	d := &detached{route: route, host: f.Host, fields: forwarded(x.Req.Fields, c.cfg.Conformance), loose: true}
	d.noStore = freshness.ParseRequest(x.Req.Fields, c.cfg.Conformance, &x.directives).NoStore
	rules := c.rules(d, ans.Status, ans.Fields, ans)
	tags, err := responseTags(key, ans.Fields)
	if err != nil || !rules.Storable || rules.Heuristic || rules.Lifetime <= rules.InitialAge {
		return false
	}
	held := lease{room: &c.room}
	defer held.end()
	body, whole, err := readBody(ans, c.cfg.MaxObject, &held)
	if err != nil {
		_ = ans.Body.Close()
		c.failed(x, found{fwd: FwdMethod}, err, ans.Status)
		return true
	}
	if !whole {
		ans.Body = &replayed{Reader: io.MultiReader(bytes.NewReader(body), ans.Body), Closer: ans.Body}
		return false
	}
	_ = ans.Body.Close() // all of it has been read
	s := c.slot(d, rules, bake(ans.Status, withDate(ans, rules), rules.Omit, body, tags, false), tags, ans)
	if !c.Marks.RaisedBetween(key, tags, born, raised-1) {
		if stamp, ok := c.Marks.Stamp(key, tags, raised); ok && stamp.State() == invalidation.Valid {
			s.stamped(stamp)
			c.Store.Put(key.Text, s)
			x.Rep.Cache.Stored = true
		}
	}
	c.show(x, s)
	return true
}
