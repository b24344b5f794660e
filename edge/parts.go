package edge

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge/freshness"
	"github.com/letteros/letteredge/invalidation"
)

// part is a stored part of a representation: a 206 in a slot of an entry of its
// own, where nobody who looks for the whole can meet it. There is one for each
// variant: parts that touch are joined, and of two that do not the newer stays.
type part struct {
	slot *Slot
	span span
	size int64 // of the whole
}

// partText is what the parts of a key are stored under: the text of a method that
// nobody stores anything for, so that purges and counts know it.
func partText(key cachekey.Key) string { return partMethod + key.Text }

const partMethod = "PART "

// KeyText is the text of the key whose responses, or parts of them, the entry holds.
func (e *Entry) KeyText() string { return strings.TrimPrefix(e.text, partMethod) }

// partOf reads a slot of such an entry.
func partOf(s *Slot) (part, bool) {
	at, size, ok := parseContentRange(s.Art.Get("Content-Range"))
	return part{s, at, size}, ok
}

// parseContentRange reads the Content-Range of a part of a known whole (RFC 9110
// §14.4).
func parseContentRange(text string) (at span, size int64, ok bool) {
	rest, isBytes := strings.CutPrefix(text, "bytes ")
	from, rest, hasTo := strings.Cut(rest, "-")
	to, all, hasSize := strings.Cut(rest, "/")
	if !isBytes || !hasTo || !hasSize {
		return span{}, 0, false
	}
	var oks [3]bool
	at.first, oks[0] = parsePosition(from)
	at.last, oks[1] = parsePosition(to)
	size, oks[2] = parsePosition(all)
	return at, size, oks == [3]bool{true, true, true} && at.first <= at.last && at.last < size
}

// wantedRange returns the one byte range that a request is for, without
// conditions, which are answered from the whole.
func wantedRange(x *Exchange) (spec string, ok bool) {
	if x.Req.Method != MethodGet || x.key.IsArtifact() {
		return "", false
	}
	spec = x.Req.Fields.Combined("Range")
	unit, one, found := strings.Cut(spec, "=")
	if !found || !strings.EqualFold(unit, "bytes") {
		return "", false
	}
	for _, name := range [...]string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range"} {
		if x.Req.Fields.Get(name) != "" {
			return "", false
		}
	}
	_, _, result := parseRange(one, 1<<62) // commas are no digits
	return spec, result == rangePart
}

// asksPart returns the range that a miss is to ask the origin for, "" for the whole:
// in the default profile a part makes the whole be fetched, which serves everybody,
// but where it cannot be stored.
func (c *Core) asksPart(x *Exchange, f *found) string {
	if !c.cfg.Conformance && !f.hitForMiss || f.slot != nil || x.forPeer {
		return ""
	}
	spec, _ := wantedRange(x)
	return spec
}

// partFor returns the part that is stored for a request where no whole is, if it may
// be used without asking.
func (c *Core) partFor(x *Exchange, f *found) (part, bool) {
	if x.key.IsArtifact() || f.slot != nil || x.validate || x.isolated {
		return part{}, false
	}
	e := c.Store.Get(partText(x.key))
	if e == nil {
		return part{}, false
	}
	for s := range e.Slots() {
		if s.Stamp.State() == invalidation.Valid && c.selects(x, s) && s.Rules.Use(s.Age(x.Now), f.req) == freshness.Fresh {
			return partOf(s)
		}
	}
	return part{}, false
}

// fromPart answers from a stored part that holds what is wanted.
func (c *Core) fromPart(x *Exchange, f *found) bool {
	spec, ok := wantedRange(x)
	if !ok {
		return false
	}
	p, ok := c.partFor(x, f)
	if !ok {
		return false
	}
	first, last, result := parseRange(spec[len("bytes="):], p.size)
	if result != rangePart || first < p.span.first || last > p.span.last {
		return false
	}
	x.Rep.Cache.Fwd = NotForwarded
	c.hit(x, p.slot, c.ttl(x, p.slot))
	at := span{first, last}
	x.Rep.Body = p.slot.Art.Body[first-p.span.first : last+1-p.span.first]
	x.Rep.Length = at.length()
	x.Rep.Skip |= SkipRange
	if at != p.span {
		x.skipDigest()
	}
	from := len(x.buf)
	x.buf = at.appendTo(x.buf, p.size)
	x.add("Content-Range", from)
	return true
}

