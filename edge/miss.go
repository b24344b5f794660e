package edge

import (
	"context"
	"errors"
	"strings"
	"time"
)

// Errors of waiting, and what those who waited are told of an answer that is not
// theirs.
var (
	errWait    = errors.New("the fill under way did not end in time")
	errWaiters = errors.New("too many requests wait for the same fill")
	errGone    = errors.New("the reader has gone")
)

// ErrStopping is the cause of a context that ends because the node does, not
// because its reader has gone.
var ErrStopping = errors.New("the node is stopping")

// attempts bounds how often a request starts again because the result it waited
// for was not for it; the last attempt leads a fill of its own.
const attempts = 3

// miss answers from beyond the cache: a fill that is shared with whoever else
// asks, or one of its own.
func (c *Core) miss(ctx context.Context, x *Exchange, route *Route, f found) {
	x.Rep.Cache.Fwd = f.fwd
	if c.fromPart(x, &f) {
		return
	}
	if f.req.OnlyIfCached {
		c.problem(x, 504, "about:blank", "Gateway Timeout",
			"only-if-cached was asked for, and no stored response may be used", "")
		return
	}
	if f.slot != nil && f.use == useStaleIfError && f.slot.retryAt.Load() > x.Now.UnixNano() {
		// The origin failed a moment ago: the next try is not this reader's.
		c.hit(x, f.slot, f.ttl)
		return
	}
	if c.headsOn(x, &f) {
		c.head(ctx, x, route, f)
		return
	}
	o, leader, err := c.await(ctx, x, route, f)
	x.originTook = o.took
	switch {
	case err != nil:
		c.failed(x, f, err, 0)
	case o.err != nil && c.showUnpushed(x, f, o, leader):
	case o.err != nil:
		c.failed(x, f, o.err, o.status)
	case o.private && o.status >= 500 && !leader:
		x.Rep.Cache.Collapsed = true
		c.failed(x, f, &originError{o.status, o.retryAfter}, o.status)
	case o.private && o.status >= 500 && c.stale(x, f, o.status):
		_ = o.answer.Body.Close() // the copy is shown instead
	case o.private:
		x.Rep.Cache.Detail = o.detail
		c.passAnswer(x, o.answer)
	case o.hit && leader:
		x.Rep.Cache.Fwd = NotForwarded
		c.hit(x, o.slot, c.ttl(x, o.slot))
		if o.pinned {
			x.Rep.Cache.Detail = "pin"
		}
	default:
		if (o.status >= 500 || o.degraded != "") && c.stale(x, f, o.status) {
			return // rather than a stored error, or less than the whole
		}
		x.Rep.Degraded = o.degraded
		x.Rep.Cache.Stored = o.stored
		x.Rep.Cache.Collapsed = !leader
		if o.status != o.slot.Art.Status {
			x.Rep.Cache.FwdStatus = o.status
		}
		x.Rep.Passed = o.own
		c.show(x, o.slot)
		if o.reader != nil {
			x.Rep.Stream, x.Rep.Length = o.reader, o.length
		}
	}
}

// await joins or leads fills until one gives a result that this request may
// have. The error is of waiting; an outcome may carry one of filling.
func (c *Core) await(ctx context.Context, x *Exchange, route *Route, f found) (outcome, bool, error) {
	// The deadline is the request's, however many flights it waits in.
	timer := time.NewTimer(c.cfg.Wait)
	defer timer.Stop()
	alone := f.hitForMiss
	want := c.asksPart(x, &f)
	var r *relay
	defer func() { r.end() }()
	for n := 1; ; n++ {
		id := flightID{text: x.key.Text, vector: x.vector}
		x.variant = append(x.variant[:0], want...) // which no variant's text begins with
		if len(f.known) > 0 {
			x.variant = appendVariant(x.variant, c.loose(x.key), f.known, x.Req.Fields)
		}
		id.variant = viewString(x.variant)
		var t ticket
		if alone || n == attempts {
			epoch := c.Marks.Epoch()
			t = ticket{flight: newFlight(id, x.key, epoch), leader: true, joined: epoch}
		} else {
			t = c.flights.join(id, x.key, c.Marks)
		}
		if t.leader {
			// Another flight may have landed between the lookup and the join: the
			// store is looked at once more, now that nobody else fills this key.
			if again := c.lookup(x); again.slot != nil && again.use == useFresh {
				o := outcome{slot: again.slot, shared: true, hit: true, status: again.slot.Art.Status}
				c.flights.land(t.flight, o)
				return o, true, nil
			}
			c.work.Add(1)
			d := c.detach(x, route, t.flight, f.slot)
			d.noStore = f.req.NoStore
			if d.want = strings.Clone(want); want == "" {
				if p, ok := c.partFor(x, &f); ok {
					d.part = &p
				}
			}
			if !x.key.IsArtifact() { // of which nothing is shown unchecked
				r = relayOf(x)
				d.interim = r.interim()
			}
			go c.fill(t.flight, d)
		} else if int(t.flight.waiters.Load()) > c.cfg.MaxWaiters {
			t.leave()
			return outcome{}, false, errWaiters
		}

		o, err := t.wait(ctx, timer, wantsWhole(x))
		if err != nil {
			t.leave()
			return outcome{}, t.leader, err
		}
		if t.leader || o.err != nil || o.status >= 500 && o.private {
			return t.take(o), t.leader, nil
		}
		purged := false
		if !o.private && o.shared && c.selects(x, o.slot) {
			if t.mayTake(o.slot, c.Marks) {
				return t.take(o), false, nil
			}
			purged = true
		}
		t.leave()
		if purged {
			c.flights.retire(t.flight)
		}
		// Not for this request. If it could not be shared at all, everyone goes
		// on in parallel; otherwise the next flight may serve this variant.
		alone = o.private || !o.shared
		if o.slot != nil {
			f.known = o.slot.Vary()
		}
	}
}

// wantsWhole reports whether a request is better answered from the whole: of
// content that is not all here no part can be shown, nor its length told.
func wantsWhole(x *Exchange) bool {
	return x.Req.Whole || x.Req.Method == MethodGet && x.Req.Fields.Get("Range") != ""
}

// ended tells why a request's context has ended.
func ended(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), ErrStopping) {
		return ErrStopping
	}
	return errGone
}

// refresh starts a fill behind the reader's back, at most one for each slot at a
// time, and not again too soon after one that failed. Ahead of the end of its
// freshness it is done only where there is a place for it at once.
func (c *Core) refresh(x *Exchange, route *Route, s *Slot, ahead bool) {
	if s.retryAt.Load() > x.Now.UnixNano() || !s.attention.begin() {
		return
	}
	if s.retryAt.Load() > x.Now.UnixNano() {
		// The refresh before this one has failed between the two looks.
		s.attention.end()
		return
	}
	id := flightID{text: x.key.Text, vector: x.vector, variant: s.Variant()}
	t := c.flights.join(id, x.key, c.Marks)
	if !t.leader {
		t.leave()
		s.attention.end() // somebody fills it already
		return
	}
	if again := c.lookup(x); again.slot != nil && again.slot != s {
		// It was refreshed between the lookup and the join.
		c.flights.land(t.flight, outcome{slot: again.slot, shared: again.use == useFresh, hit: true, status: again.slot.Art.Status})
		s.attention.end()
		return
	}
	t.flight.claim.Store(abandoned) // no reader waits for a private answer
	t.flight.content.decline()
	d := c.detach(x, route, t.flight, s)
	d.refresh, d.ahead = true, ahead
	if ahead {
		c.aheads.Add(1)
	}
	c.work.Add(1)
	go c.fill(t.flight, d)
}
