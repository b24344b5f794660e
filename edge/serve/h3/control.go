package h3

import (
	"time"

	"github.com/letteros/letteredge/edge/serve/section"
)

const (
	// maxControl bounds the frames of a control stream that are read whole.
	maxControl = 4 << 10
	// These bound how many of its frames there are. Chromium sends a PRIORITY_UPDATE with
	// each request, and may send another before its answer.
	controlBurst      = 1000
	controlPerSecond  = 200
	controlPerRequest = 2
)

// control reads the client's control stream (RFC 9114 §6.2.1) until it, or the
// connection, ends.
func (c *conn) control(in *reader) fault {
	s := newControl(in, &c.order, c.srv.cfg.MaxStreams)
	for {
		if f := s.frame(time.Now()); f.is() {
			return f
		}
	}
}

// control is the state of a control stream.
type control struct {
	in      *reader
	order   *priorities
	streams int64 // how many requests a client may have open
	allowed allowance

	settled   bool   // SETTINGS has come
	maxPush   uint64 // MAX_PUSH_ID, which must not fall
	goAway    uint64 // the push id of GOAWAY, which must not rise
	saidGoing bool
}

func newControl(in *reader, order *priorities, streams int) *control {
	return &control{in: in, order: order, streams: int64(streams),
		allowed: newAllowance(controlBurst, controlPerSecond, controlPerRequest)}
}

// frame reads one frame.
func (s *control) frame(now time.Time) fault {
	typ, err := s.in.varint()
	if err != nil {
		return critical(err)
	}
	length, err := s.in.varint()
	if err != nil {
		return critical(midway(err))
	}
	if !s.settled && typ != frameSettings {
		return connFault(codeMissingSettings, "the control stream begins with SETTINGS")
	}
	// Each kind may come often, but none asks for anything.
	if !s.allowed.take(now, s.order.requests()) {
		return connFault(codeExcessiveLoad, "too many frames on the control stream")
	}
	switch {
	case typ == frameSettings:
		return s.settings(length)
	case typ == frameGoAway, typ == frameMaxPushID, typ == frameCancelPush:
		return s.push(typ, length)
	case typ == framePriorityUpdate:
		return s.priority(length)
	case typ == framePriorityPush:
		return connFault(codeID, "PRIORITY_UPDATE for a push that was not promised")
	case known(typ):
		return connFault(codeFrameUnexpected, "a frame that does not belong on the control stream")
	case length > maxOddSize:
		return connFault(codeExcessiveLoad, "too large a frame that says nothing")
	}
	if err := s.in.skip(length); err != nil {
		return critical(err)
	}
	return fault{}
}

// settings reads SETTINGS, which comes once (§7.2.4).
func (s *control) settings(length uint64) fault {
	if s.settled {
		return connFault(codeFrameUnexpected, "SETTINGS came twice")
	}
	s.settled = true
	b, f := s.whole(length)
	if f.is() {
		return f
	}
	return checkSettings(b)
}

// whole reads a frame's payload.
func (s *control) whole(length uint64) ([]byte, fault) {
	if length > maxControl {
		return nil, connFault(codeExcessiveLoad, "too large a frame on the control stream")
	}
	b := make([]byte, length)
	if err := s.in.full(b); err != nil {
		return nil, critical(err)
	}
	return b, fault{}
}

// push reads a frame that names a push. We never push, but what the client says of it
// has to agree with itself (§7.2.3, §7.2.6, §7.2.7).
func (s *control) push(typ, length uint64) fault {
	if length == 0 || length > 8 {
		return connFault(codeFrame, "a frame that holds one integer")
	}
	var b [8]byte
	if err := s.in.full(b[:length]); err != nil {
		return critical(err)
	}
	id, n := varint(b[:length])
	switch {
	case uint64(n) != length:
		return connFault(codeFrame, "a frame that holds one integer")
	case typ == frameCancelPush:
		return connFault(codeID, "CANCEL_PUSH for a push that was not promised")
	case typ == frameMaxPushID && id < s.maxPush:
		return connFault(codeID, "MAX_PUSH_ID fell")
	case typ == frameMaxPushID:
		s.maxPush = id
	case s.saidGoing && id > s.goAway:
		return connFault(codeID, "the id of GOAWAY rose")
	default:
		s.goAway, s.saidGoing = id, true
	}
	return fault{}
}

// priority reads PRIORITY_UPDATE (RFC 9218 §7.2).
func (s *control) priority(length uint64) fault {
	b, f := s.whole(length)
	if f.is() {
		return f
	}
	id, n := varint(b)
	if n == 0 {
		return connFault(codeFrame, "PRIORITY_UPDATE without an id")
	}
	return s.order.update(int64(id), section.ParsePriority(string(b[n:])), s.streams)
}
