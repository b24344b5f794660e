package edge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/letteros/letteredge/invalidation"
)

// Peers are the other nodes, asked for what they have where nothing else answers.
type Peers interface {
	// Stored returns what some other node has of the fetch's key at its vector, and
	// may show; one that has not applied all that this node has does not answer.
	// The error says that none has it. It must end soon after ctx.
	Stored(ctx context.Context, f *Fetch) (*Answer, error)
}

// NoPeers has nothing.
type NoPeers struct{}

// Stored returns ErrNotShared.
func (NoPeers) Stored(context.Context, *Fetch) (*Answer, error) { return nil, ErrNotShared }

// rescueTimeout bounds the search for a copy elsewhere: a reader has waited for
// the origin already.
const rescueTimeout = 2 * time.Second

// rescue looks, where a fill has failed, for a copy on other nodes: no reader gets
// an error for what some node has and may show. What comes is judged as any
// answer is; one that is stale where it was is shown, marked, and not stored.
//
// A rollout's candidate is not looked for: its checks want to know what the origin
// says. Nor is what this node has a stale copy of, or what another node asked for:
// that one looks itself.
func (c *Core) rescue(fl *flight, d *detached, failed outcome) outcome {
	if !failed.failed() || fl.landed || d.refresh || d.noStore || d.validate || d.forPeer || c.life.Err() != nil {
		return failed
	}
	if d.showable() {
		return failed
	}
	if now, _ := c.Targets.Snapshot().Target(fl.key); fl.key.IsArtifact() && now != d.vector {
		return failed
	}
	ctx, cancel := context.WithTimeout(c.life, rescueTimeout)
	defer cancel()
	f := &Fetch{Key: fl.key, Method: "GET", Host: d.host, Target: fl.key.OriginTarget(), Vector: d.vector, Fields: d.fields, Stored: true}
	ans, err := c.Peers.Stored(ctx, f)
	if err != nil {
		return failed
	}
	o := c.receive(ctx, fl, d, f, ans)
	if o.failed() || o.private {
		if o.answer != nil {
			_ = o.answer.Body.Close() // nobody reads it
		}
		return failed
	}
	if failed.answer != nil {
		_ = failed.answer.Body.Close() // the copy is shown instead
	}
	return o
}

// last is the last that a fill does, where its origin is spared as it failed of late
// and no node has a copy: it asks once more, and waits for its turn. It is not the first
// that it does: what some node has is there at once.
func (c *Core) last(ctx context.Context, fl *flight, d *detached, o outcome) outcome {
	if !errors.Is(o.err, ErrUpstreamSpared) || fl.landed || d.refresh || d.forPeer || c.builds(fl.key) || d.showable() || ctx.Err() != nil {
		return o
	}
	d.waits = true
	return c.fetch(ctx, fl, d)
}

// showable reports whether there is a copy here that is shown where the fill fails.
func (d *detached) showable() bool {
	return d.stale != nil && d.stale.Stamp.State() != invalidation.Hard && d.stale.Rules.MayBeStale()
}

// failed reports whether a reader would get an error.
func (o *outcome) failed() bool { return o.err != nil || o.private && o.status >= 500 }

// storedFor answers another node's rescue: with what a reader would get here
// without anybody being asked. What may only be shown as stale is marked so: it
// is shown there once, and not stored, so it cannot come back as a newborn.
func (c *Core) storedFor(x *Exchange, vector string) (*Answer, error) {
	f := c.lookup(x)
	if f.slot != nil && f.use == useFresh {
		return c.toPeer(x, f.slot, true), nil
	}
	if vector != "" {
		if s := c.pinned(x.key.Clone(), vector, x.Req.Fields); s != nil {
			return c.toPeer(x, s, true), nil
		}
	}
	if f.slot == nil || f.use == useRevalidate {
		return nil, fmt.Errorf("serve a peer: %w: nothing is stored of %q", ErrNotShared, x.key.Text)
	}
	a := c.toPeer(x, f.slot, true)
	a.Degraded = "stale"
	if x.isolated {
		a.Degraded = "isolated"
	}
	return a, nil
}
