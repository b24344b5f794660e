package edge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/letteros/letteredge/edge/freshness"
	"github.com/letteros/letteredge/invalidation"
)

const (
	// pourGrace is how long readers are kept from content that has not all come:
	// most comes at once, and what is whole can be shown in parts, and coded.
	pourGrace = 2 * time.Millisecond
	// codeGrace is pourGrace for what could be coded once it is whole: a reader that
	// gets the beginning gets the identity.
	codeGrace = 20 * time.Millisecond
	// pourStep is what is asked of an origin at one time where the length is not
	// known, or the content only passes.
	pourStep = 32 << 10
)

// errNobody says that content which may not be stored has no readers left.
var errNobody = errors.New("nobody reads what may not be stored")

// pour takes in an answer's content that may be stored, and shows it to whoever
// has a place in the flight as it comes. It is stored once it is whole, if no purge
// has hit it until then.
//
// Content that turns out to be larger than what is stored, for which there is no
// memory, or which takes longer than a fill may while somebody reads it, passes: it
// goes to those who have a place, and is not stored.
func (c *Core) pour(ctx context.Context, fl *flight, d *detached, f *Fetch, rules freshness.Verdict, tags []string, ans *Answer) outcome {
	defer ans.Body.Close() // what was read to its end tells nothing more
	if !d.bound.Stop() {
		return outcome{err: fmt.Errorf("fetch %s: %w", f.Target, context.Canceled)}
	}
	late := time.AfterFunc(c.cfg.FillTimeout-c.Now().Sub(d.began), func() {
		if !fl.content.wanted(true) {
			d.cancel()
		}
	})
	defer late.Stop()
	fields := withDate(ans, rules)
	head := c.slot(d, rules, bake(ans.Status, fields, rules.Omit, nil, tags, false), tags, ans)
	early := outcome{slot: head, status: ans.Status, shared: c.shareable(head), content: fl.content, length: ans.Length, took: fl.outcome.took}
	stamp, ok := c.Marks.Stamp(fl.key, tags, fl.born)
	// Content of a length that nobody knows may turn out to be too large: no promise.
	early.stored = ok && stamp.State() == invalidation.Valid && ans.Length >= 0
	if !early.shared {
		c.mark(fl) // nobody else waits for what is not for them
	}
	patience := pourGrace
	if head.Art.codable {
		patience = codeGrace
	}
	grace := time.AfterFunc(patience, func() { fl.begin(early) })
	defer grace.Stop()

	p := pouring{core: c, flight: fl, lease: lease{room: &c.room}, length: ans.Length}
	defer p.lease.end()
	body, err := p.keep(ans)
	if err == nil {
		art := bake(ans.Status, fields, rules.Omit, body, tags, false)
		if ok {
			d.stamp = stamp
		}
		return c.keep(fl, d, rules, art, tags, ans, ans.Status)
	}
	var spill *spillError
	if errors.As(err, &spill) {
		if spill.reason != errRoom {
			c.dropStale(fl, d)
			c.mark(fl)
		}
		passing := early // the timer may be reading the other one
		passing.stored, passing.passed = false, true
		own := c.onward(fl, d, ans)
		fl.content.pass(own.strong == "")
		c.flights.land(fl, passing)
		fl.begin(passing)
		d.release()
		how := pacing{window: c.cfg.MaxObject, lease: &p.lease, kept: p.lease.held, apart: own.send, grace: frontGrace, patience: c.cfg.Wait}
		defer context.AfterFunc(ctx, fl.content.wake)()
		err = p.pass(ctx, ans, spill.next, &how)
		if err != nil && err != errNobody {
			err = fmt.Errorf("fetch %s: read body: %w", f.Target, err)
		}
		fl.content.finish(err)
		_ = ans.Body.Close() // what was read to its end tells nothing more
		fl.content.drain(ctx, &how)
		if err == nil || err == errNobody {
			return passing
		}
		return outcome{err: err}
	}
	err = fmt.Errorf("fetch %s: read body: %w", f.Target, err)
	fl.content.finish(err)
	return outcome{err: err}
}

