package edge

import (
	"context"
	"fmt"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// Builder composes Summaries from other artifacts.
type Builder interface {
	// Build answers for b.Key as an upstream would. An error means that no
	// answer could be made: readers get a stale copy, else 502.
	Build(ctx context.Context, b *Build) (*Answer, error)
}

// Build is one composition: what is asked for, and the way to its parts.
type Build struct {
	Key    cachekey.Key
	Fields Fields // of the request: Accept-Language only
	// targets is the one snapshot that all parts must be of.
	targets Snapshot
	core    *Core
}

// Part returns a part as this node would serve it, from the cache or by a fill.
// A soft-purged copy counts as absent: a stale part must not come back inside a
// newborn whole. With validate set, so does every copy that has not just been
// validated.
func (b *Build) Part(ctx context.Context, key cachekey.Key, validate bool) (*Slot, error) {
	return b.core.obtain(ctx, key, b.Fields, b.targets, validate)
}

func (c *Core) builds(key cachekey.Key) bool {
	return key.Kind == cachekey.Summary && c.Builder != nil
}

// obtain gets an artifact for use inside the node.
func (c *Core) obtain(ctx context.Context, key cachekey.Key, fields Fields, targets Snapshot, validate bool) (*Slot, error) {
	x := &Exchange{Now: c.Now(), key: key, keyed: true, targets: targets, validate: validate}
	x.aim()
	switch x.managed {
	case rollout.Absent:
		return absence(key, NewArtifact(404, nil), x.Now), nil
	case rollout.Unknown:
		return nil, fmt.Errorf("obtain %s: %w", key.Text, &heldError{reason: "this node does not know its target yet"})
	}
	x.isolated = c.Standing.Isolated(x.Now)
	x.direct = x.isolated
	x.Req.Fields = fields
	x.Req.Method, x.Req.MethodText = MethodGet, "GET"
	f := c.lookup(x)
	if f.slot != nil && (f.use == useFresh || f.use == useStaleWhileRevalidate && !f.soft) {
		return f.slot, nil
	}
	o, _, err := c.await(ctx, x, c.route(key), f)
	if err == nil {
		err = o.err
	}
	if err != nil {
		return nil, fmt.Errorf("obtain %s: %w", key.Text, err)
	}
	if o.private {
		if o.answer != nil {
			defer o.answer.Body.Close()
			if o.status == 404 || o.status == 410 {
				return absent(key, o.answer)
			}
		}
		// Its content is for one reader, not for a whole.
		return nil, fmt.Errorf("obtain %s: the answer (status %d) may not be shared", key.Text, o.status)
	}
	return o.slot, nil
}

// maxAbsent is how much of an absent part's body goes into the whole's.
const maxAbsent = 64 << 10

// absent is a part that is not there. Origins say so with no-store as often as
// not, which forbids to keep that, not to know it: the whole is absent too, or
// goes without the part, and is not stored either.
func absent(key cachekey.Key, ans *Answer) (*Slot, error) {
	body, whole, err := readBody(ans, maxAbsent, &lease{room: &room{limit: maxAbsent + 1}})
	if err != nil {
		return nil, fmt.Errorf("read the body of a %d: %w", ans.Status, err)
	}
	if !whole {
		body = nil
	}
	return absence(key, NewArtifact(ans.Status, body), ans.ResponseAt), nil
}

func absence(key cachekey.Key, art *Artifact, at time.Time) *Slot {
	s := NewSlot(art, key.AppendTags(nil), nil, "")
	s.ReceivedAt = at
	return s
}

// Warm makes sure that the artifact of key is stored and fresh, as a reader with
// these languages would ask for it.
func (c *Core) Warm(ctx context.Context, key cachekey.Key, acceptLanguage string) error {
	return c.Fill(ctx, key, acceptLanguage, c.Targets.Snapshot())
}

// Fill makes sure that the artifact of key is stored as a snapshot wants it: with
// a candidate's, a flip then needs no fetch. What is not there by the snapshot
// needs no fill.
func (c *Core) Fill(ctx context.Context, key cachekey.Key, acceptLanguage string, targets Snapshot) error {
	var fields fieldLines
	if acceptLanguage != "" {
		fields = fieldLines{{"Accept-Language", acceptLanguage}}
	}
	_, err := c.obtain(ctx, key, fields, targets, false)
	return err
}
