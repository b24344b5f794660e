package edge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge/coding"
	"github.com/letteros/letteredge/edge/freshness"
	"github.com/letteros/letteredge/invalidation"
)

// detached is what a fill needs of the request that started it, in memory of its
// own: the transport's buffers are gone when the reader is.
type detached struct {
	route   *Route
	targets Snapshot
	vector  string
	host    string
	fields  fieldLines // the client's end-to-end fields, less what never goes on
	stale   *Slot      // to validate, nil for none
	refresh bool       // behind a reader's back
	ahead   bool       // and before anybody needs it
	direct  bool       // ask no other node
	forPeer bool       // another node asks, and looks elsewhere itself
	noStore bool       // the client asked for no-store, and the profile heeds it
	waits   bool       // for its turn at an origin that is coming back
	// identity: no coding is asked for, whatever the client accepts.
	identity bool
	// validate: what is stored, on disk too, may not be used unasked.
	validate bool
	// position of the purges that this node had applied before it asked.
	position []byte
	settled  bool
	// stamp of what is about to be kept, where it has been made already.
	stamp   *invalidation.Stamp
	want    string             // the range to ask for; "" for the whole
	part    *part              // what is there of the whole, or is in the answer; nil for nothing
	loose   bool               // see Core.loose
	interim func(int, []Field) // to the leader; nil for nobody
	// of the fill itself: when it began, its bound and its end, and its place
	began   time.Time
	bound   *time.Timer
	cancel  context.CancelFunc
	release func()
}

// detach clones what fill will use of x.
func (c *Core) detach(x *Exchange, route *Route, fl *flight, stale *Slot) *detached {
	d := &detached{route: route, targets: x.targets, direct: x.direct, forPeer: x.forPeer, validate: x.validate, vector: fl.id.vector, stale: stale, host: strings.Clone(x.Req.Host), loose: c.loose(fl.key)}
	d.identity = fl.key.IsArtifact() || c.cfg.OwnCoding
	if fl.key.IsArtifact() {
		// Nothing of the client but its languages may shape what all readers of
		// a segment get.
		if v := x.Req.Fields.Combined("Accept-Language"); v != "" {
			d.fields = fieldLines{{"Accept-Language", strings.Clone(v)}}
		}
		return d
	}
	d.fields = forwarded(x.Req.Fields, c.cfg.Conformance)
	if len(cachekey.NormalizeField(nil, "Accept-Language", d.fields.Combined("Accept-Language"))) == 0 {
		// One that names nothing selects what absence selects: the origin is not shown the difference.
		d.fields = slices.DeleteFunc(d.fields, func(f Field) bool { return f.Name == "Accept-Language" })
	}
	d.fields = append(d.fields, Field{"Accept-Encoding", asked(x.Req.Fields.Combined("Accept-Encoding"), d.identity)})
	return d
}

// asked is the Accept-Encoding that an origin sees: of two clients whose requests
// select the same variant it must not see different ones, so that who sends none
// and would take any gets what can be shown to all.
func asked(accept string, identity bool) string {
	if !identity {
		if normal := cachekey.NormalizeField(nil, "Accept-Encoding", accept); len(normal) > 0 {
			return string(normal)
		}
	}
	return coding.Identity.String()
}

// forwarded clones the client's fields that go to an origin with a GET that
// fills the cache: without conditions and ranges, which the core answers from
// the whole. In the default profile the fields that say who asked, and how else,
// stay behind too: they are not in the key, and an origin that writes them into
// its answer would have it shown to everyone.
func forwarded(fields Fields, conformance bool) fieldLines {
	return endToEnd(fields, func(name string) bool {
		switch name {
		case "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix",
			"X-Forwarded-Scheme", "X-Forwarded-Server", "X-Host", "X-Real-Ip", "X-Original-Url", "X-Rewrite-Url",
			"X-Http-Method", "X-Http-Method-Override", "X-Method-Override":
			return conformance
		case "Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "Expect",
			"Accept-Encoding": // see asked
			return false
		}
		return true
	})
}

