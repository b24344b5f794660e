package edge

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/letteros/letteredge/edge/coding"
	"github.com/letteros/letteredge/edge/freshness"
)

// codings are the other representations of an artifact, by their coding. They are
// artifacts of their own, with field lines and an entity tag of their own; most
// are never asked for.
type codings struct {
	of [coding.Count]struct {
		// art is nil until it has been made, and the identity itself where coding it
		// saves nothing.
		art atomic.Pointer[Artifact]
		// making ends when whoever makes it has; nil if nobody does. Guarded by mu.
		making chan struct{}
	}
	mu sync.Mutex
}

// coded returns the representation in a coding, nil if it has not been made: the
// identity is itself, and so is what cannot be made smaller. HOT.
func (a *Artifact) coded(of coding.Coding) *Artifact {
	if of == coding.Identity {
		return a
	}
	if m := a.made.Load(); m != nil {
		if c := m.coded.Load(); c != nil {
			return c.of[of].art.Load()
		}
	}
	return nil
}

// askCodings returns what has been coded so far.
func (a *Artifact) askCodings() *codings {
	m := a.ask()
	if c := m.coded.Load(); c != nil {
		return c
	}
	m.coded.CompareAndSwap(nil, new(codings))
	return m.coded.Load()
}

// codedSize is what the codings cost, an estimate as Slot.Size is.
func (a *Artifact) codedSize() (n int64) {
	for of := coding.Identity + 1; of < coding.Count; of++ {
		if c := a.coded(of); c != nil && c != a {
			n += c.size()
		}
	}
	if n > 0 {
		n += codingsSize
	}
	return n
}

const codingsSize = 136

// in makes the representation of a in a coding from the coded bytes. Digests of
// the identity are not its own (RFC 9530 §3); Last-Modified is.
func (a *Artifact) in(of coding.Coding, body []byte) *Artifact {
	d := a.unpack()
	d.codable, d.varies = false, !variesByCoding(d.Fields)
	d.Body, d.ETag, d.upstreamETag = body, contentETag(body), ""
	d.Fields = slices.DeleteFunc(d.Fields, func(f Field) bool {
		switch f.Name {
		case "Etag", "Repr-Digest", "Content-Digest", "Digest", "Content-Md5":
			return true
		}
		return false
	})
	d.Fields = append(d.Fields, Field{"Content-Encoding", of.String()}, Field{"Etag", d.ETag})
	slices.SortStableFunc(d.Fields, func(x, y Field) int { return strings.Compare(x.Name, y.Name) })
	return d.pack()
}

// inherit gives a, which nobody else has seen yet, the codings of an artifact of
// the same content: what a 304 renews, or an origin sends again, is not coded again.
func (a *Artifact) inherit(from *Artifact) {
	if !a.codable || from.made.Load() == nil || !sameBytes(a.Body, from.Body) {
		return
	}
	for of := coding.Identity + 1; of < coding.Count; of++ {
		switch c := from.coded(of); c {
		case nil:
		case from:
			a.askCodings().of[of].art.Store(a)
		default:
			a.askCodings().of[of].art.Store(a.in(of, c.Body))
		}
	}
	a.count()
}

func sameBytes(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0] || string(a) == string(b))
}

// offer decides whether a response is coded for readers who want that. What came
// coded stays as it is, and so does what its origin wants left alone (RFC 9111
// §5.2.2.6). Of content that is still to come no more is known than its length.
func (c *Core) offer(d *draft, rules *freshness.Terms, coming int64) bool {
	size := int64(len(d.Body))
	if d.Body == nil && coming < 0 {
		size = c.cfg.Coding.MinBytes
	} else if d.Body == nil {
		size = coming
	}
	lines := fieldLines(d.Fields)
	if !codableStatus(d.Status) || rules.NoTransform || lines.Get("Content-Encoding") != "" || !c.coder.Codable(lines.Get("Content-Type"), size) {
		return false
	}
	// A targeted field may have spoken in place of Cache-Control about caching, but
	// not about this (RFC 9213 §2.1).
	if strings.Contains(strings.ToLower(lines.Combined("Cache-Control")), "no-transform") {
		return false
	}
	d.codable, d.varies = true, !variesByCoding(lines)
	return true
}

// codableStatus reports whether an answer of that status has content worth coding.
func codableStatus(status int) bool {
	return status == 200 || status == 203 || status == 404 || status == 410
}

