package h2

import (
	"context"
	"errors"
	"time"

	"github.com/letteros/letteredge/edge/serve/section"
)

var (
	errCancelled = errors.New("h2: the client has cancelled the request")
	errReset     = errors.New("h2: the stream was reset")
	errGone      = errors.New("h2: the connection has ended")
)

// stream is a request that cannot be answered at once: it waits for an origin,
// for its own content, or for a window. All fields are guarded by the
// connection's mutex.
type stream struct {
	c          *conn
	id         uint32
	importance section.Importance

	sendWindow   int64
	pending      []byte // content to be sent; nobody changes it
	last         bool   // nothing comes after pending
	queued       bool   // it is among ready
	answered     bool   // its header section is out
	sent         bool   // all of the answer is out; it lingers until the client has ended it
	remoteClosed bool   // the client has ended it
	ended        error  // why it is over; nil while it is not
	due          time.Time
	wake         chan struct{} // of a goroutine that waits until pending is sent
	cancel       context.CancelFunc

	upload *upload // nil unless the request has content
}

// beginLocked makes a stream.
func (c *conn) beginLocked(id uint32, remoteClosed bool, p section.Importance) *stream {
	st := &stream{c: c, id: id, sendWindow: c.peerWindow, remoteClosed: remoteClosed}
	st.importance = c.early.take(id, p)
	c.told = c.told || st.importance != section.Default()
	if !c.told {
		st.importance.Incremental = true
	}
	c.streams[id] = st
	c.armLocked(c.now.Add(c.srv.cfg.step()))
	return st
}

// queueLocked makes a stream one that may send, if it can.
func (st *stream) queueLocked() {
	if !st.queued && st.ended == nil && st.sendable() {
		st.queued = true
		st.c.ready = append(st.c.ready, st)
	}
}

// endLocked forgets the stream, for a reason.
func (st *stream) endLocked(why error, f fate) {
	if st.ended != nil {
		return
	}
	c := st.c
	st.ended = why
	st.pending = nil
	delete(c.streams, st.id)
	if f == ended && !st.remoteClosed && why != errCancelled {
		f = dropped
	}
	c.closed.add(st.id, f)
	if st.upload != nil {
		st.upload.breakLocked(why)
	}
	if st.cancel != nil {
		st.cancel()
	}
	st.wakeLocked()
	c.idleSince = time.Now()
	if c.drainState == drainLast && len(c.streams) == 0 {
		c.armLocked(time.Unix(1, 0)) // the reader has to know
	}
}

func (st *stream) wakeLocked() {
	select {
	case st.wake <- struct{}{}:
	default:
	}
}

// resetLocked ends the stream by an error.
func (st *stream) resetLocked(why code) {
	if st.ended == nil {
		st.c.putLocked(appendReset(st.c.outLocked(), st.id, why))
		st.endLocked(errReset, dropped)
	}
}

// sentLocked ends a stream whose answer is all in out. Where the request's content has
// not all come, it lingers: what comes is thrown away. RFC 9113 §8.1 lets a server say
// at once, by a reset, that it wants no more; but clients there are that lose the answer then.
func (st *stream) sentLocked() {
	if st.remoteClosed {
		st.endLocked(errSent, ended)
		return
	}
	st.sent, st.due = true, time.Time{}
	st.upload.breakLocked(errSent)
	st.wakeLocked()
}

var errSent = errors.New("h2: the answer is sent")