// fill runs a flight to its end. It is the root of its goroutine: whatever
// happens, the flight lands.
func (c *Core) fill(fl *flight, d *detached) {
	defer c.work.Done()
	var o outcome
	defer func() {
		if p := recover(); p != nil {
			c.Logger.Error("fill panicked", "key", fl.key.Text, "err", fmt.Sprint(p), "stack", string(debug.Stack()))
			o = outcome{err: fmt.Errorf("fill %s: panic: %v", fl.key.Text, p)}
		}
		if d.stale != nil {
			failed := o.err != nil || o.status >= 500
			backoff := time.Second
			if d.refresh {
				backoff = c.cfg.RefreshBackoff
			}
			if failed && !(d.ahead && errors.Is(o.err, ErrUpstreamBusy)) {
				d.stale.retryAt.Store(c.Now().Add(backoff).UnixNano())
			}
			if d.refresh {
				d.stale.attention.end() // in this order: see refresh
			}
		}
		if !fl.landed {
			c.flights.land(fl, o)
		}
		fl.content.finish(o.err) // after it was stored: who has read all finds a hit
	}()

	d.began, d.release = c.Now(), func() {}
	if c.Purges != nil && d.vector != "" {
		d.position = c.Purges.Position()
	}
	if hit := c.pinnedFor(fl, d); hit != nil {
		o = outcome{slot: hit, shared: true, hit: true, pinned: true, status: hit.Art.Status}
		return
	}
	ctx, cancel := context.WithCancel(c.life)
	// The bound is a timer and not a deadline of ctx: a stream that is passed
	// through lives on after it.
	bound := time.AfterFunc(c.cfg.FillTimeout, cancel)
	d.bound, d.cancel = bound, cancel
	if !c.builds(fl.key) {
		// A build takes no place of its own: it waits for its parts, which do,
		// and a node full of builds must not starve them.
		if !c.place(ctx, d) {
			o = c.rescue(fl, d, outcome{err: fmt.Errorf("fill %s: waiting for a place among %d fills: %w", fl.key.Text, c.cfg.MaxFills, ErrUpstreamBusy)})
			cancel()
			return
		}
		defer d.release()
	}
	o = c.last(ctx, fl, d, c.rescue(fl, d, c.fetch(ctx, fl, d)))
	if o.answer != nil {
		bound.Stop()
		o.answer.Body = &closing{ReadCloser: o.answer.Body, then: cancel}
		return
	}
	bound.Stop()
	cancel()
}

// place waits for a place among the fills, which d gives back, and reports whether
// there was one. What is done ahead of need waits for none.
func (c *Core) place(ctx context.Context, d *detached) bool {
	select {
	case c.fills <- struct{}{}:
	default:
		if d.ahead {
			return false
		}
		select {
		case c.fills <- struct{}{}:
		case <-ctx.Done():
			return false
		}
	}
	d.release = sync.OnceFunc(func() { <-c.fills })
	return true
}

// closing runs then after the body has been closed.
type closing struct {
	io.ReadCloser
	then func()
}

func (b *closing) Close() error {
	defer b.then()
	return b.ReadCloser.Close()
}

// fetch asks beyond the cache and decides what becomes of the answer.
func (c *Core) fetch(ctx context.Context, fl *flight, d *detached) outcome {
	f := &Fetch{Key: fl.key, Method: "GET", Host: d.host, Target: fl.key.OriginTarget(), Vector: d.vector, Direct: d.direct, Waits: d.waits, Interim: d.interim}
	f.Fields = append(f.Fields, d.fields...)
	stale := d.stale
	// The epoch of this flight was read before this look at the stamp: a purge
	// before it shows here, one after it hits whatever the flight stores. So what
	// a hard purge has hit is never renewed by a 304.
	if stale != nil && stale.Stamp.State() == invalidation.Hard {
		stale = nil
	}
	if d.want != "" {
		f.Fields = append(f.Fields, Field{"Range", d.want})
		f.Direct = true
	} else if d.part != nil && !c.askRest(f, d.part) {
		d.part = nil
	}
	if stale != nil {
		if tag := stale.Art.about(aboutUpstreamETag); tag != "" {
			f.Fields = append(f.Fields, Field{"If-None-Match", tag})
		}
		if date := stale.Art.LastModified(); date != "" {
			f.Fields = append(f.Fields, Field{"If-Modified-Since", date})
		}
	}
	ans, err := c.ask(ctx, fl, d, f)
	if err != nil {
		return outcome{err: err}
	}
	if d.part != nil {
		if ans, err = c.complete(ctx, fl, d, f, ans); err != nil {
			return outcome{err: err}
		}
	}
	if d.want != "" && ans.Status == 206 {
		return c.receivePart(fl, d, f, ans)
	}
	if ans.Status == 304 && stale != nil && len(f.Fields) > len(d.fields) {
		_ = ans.Body.Close() // a 304 has no content
		if freshness.Freshens(validators(stale.Art), fieldLines(ans.Fields)) {
			return c.renew(fl, d, stale, ans)
		}
		// It speaks of another representation than the one offered: ask for the
		// whole (RFC 9111 §4.3.4).
		f.Fields = append(fieldLines(nil), d.fields...)
		if ans, err = c.ask(ctx, fl, d, f); err != nil {
			return outcome{err: err}
		}
	}
	if err := checkStatus(fl.key, ans); err != nil {
		_ = ans.Body.Close() // nobody gets to read it
		c.Logger.Warn("answer refused", "key", fl.key.Text, "err", err)
		return outcome{err: fmt.Errorf("fetch %s: %w", f.Target, err), status: ans.Status}
	}
	return c.receive(ctx, fl, d, f, ans)
}

