package edge

import (
	"bytes"
	"io"
	"slices"
	"time"

	"github.com/letteros/letteredge/edge/freshness"
	"github.com/letteros/letteredge/invalidation"
)

// keep stores an answer, unless a purge has hit it already, and shares it as far
// as it may be.
func (c *Core) keep(fl *flight, d *detached, rules freshness.Verdict, art *draft, tags []string, ans *Answer, status int) outcome {
	s := c.slot(d, rules, art, tags, ans)
	o := outcome{slot: s, status: status}
	stamp, ok := d.stamp, d.stamp != nil
	if !ok {
		stamp, ok = c.Marks.Stamp(fl.key, tags, fl.born)
	}
	if ok && stamp.State() == invalidation.Valid {
		s.stamped(stamp)
		c.Store.Put(fl.key.Text, s)
		o.stored = true
		c.pin(fl.key.Text, s, d.position)
	}
	o.shared = c.shareable(s)
	if !o.shared {
		c.mark(fl)
	}
	return o
}

func (c *Core) slot(d *detached, rules freshness.Verdict, art *draft, tags []string, ans *Answer) *Slot {
	vary := rules.Vary
	if d.identity {
		// It sees the same field whoever asks: there is nothing to choose by.
		vary = slices.DeleteFunc(slices.Clone(vary), func(name string) bool { return name == "Accept-Encoding" })
	}
	variant := ""
	if len(vary) > 0 {
		variant = string(appendVariant(nil, d.loose, vary, d.fields))
	}
	c.offer(art, &rules.Terms, ans.Length)
	s := NewSlot(art.pack(), tags, vary, variant)
	s.Settled, s.Vector, s.Rules, s.ReceivedAt = d.settled, d.vector, rules.Terms, ans.ResponseAt
	if d.stale != nil {
		s.Art.inherit(d.stale.Art)
	}
	return s
}

func (c *Core) rules(d *detached, status int, fields []Field, ans *Answer) freshness.Verdict {
	return freshness.Judge(
		freshness.Request{Authorization: d.fields.Get("Authorization") != "", NoStore: d.noStore},
		freshness.Response{Method: "GET", Status: status, Fields: fieldLines(fields), RequestAt: ans.RequestAt, ResponseAt: ans.ResponseAt},
		d.route.Policy)
}

// atTarget holds an answer's versions to the fill's target, and returns the fields
// that readers get of it with the upstream's own Cache-Control, where that is
// another one.
func (c *Core) atTarget(fl *flight, d *detached, rules *freshness.Verdict, fields []Field) ([]Field, string, error) {
	if !fl.key.IsArtifact() {
		return fields, "", nil
	}
	whole, err := checkTarget(d, c.builds(fl.key), fieldLines(fields).Combined("Docs-Version"))
	if err != nil {
		c.Logger.Debug("answer held back", "key", fl.key.Text, "err", err)
		return nil, "", err
	}
	if d.settled = settles(whole, rules); !d.settled {
		return fields, "", nil
	}
	rules.Storable, rules.Why = true, freshness.Stored
	fields, control := readersFields(fields)
	return fields, control, nil
}

// withDate returns the fields of an answer with a Date, which its recipient adds
// where the origin has no clock (RFC 9110 §6.6.1).
func withDate(ans *Answer, rules freshness.Verdict) []Field {
	if rules.HasDate {
		return ans.Fields
	}
	return append(slices.Clip(ans.Fields), dateField(ans.ResponseAt))
}

func dateField(at time.Time) Field {
	return Field{"Date", at.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")}
}

// readBody reads at most limit bytes, as far as the lease has room. whole is false if there is more; then the
// bytes read so far are returned and the body is left open.
func readBody(ans *Answer, limit int64, held *lease) (body []byte, whole bool, err error) {
	var b bytes.Buffer
	if ans.Length > 0 {
		b.Grow(int(min(ans.Length, limit)) + bytes.MinRead)
	}
	if _, err := b.ReadFrom(io.LimitReader(&metered{ans.Body, held}, limit+1)); err != nil {
		return nil, false, err
	}
	body = b.Bytes()
	whole = int64(len(body)) <= limit
	if whole {
		body = slices.Clip(body)
		if cap(b.Bytes()) > len(body)+len(body)/8+64 {
			body = bytes.Clone(body) // what is kept for long must not hold spare memory
		}
	}
	return body, whole, nil
}