// variesByCoding reports whether Vary says already that codings differ.
func variesByCoding(lines fieldLines) bool {
	vary := lines.Combined("Vary")
	return vary != "" && (listed(vary, "Accept-Encoding") || listed(vary, "*"))
}

// represent chooses the representation of the stored response that the reply
// shows (RFC 9110 §12.1). It reports whether that is there; if not, x.coding is to
// be made. HOT.
func (c *Core) represent(x *Exchange) bool {
	x.coding = coding.Identity
	if x.slot == nil || x.Rep.Art != x.slot.Art || !x.Rep.Art.codable || x.Rep.Stream != nil || x.plain {
		return true
	}
	whole := x.Rep.Art
	accept := c.coder.Preference(x.Req.Fields.Combined("Accept-Encoding"))
	if art := x.named(whole, accept); art != nil {
		x.show(art)
		return true
	}
	best := accept.Best()
	if art := whole.coded(best); art != nil {
		x.show(art)
		return true
	}
	if x.slot.Stamp == nil {
		return true // it is not stored, and neither would the coding be
	}
	x.coding = best
	return false
}

// named returns the representation that the request names by a validator, nil if
// it names none that is there: whoever holds one gets 304, or the rest of that one,
// although it would be given another now.
func (x *Exchange) named(whole *Artifact, accept coding.Preference) *Artifact {
	var is func(*Artifact) bool
	if list := x.Req.Fields.Combined("If-Match"); list != "" {
		is = func(a *Artifact) bool { return matchesAny(list, a.ETag(), true) }
	} else if list := x.Req.Fields.Combined("If-None-Match"); list != "" {
		is = func(a *Artifact) bool { return matchesAny(list, a.ETag(), false) }
	} else if cond := x.Req.Fields.Get("If-Range"); cond != "" && x.Req.Fields.Get("Range") != "" {
		if !strings.HasPrefix(cond, `"`) && !strings.HasPrefix(cond, `W/"`) {
			// A date names what has no entity tag (RFC 9110 §13.1.5), and all codings
			// have one: parts of two representations must not be put together.
			return whole
		}
		is = func(a *Artifact) bool { return a.ETag() == cond }
	} else {
		return nil
	}
	for i := range accept.Len() {
		if art := whole.coded(accept.At(i)); art != nil && is(art) {
			return art
		}
	}
	return nil
}

// show puts another representation of the slot into the reply.
func (x *Exchange) show(art *Artifact) {
	x.Rep.Art, x.Rep.Body, x.Rep.Length = art, art.Body, int64(len(art.Body))
}

// code makes the coding that represent has found missing, or waits for whoever
// makes it. Where no place is free the reader gets the identity, unless it has
// refused that.
func (c *Core) code(ctx context.Context, x *Exchange) {
	s := x.slot
	all := s.Art.askCodings()
	this := &all.of[x.coding]
	all.mu.Lock()
	if art := this.art.Load(); art != nil {
		all.mu.Unlock()
		x.show(art)
		return
	}
	if done := this.making; done != nil {
		all.mu.Unlock()
		select {
		case <-done:
		case <-ctx.Done():
		}
		if art := this.art.Load(); art != nil {
			x.show(art)
		}
		return
	}
	done := make(chan struct{})
	this.making = done
	all.mu.Unlock()
	defer func() {
		all.mu.Lock()
		this.making = nil
		all.mu.Unlock()
		close(done)
	}()

	accept := c.coder.Preference(x.Req.Fields.Combined("Accept-Encoding"))
	if !c.coder.Enter(ctx, !accept.Accepts(coding.Identity)) {
		c.codings[x.coding].noPlace.Add(1)
		return
	}
	defer c.coder.Leave()
	body, err := c.coder.Encode(x.coding, s.Art.Body)
	if err != nil {
		c.Logger.Error("not coded", "key", x.key.Text, "coding", x.coding.String(), "err", err)
	}
	c.codings.made(x.coding, s.Art.Body, body)
	if body == nil {
		this.art.Store(s.Art)
		return
	}
	art := s.Art.in(x.coding, body)
	// What has left the store meanwhile is for this reader, and not kept.
	c.Store.Grow(x.key.Text, s, func() {
		this.art.Store(art)
		s.Art.count()
	})
	x.show(art)
}