// validators are the fields by which a 304 is matched with a stored response.
func validators(a *Artifact) fieldLines {
	return fieldLines{{"Etag", a.about(aboutUpstreamETag)}, {"Last-Modified", a.LastModified()}}
}

// ask sends the fetch to where this key's answers come from.
func (c *Core) ask(ctx context.Context, fl *flight, d *detached, f *Fetch) (*Answer, error) {
	start := c.Now()
	var ans *Answer
	var err error
	if c.builds(fl.key) {
		ans, err = c.Builder.Build(ctx, &Build{Key: fl.key, Fields: d.fields, targets: d.targets, core: c})
	} else {
		ans, err = d.route.Upstream.Fetch(ctx, f)
	}
	status := 0
	if err == nil {
		status = ans.Status
	}
	fl.outcome.took = c.Now().Sub(start)
	c.Observer.Filled(d.route.Name, status, fl.outcome.took)
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", fl.key.Text, err)
	}
	return ans, nil
}

// renew makes a new slot of a stored response and the 304 that validated it
// (RFC 9111 §4.3.4). Its epoch is that of the validating request.
func (c *Core) renew(fl *flight, d *detached, stale *Slot, ans *Answer) outcome {
	fields, tags := mergeFields(stale.Art, ans.Fields), stale.Tags()
	rules := c.rules(d, stale.Art.Status, fields, ans)
	if !rules.HasDate {
		fields = append(fields, dateField(ans.ResponseAt))
	}
	fields, control, err := c.atTarget(fl, d, &rules, fields)
	if err != nil {
		return outcome{err: fmt.Errorf("renew %s: %w", fl.key.Text, err), status: 304}
	}
	fl.own = ownFields(fl.key, ans.Fields, rules.Omit)
	art := bake(stale.Art.Status, fields, rules.Omit, stale.Art.Body, tags, fl.key.IsArtifact())
	art.upstreamETag, art.control = stale.Art.about(aboutUpstreamETag), control
	if art.LastModified == "" {
		art.LastModified = stale.Art.LastModified()
	}
	art.cacheStatus = upstreamCacheStatus(ans.Fields)
	if !rules.Storable {
		c.Store.Remove(fl.key.Text, stale)
		return outcome{slot: c.slot(d, rules, art, tags, ans), status: 304}
	}
	return c.keep(fl, d, rules, art, tags, ans, 304)
}

