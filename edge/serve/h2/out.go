package h2

import "time"

const (
	// maxOut is how much content waits to be written: beyond it streams keep theirs.
	maxOut = 64 << 10
	// hardOut is how much waits in all. A client that has us say this much without
	// reading it is not listened to.
	hardOut = 256 << 10
	// patience is how long the reader waits for a network that takes nothing,
	// before it lets somebody else wait.
	patience = 100 * time.Millisecond
	// readerRounds is how many batches the reader writes at a time.
	readerRounds = 8
)

// pumpLocked moves content from streams to out, the most urgent first (RFC 9218
// §10): of the same urgency those that are not incremental one after the other,
// the others, and all where the client says nothing of priorities, by turns.
func (c *conn) pumpLocked() {
	for len(c.ready) > 0 && len(c.out) < maxOut {
		best := -1
		for i := 0; i < len(c.ready); i++ {
			st := c.ready[i]
			if st.ended != nil || !st.sendable() {
				st.queued = false
				c.ready = append(c.ready[:i], c.ready[i+1:]...)
				i--
				continue
			}
			if (c.sendWindow > 0 || len(st.pending) == 0) && (best < 0 || st.importance.Urgency < c.ready[best].importance.Urgency) {
				best = i
			}
		}
		if best < 0 {
			return
		}
		st := c.ready[best]
		c.sendLocked(st)
		if st.importance.Incremental && st.ended == nil {
			c.ready = append(append(c.ready[:best], c.ready[best+1:]...), st)
		}
	}
}

func (st *stream) sendable() bool {
	return len(st.pending) > 0 && st.sendWindow > 0 || len(st.pending) == 0 && st.last
}

// sendLocked puts one DATA frame of a stream into out.
func (c *conn) sendLocked(st *stream) {
	n := int(min(int64(len(st.pending)), maxData, st.sendWindow, c.sendWindow))
	n = max(n, 0)
	last := st.last && n == len(st.pending)
	c.putLocked(appendData(c.outLocked(), st.id, st.pending[:n], last))
	c.fuss.served(n)
	st.pending = st.pending[n:]
	st.sendWindow -= int64(n)
	c.sendWindow -= int64(n)
	if len(st.pending) > 0 {
		return
	}
	if last {
		st.last = false
		st.sentLocked()
		return
	}
	st.pending = nil
	st.due = time.Time{}
	st.wakeLocked()
}

func appendData(b []byte, id uint32, content []byte, last bool) []byte {
	flags := byte(0)
	if last {
		flags = flagEndStream
	}
	return append(appendFrameHeader(b, len(content), frameData, flags, id), content...)
}

// outLocked is out, with memory to append to.
func (c *conn) outLocked() []byte {
	if c.out == nil {
		c.outBox = c.srv.buffers.Get().(*buffer)
		c.out = c.outBox.b[:0]
	}
	return c.out
}