// rest returns what is missing of the whole, if it is one piece.
func (p *part) rest() (at span, ok bool) {
	if p.span.first == 0 {
		return span{p.span.last + 1, p.size - 1}, p.span.last+1 < p.size
	}
	return span{0, p.span.first - 1}, p.span.last+1 == p.size
}

// strongTag is the entity tag by which parts can be told to be of one
// representation (RFC 9110 §15.3.7.3), "" if there is none.
func (p *part) strongTag() string {
	if tag := p.slot.Art.ETag(); freshness.IsETag(tag) && tag[0] == '"' {
		return tag
	}
	return ""
}

// askRest makes a fetch one for what is missing of the whole. Without a strong tag
// what comes cannot be joined, and a fetch for the whole may have to follow: that is
// for the conformance profile, where the origin is asked for as little as there is hope for.
func (c *Core) askRest(f *Fetch, p *part) bool {
	at, ok := p.rest()
	tag := p.strongTag()
	if !ok || tag == "" && !c.cfg.Conformance || p.slot.Stamp.State() != invalidation.Valid {
		return false
	}
	spec := append([]byte("bytes="), strconv.FormatInt(at.first, 10)...)
	spec = append(spec, '-')
	if at.last != p.size-1 {
		spec = strconv.AppendInt(spec, at.last, 10)
	}
	f.Fields = append(f.Fields, Field{"Range", string(spec)})
	if tag != "" {
		f.Fields = append(f.Fields, Field{"If-Range", tag})
	}
	f.Direct = true
	return true
}

// complete makes a whole of the stored part and the answer to askRest, if the two
// are of one representation, and asks for the whole if not (RFC 9111 §3.4).
func (c *Core) complete(ctx context.Context, fl *flight, d *detached, f *Fetch, ans *Answer) (*Answer, error) {
	p := d.part
	d.part = nil
	if ans.Status != 200 && ans.Status != 206 && ans.Status != 416 {
		return ans, nil
	}
	c.Store.Remove(partText(fl.key), p.slot)
	if ans.Status == 200 {
		return ans, nil
	}
	if whole := p.join(ans); whole != nil {
		d.part = p
		return whole, nil
	}
	_ = ans.Body.Close() // nobody gets to read it
	f.Fields = append(fieldLines(nil), d.fields...)
	return c.ask(ctx, fl, d, f)
}

// join returns the whole as if it had come at once, nil if the answer is not what is
// missing of it.
func (p *part) join(ans *Answer) *Answer {
	fields := fieldLines(ans.Fields)
	at, size, ok := parseContentRange(fields.Combined("Content-Range"))
	want, _ := p.rest()
	if tag := p.strongTag(); ans.Status != 206 || !ok || size != p.size || at != want || tag == "" || fields.Get("Etag") != tag ||
		ans.Length >= 0 && ans.Length != at.length() {
		return nil
	}
	whole := *ans
	whole.Status, whole.Length = 200, size
	whole.Fields = ofWhole(mergeFields(p.slot.Art, ans.Fields))
	stored := bytes.NewReader(p.slot.Art.Body)
	if p.span.first == 0 {
		whole.Body = &replayed{Reader: io.MultiReader(stored, ans.Body), Closer: ans.Body}
	} else {
		whole.Body = &replayed{Reader: io.MultiReader(io.LimitReader(ans.Body, at.length()), stored), Closer: ans.Body}
	}
	return &whole
}

// ofWhole takes away what is true of the parts alone: where they lie, and the digests
// of their bytes.
func ofWhole(fields []Field) []Field {
	return slices.DeleteFunc(fields, func(f Field) bool { return f.Name == "Content-Range" || digestsContent(f.Name) })
}