// pours reports whether an answer's content is shown while it comes. Artifacts are
// checked as a whole; where a stale copy may stand in for what breaks off, and for
// an error, it is not known before the end what is shown.
func (c *Core) pours(fl *flight, d *detached, f *Fetch, ans *Answer) bool {
	return !fl.key.IsArtifact() && ans.Status < 500 && !f.Stored && (d.stale == nil || !d.stale.Rules.MayBeStale())
}

// shareable reports whether those who wait may have a slot that is filled now.
func (c *Core) shareable(s *Slot) bool {
	age := s.Age(c.Now())
	return s.Settled || !s.Rules.NoCache && (age < s.Rules.Lifetime || age < s.Rules.Lifetime+s.Rules.SWR)
}

// pouring is the writer of a flight's content.
type pouring struct {
	core   *Core
	flight *flight
	lease  lease
	length int64 // as the origin tells it; -1 if it does not
	took   int64 // bytes
}

// spillError says why content cannot be kept; next was read and is not in it yet.
type spillError struct {
	reason error
	next   []byte
}

// Error gives the reason.
func (e *spillError) Error() string { return e.reason.Error() }

var (
	errLarge = errors.New("the content is larger than what is stored")
	errLate  = errors.New("the content takes longer than a fill may")
)

// keep reads the content into memory, which readers see at once, and returns it.
func (p *pouring) keep(ans *Answer) ([]byte, error) {
	g, limit := p.flight.content, p.core.cfg.MaxObject
	first, grow := min(int64(pourStep), limit), p.lease.growUntold
	if p.length >= 0 {
		first, grow = p.length, p.lease.grow
	}
	if !grow(first) {
		return nil, &spillError{reason: errRoom}
	}
	buf := make([]byte, 0, first)
	for {
		dst := buf[len(buf):cap(buf)]
		if len(dst) == 0 && (p.length >= 0 || int64(cap(buf)) >= limit) {
			// All has come: what is beyond it shows here.
			dst = make([]byte, 512)
		} else if len(dst) == 0 {
			size := min(2*int64(cap(buf)), limit)
			if !grow(size) {
				return nil, &spillError{reason: errRoom}
			}
			p.lease.shrink(int64(cap(buf)))
			buf = append(make([]byte, 0, size), buf...)
			g.swap(buf)
			continue
		}
		n, err := ans.Body.Read(dst)
		if n > 0 {
			p.took += int64(n)
			if len(buf) == cap(buf) {
				if p.length >= 0 {
					return nil, fmt.Errorf("%w: more than its %d bytes", errLength, p.length)
				}
				return nil, &spillError{errLarge, dst[:n]}
			}
			buf = buf[:len(buf)+n]
			g.swap(buf)
		}
		switch {
		case err == io.EOF:
			return p.whole(buf)
		case err != nil:
			return nil, err
		case g.isLate():
			return nil, &spillError{reason: errLate}
		}
	}
}

// errLength says that content has another length than its origin told.
var errLength = errors.New("the content is not as long as the origin said")

// whole returns the content for keeping, without spare memory.
func (p *pouring) whole(buf []byte) ([]byte, error) {
	if p.length >= 0 && p.took != p.length {
		return nil, fmt.Errorf("%w: %d of %d bytes: %w", errLength, p.took, p.length, io.ErrUnexpectedEOF)
	}
	if cap(buf) > len(buf)+len(buf)/8+64 {
		return bytes.Clone(buf), nil
	}
	return buf[:len(buf):len(buf)], nil
}

// pass hands on what is left, step by step.
func (p *pouring) pass(ctx context.Context, ans *Answer, next []byte, how *pacing) error {
	g := p.flight.content
	if len(next) > 0 {
		if err := g.next(ctx, next, how); err != nil {
			return err
		}
	}
	var b []byte
	for {
		if b == nil {
			b = g.buffer()
		}
		n, err := ans.Body.Read(b)
		p.took += int64(n)
		if n > 0 {
			part := b[:n]
			if n < pourStep/2 && g.lagging() {
				part = bytes.Clone(part) // little may have to be kept for long
			} else {
				b = nil
			}
			if err := g.next(ctx, part, how); err != nil {
				return err
			}
		}
		if err == io.EOF {
			if p.length >= 0 && p.took != p.length {
				return fmt.Errorf("%w: %d of %d bytes: %w", errLength, p.took, p.length, io.ErrUnexpectedEOF)
			}
			return nil
		}
		if err != nil {
			return err
		}
	}
}
