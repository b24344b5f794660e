package edge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// ErrNotShared says that what another node asked for may not be shared with it:
// it has to ask the origin itself.
var ErrNotShared = errors.New("the answer may not be shared")

// ServePeer answers another node's fill as the owner of its key: from the cache
// where a reader would get a fresh copy, else by a fill that asks no further
// node. What is stale or purged, softly too, counts as absent: it would come back
// as a newborn (SEMANTICS §6). A fetch for what is Stored begins no fill, and gets
// what is stale too, marked. Whoever calls has made sure that this node has
// applied all that the asker has.
func (c *Core) ServePeer(ctx context.Context, f *Fetch) (*Answer, error) {
	x := &Exchange{Now: c.Now(), keyed: true, vector: f.Vector, direct: true, forPeer: true}
	x.Req = Request{Method: MethodGet, MethodText: "GET", Host: f.Host, Target: f.Target, Fields: fieldLines(f.Fields)}
	key, err := c.cfg.Keyer.Key(cachekey.Input{Method: "GET", Host: f.Host, Target: f.Target}, &x.scratch)
	if err != nil {
		return nil, fmt.Errorf("serve a peer: %w", err)
	}
	if key.Text != f.Key.Text || c.builds(key) && !f.Stored {
		return nil, fmt.Errorf("serve a peer: %w: %q is not %q", ErrNotShared, f.Key.Text, key.Text)
	}
	x.key, x.targets = key, c.Targets.Snapshot()
	if f.Vector != "" {
		// The asker's target, not this node's, says what the answer must be.
		x.managed, x.targets = rollout.AtTarget, Unmanaged{}
	}
	x.isolated = c.Standing.Isolated(x.Now)
	if f.Stored {
		return c.storedFor(x, f.Vector)
	}
	found := c.lookup(x)
	if found.slot != nil && found.use == useFresh {
		if c.cfg.RefreshAhead > 0 {
			c.ahead(x, c.route(key), found.slot, found.ttl)
		}
		return c.toPeer(x, found.slot, true), nil
	}
	o, _, err := c.await(ctx, x, c.route(key), found)
	if err == nil {
		err = o.err
	}
	if err != nil {
		return nil, fmt.Errorf("serve a peer: %w", err)
	}
	if o.private {
		if o.answer != nil {
			_ = o.answer.Body.Close() // nobody reads it
		}
		return nil, fmt.Errorf("serve a peer: %w", ErrNotShared)
	}
	if !o.shared || o.degraded != "" {
		if o.reader != nil {
			_ = o.reader.Close() // nobody reads it
		}
		return nil, fmt.Errorf("serve a peer: %w", ErrNotShared)
	}
	a := c.toPeer(x, o.slot, o.hit)
	if o.reader != nil {
		a.Body, a.Length = o.reader, o.length
	}
	return a, nil
}

// toPeer is a stored response as another node receives it: with what the origin
// said of it, its age, and what this node did.
func (c *Core) toPeer(x *Exchange, s *Slot, hit bool) *Answer {
	fields := s.Art.fields(4)
	if control := s.Art.about(aboutControl); control != "" {
		for i := range fields {
			if fields[i].Name == "Cache-Control" {
				fields[i].Value = control
			}
		}
	}
	if x.key.IsArtifact() {
		// Of these the baked form has only what readers see.
		fields = slices.DeleteFunc(fields, func(f Field) bool { return f.Name == "Etag" || f.Name == "Cdn-Cache-Control" })
		if tag := s.Art.about(aboutUpstreamETag); tag != "" {
			fields = append(fields, Field{"Etag", tag})
		}
		if date := s.Art.LastModified(); date != "" {
			fields = append(fields, Field{"Last-Modified", date})
		}
		fields = append(fields, Field{"Cdn-Cache-Control", cdnControl(s)})
	}
	age := s.Age(x.Now)
	status := CacheStatus{Hit: hit, Fwd: FwdURIMiss, TTL: seconds(s.Rules.Lifetime - age), HasTTL: hit}
	if hit {
		status.Fwd = NotForwarded
	}
	text := string(status.append(nil, c.cfg.Node))
	if before := s.Art.about(aboutCacheStatus); before != "" {
		text = before + ", " + text
	}
	fields = append(fields, Field{"Age", strconv.FormatInt(max(0, int64(age/time.Second)), 10)}, Field{"Cache-Status", text})
	for i := range fields {
		fields[i] = Field{strings.Clone(fields[i].Name), strings.Clone(fields[i].Value)}
	}
	return &Answer{
		Status: s.Art.Status, Fields: fields, Body: io.NopCloser(bytes.NewReader(s.Art.Body)), Length: int64(len(s.Art.Body)),
		RequestAt: x.Now, ResponseAt: x.Now,
	}
}

// cdnControl says what this node goes by (RFC 9213).
func cdnControl(s *Slot) string {
	whole := func(d time.Duration) int64 { return max(0, int64(d/time.Second)) }
	text := fmt.Sprintf("max-age=%d, stale-while-revalidate=%d, stale-if-error=%d",
		whole(s.Rules.Lifetime), whole(s.Rules.SWR), whole(s.Rules.SIE))
	if s.Rules.MustRevalidate {
		text += ", must-revalidate"
	}
	return text
}