// receivePart decides about a part that was asked for: stored, alone or with what
// is there already, or passed through as it came.
func (c *Core) receivePart(fl *flight, d *detached, f *Fetch, ans *Answer) outcome {
	at, size, ok := parseContentRange(fieldLines(ans.Fields).Combined("Content-Range"))
	if !ok || ans.Length >= 0 && ans.Length != at.length() {
		// Several parts, a whole of unknown size, or an origin that contradicts
		// itself: who asked for it may make something of it.
		return forLeader(ans)
	}
	rules := c.rules(d, 200, ans.Fields, ans) // a part is kept as its whole would be
	tags, err := responseTags(fl.key, ans.Fields)
	if err != nil || !rules.Storable || at.length() > c.cfg.MaxObject {
		return c.passOn(fl, d, ans)
	}
	held := lease{room: &c.room}
	defer held.end()
	body, _, err := readBody(ans, c.cfg.MaxObject, &held)
	if cerr := ans.Body.Close(); err == nil {
		err = cerr
	}
	if err == nil && int64(len(body)) != at.length() {
		err = errLength
	}
	if err != nil {
		return outcome{err: fmt.Errorf("fetch %s: read body: %w", f.Target, err), status: ans.Status}
	}
	fl.own = ownFields(fl.key, ans.Fields, rules.Omit)
	fields := withDate(ans, rules)
	s := c.slot(d, rules, bake(206, fields, rules.Omit, body, tags, false), tags, ans)
	o := outcome{slot: s, status: ans.Status, shared: c.shareable(s)}
	kept := part{s, at, size}
	if old, ok := c.joinable(fl.key, &kept); ok {
		kept.span, body = join(old, kept)
		fields = ofWhole(mergeFields(old.slot.Art, fields))
		// A purge of what only the older part has named hits its bytes here too.
		tags = unique(append(old.slot.Tags(), tags...))
		if kept.span.length() == size {
			c.Store.Remove(partText(fl.key), old.slot)
			return c.keep(fl, d, rules, bake(200, fields, rules.Omit, body, tags, false), tags, ans, ans.Status)
		}
		fields = append(fields, Field{"Content-Range", string(kept.span.appendTo(nil, size))})
		kept.slot = c.slot(d, rules, bake(206, fields, rules.Omit, body, tags, false), tags, ans)
	}
	stamp, ok := c.Marks.Stamp(fl.key, tags, fl.born)
	if ok && stamp.State() == invalidation.Valid {
		kept.slot.stamped(stamp)
		c.Store.Put(partText(fl.key), kept.slot)
		o.stored = true
	}
	return o
}

// joinable returns the stored part that p can be joined with: of the same
// representation, by its strong tag, and without a gap. The flight's epoch was read
// before, so what a purge hits from now on is not stored.
func (c *Core) joinable(key cachekey.Key, p *part) (part, bool) {
	e := c.Store.Get(partText(key))
	if e == nil || p.strongTag() == "" {
		return part{}, false
	}
	for s := range e.Slots() {
		old, ok := partOf(s)
		if ok && s.Stamp.State() == invalidation.Valid && s.Variant() == p.slot.Variant() && old.size == p.size && old.strongTag() == p.strongTag() &&
			old.span.first <= p.span.last+1 && p.span.first <= old.span.last+1 &&
			max(old.span.last, p.span.last)+1-min(old.span.first, p.span.first) <= c.cfg.MaxObject {
			return old, true
		}
	}
	return part{}, false
}

// join returns the bytes of both parts, where they overlap the newer ones.
func join(old, newer part) (span, []byte) {
	at := span{min(old.span.first, newer.span.first), max(old.span.last, newer.span.last)}
	b := make([]byte, at.length())
	copy(b[old.span.first-at.first:], old.slot.Art.Body)
	copy(b[newer.span.first-at.first:], newer.slot.Art.Body)
	return at, b
}