// receive decides about an answer with content: stored and shared, or passed
// through to the leader alone.
func (c *Core) receive(ctx context.Context, fl *flight, d *detached, f *Fetch, ans *Answer) outcome {
	rules := c.rules(d, ans.Status, ans.Fields, ans)
	if d.vector != "" && ans.Status != 200 {
		// By its record it is there, whatever the origin shows at this moment.
		_ = ans.Body.Close() // nobody gets to read it
		return outcome{err: fmt.Errorf("fetch %s: %w", f.Target, heldf("the origin answered %d for %s", ans.Status, d.vector)), status: ans.Status}
	}
	if ans.Status >= 500 && (!rules.Storable || fl.key.IsArtifact()) {
		// An artifact's copy is never replaced by an error. The leader's alone, and no reason to let everyone else ask as well:
		// waiters are told how the origin fails.
		return forLeader(ans)
	}
	fl.own = ownFields(fl.key, ans.Fields, rules.Omit)
	tags, tagErr := responseTags(fl.key, ans.Fields)
	artifact := fl.key.IsArtifact() && ans.Status == 200
	if d.part != nil { // a purge of what only the part has named hits its bytes here too
		tags = unique(append(d.part.slot.Tags(), tags...))
	}
	detail := ""
	if tagErr != nil && rules.Storable {
		detail = "tags"
		c.Logger.Debug("not stored", "key", fl.key.Text, "err", tagErr)
	}
	if tagErr != nil || isEvents(ans) {
		rules.Storable = false
	}
	if !artifact && (ans.Length > c.cfg.MaxObject || !rules.Storable && ans.Degraded == "") {
		o := c.passOn(fl, d, ans)
		o.detail = detail
		return o
	}
	if rules.Storable && ans.Degraded == "" && c.pours(fl, d, f, ans) {
		return c.pour(ctx, fl, d, f, rules, tags, ans)
	}
	held := lease{room: &c.room}
	defer held.end()
	body, whole, err := readBody(ans, c.cfg.MaxObject, &held)
	if err != nil {
		_ = ans.Body.Close()
		return outcome{err: fmt.Errorf("fetch %s: read body: %w", f.Target, err)}
	}
	if !whole {
		if artifact {
			_ = ans.Body.Close()
			return outcome{err: fmt.Errorf("fetch %s: %w", f.Target, &RefusedError{Field: "body", Reason: fmt.Sprintf("an artifact is at most %d bytes", c.cfg.MaxObject)})}
		}
		ans.Body = &replayed{Reader: io.MultiReader(bytes.NewReader(body), ans.Body), Closer: ans.Body}
		return c.passOn(fl, d, ans)
	}
	if err := ans.Body.Close(); err != nil {
		return outcome{err: fmt.Errorf("fetch %s: close body: %w", f.Target, err)}
	}
	if artifact {
		if err := errors.Join(checkArtifact(fl.key, ans.Fields, body), tagErr); err != nil {
			c.Logger.Warn("artifact refused", "key", fl.key.Text, "err", err)
			return outcome{err: fmt.Errorf("fetch %s: %w", f.Target, err), status: ans.Status}
		}
	}
	fields, control := withDate(ans, rules), ""
	if artifact {
		settled, was, err := c.atTarget(fl, d, &rules, fields)
		if err != nil {
			edit := c.unpushed(fl, d, ans, func() *Slot {
				return c.slot(d, rules, bake(ans.Status, fields, rules.Omit, body, tags, true), tags, ans)
			})
			return outcome{err: fmt.Errorf("fetch %s: %w", f.Target, err), status: ans.Status, unpushed: edit}
		}
		fields, control = settled, was
	}
	art := bake(ans.Status, fields, rules.Omit, body, tags, artifact)
	art.control = control
	if ans.Degraded != "" {
		return outcome{slot: c.slot(d, rules, art, tags, ans), status: ans.Status, shared: true, degraded: ans.Degraded}
	}
	if !rules.Storable {
		c.dropStale(fl, d)
		c.mark(fl)
		return outcome{slot: c.slot(d, rules, art, tags, ans), status: ans.Status}
	}
	return c.keep(fl, d, rules, art, tags, ans, ans.Status)
}

// replayed is a body whose first bytes were read already.
type replayed struct {
	io.Reader
	io.Closer
}

// passOn leaves the answer to the leader alone; who waited goes on in parallel,
// and so does who comes within the next while.
func (c *Core) passOn(fl *flight, d *detached, ans *Answer) outcome {
	c.dropStale(fl, d)
	c.mark(fl)
	return forLeader(ans)
}

// mark notes hit-for-miss for the flight's key.
func (c *Core) mark(fl *flight) {
	c.Store.Mark(fl.key.Text, c.Now().Add(c.cfg.HitForMiss).UnixNano())
}

// dropStale removes the copy that an answer which cannot be stored supersedes.
func (c *Core) dropStale(fl *flight, d *detached) {
	if d.stale != nil {
		c.Store.Remove(fl.key.Text, d.stale)
	}
}
