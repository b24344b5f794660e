package edge

import (
	"context"
	"fmt"
	"hash/maphash"
	"io"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/letteros/letteredge/edge/freshness"
)

// onward asks for what readers who are too slow have not had, and holds what comes to
// what they have had.
type onward struct {
	core   *Core
	flight *flight
	d      *detached
	length int64
	at     time.Time
	fields fieldLines
	// strong is the validator that tells whether two answers are of one representation,
	// byte for byte; "" if there is none, and then what was read is compared.
	strong string
}

// minAge is how much older than its Date a Last-Modified must be to be a strong
// validator: both may be of clocks that differ (RFC 9110 §8.8.2.2).
const minAge = time.Minute

func (c *Core) onward(fl *flight, d *detached, ans *Answer) *onward {
	o := &onward{core: c, flight: fl, d: d, length: ans.Length, at: ans.ResponseAt, fields: ans.Fields}
	tag, modified := o.fields.Get("Etag"), o.fields.Get("Last-Modified")
	if freshness.IsETag(tag) && tag[0] == '"' {
		o.strong = tag
	} else if m, ok := freshness.ParseDate(modified, o.at); ok && tag == "" {
		if date, ok := freshness.ParseDate(o.fields.Get("Date"), o.at); ok && date.Sub(m) >= minAge {
			o.strong = modified
		}
	}
	return o
}

// send has r go on by itself from off on. The caller holds the content's mu.
func (o *onward) send(r *growingReader, off int64, digest *maphash.Hash) {
	ctx, cancel := context.WithCancel(o.core.life)
	r.apart.cancel = cancel
	o.core.work.Go(func() {
		var got apart
		var at int64
		var err error
		defer func() {
			if p := recover(); p != nil {
				o.core.Logger.Error("a fetch of a slow reader's own panicked", "key", o.flight.key.Text, "err", fmt.Sprint(p), "stack", string(debug.Stack()))
				got, err = apart{}, fmt.Errorf("panic: %v", p)
			}
			if r.g.goOn(r, got, at, err) {
				o.core.apart.Add(1)
				return
			}
			if got.body != nil {
				_ = got.body.Close() // nobody reads it
			}
			cancel()
		}()
		if got, at, err = o.fetch(ctx, off, digest); err != nil {
			o.core.Logger.Debug("a slow reader cannot go on by itself", "key", o.flight.key.Text, "err", err)
		}
	})
}

// fetch returns the content from at on, which is not beyond off.
func (o *onward) fetch(ctx context.Context, off int64, digest *maphash.Hash) (got apart, at int64, err error) {
	f := &Fetch{Key: o.flight.key, Method: "GET", Host: o.d.host, Target: o.flight.key.OriginTarget(), Direct: true}
	f.Fields = append(f.Fields, o.d.fields...)
	if o.strong != "" && off > 0 {
		f.Fields = append(f.Fields, Field{"Range", "bytes=" + strconv.FormatInt(off, 10) + "-"}, Field{"If-Range", o.strong})
	}
	start := o.core.Now()
	ans, err := o.d.route.Upstream.Fetch(ctx, f)
	if err != nil {
		o.core.Observer.Filled(o.d.route.Name, 0, o.core.Now().Sub(start))
		return apart{}, 0, fmt.Errorf("fetch %s from byte %d on: %w", f.Target, off, err)
	}
	o.core.Observer.Filled(o.d.route.Name, ans.Status, o.core.Now().Sub(start))
	at, left, err := o.place(ans, off)
	if o.strong == "" && digest == nil {
		err = errOther
	}
	got.body = &exact{ans.Body, left}
	if err == nil && o.strong == "" {
		got.digest, at = new(maphash.Hash), off
		got.digest.SetSeed(digest.Seed())
		err = skip(got.body, off, got.digest)
		if err == nil && got.digest.Sum64() != digest.Sum64() {
			err = errOther
		}
	}
	if err != nil {
		_ = ans.Body.Close() // nobody reads it
		return apart{}, 0, fmt.Errorf("fetch %s from byte %d on: %w", f.Target, off, err)
	}
	return got, at, nil
}

// place returns where in the content an answer begins, and how long it is from there on,
// -1 if that is not known. The error says that it is no answer, or one of other content.
func (o *onward) place(ans *Answer, off int64) (at, left int64, err error) {
	fields := fieldLines(ans.Fields)
	for _, name := range [...]string{"Etag", "Content-Encoding"} {
		if fields.Combined(name) != o.fields.Combined(name) && ans.Status < 300 {
			return 0, 0, errOther
		}
	}
	switch {
	case ans.Status >= 500 || ans.Status == 429:
		return 0, 0, fmt.Errorf("status %d", ans.Status)
	case ans.Status == 206 && o.strong != "":
		part, size, ok := parseContentRange(fields.Combined("Content-Range"))
		if !ok || part != (span{off, size - 1}) || o.length >= 0 && size != o.length || ans.Length >= 0 && ans.Length != part.length() {
			return 0, 0, errOther
		}
		at, left = off, part.length()
	case ans.Status != 200 || ans.Degraded != "" || o.length >= 0 && ans.Length >= 0 && ans.Length != o.length:
		return 0, 0, errOther
	default:
		left = max(ans.Length, o.length) // one of them may be -1
	}
	if o.strong != "" {
		if fields.Get("Last-Modified") != o.fields.Get("Last-Modified") && o.strong[0] != '"' {
			return 0, 0, errOther
		}
		return at, left, nil
	}
	// The rest goes to one who did not ask for it: only what may be shared with him.
	rules := o.core.rules(o.d, ans.Status, ans.Fields, ans)
	if !rules.Storable || rules.NoCache || rules.Lifetime <= 0 && rules.SWR <= 0 || fields.Get("Content-Type") != o.fields.Get("Content-Type") {
		return 0, 0, errOther
	}
	return at, left, nil
}

// exact is content of a length that is known, or -1: what has another ends as an error.
type exact struct {
	io.ReadCloser
	left int64
}

func (e *exact) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	if e.left < 0 {
		return n, err
	}
	e.left -= int64(n)
	switch {
	case e.left < 0:
		return 0, errLength
	case err == io.EOF && e.left > 0:
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}
