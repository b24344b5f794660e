package h2

import "encoding/binary"

// frame acts on one frame.
func (c *conn) frame(f frame) error {
	switch {
	case c.section.open && (f.typ != frameContinuation || f.id != c.section.id):
		return fatal(codeProtocol, "a field block is broken off by another frame")
	case !c.begun && (f.typ != frameSettings || f.flags&flagAck != 0):
		return fatal(codeProtocol, "the preface has no SETTINGS")
	}
	switch f.typ {
	case frameHeaders:
		return c.onHeaders(f)
	case frameContinuation:
		return c.onContinuation(f)
	case frameData:
		return c.onData(f)
	case frameWindow:
		return c.onWindow(f)
	case frameReset:
		return c.onReset(f)
	case frameSettings:
		return c.onSettings(f)
	case framePing:
		return c.onPing(f)
	case frameGoAway:
		return c.onGoAway(f)
	case framePriority:
		return c.onOldPriority(f)
	case framePriorityUpdate:
		return c.onPriorityUpdate(f)
	case framePush:
		return fatal(codeProtocol, "a client pushes nothing")
	}
	return c.nuisance(fussFrame) // RFC 9113 §5.5: unknown, ignored
}

// nuisance counts what the client made us do for nothing.
func (c *conn) nuisance(units int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nuisanceLocked(units)
}

func (c *conn) nuisanceLocked(units int) error {
	if !c.fuss.add(units, c.now) {
		return fatal(codeCalm, "too much that asks for nothing")
	}
	return nil
}

// resetLocked is a stream error (RFC 9113 §5.4.2), of which a client may not make
// too many.
func (c *conn) resetLocked(id uint32, why code) error {
	if st := c.streams[id]; st != nil {
		st.resetLocked(why)
	} else {
		c.putLocked(appendReset(c.outLocked(), id, why))
		c.closed.add(id, dropped)
	}
	return c.nuisanceLocked(fussError)
}

func (c *conn) reset(id uint32, why code) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.resetLocked(id, why)
}

// putLocked replaces out by itself with more at its end.
func (c *conn) putLocked(out []byte) {
	if c.broken == nil {
		c.out = out
	}
}

func (c *conn) onWindow(f frame) error {
	if len(f.payload) != 4 {
		return fatal(codeFrameSize, "WINDOW_UPDATE has four bytes")
	}
	n := int64(binary.BigEndian.Uint32(f.payload) & maxWindow)
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.id == 0 {
		switch {
		case n == 0:
			return fatal(codeProtocol, "a window grows by nothing")
		case c.sendWindow+n > maxWindow:
			return fatal(codeFlow, "the window of the connection is too large")
		}
		c.sendWindow += n
		return c.nuisanceLocked(fussFrame)
	}
	if f.id > c.lastID || f.id%2 == 0 {
		return fatal(codeProtocol, "WINDOW_UPDATE on an idle stream")
	}
	st := c.streams[f.id]
	switch {
	case st == nil:
		return c.nuisanceLocked(fussFrame) // it may have crossed our END_STREAM
	case n == 0:
		return c.resetLocked(f.id, codeProtocol)
	case st.sendWindow+n > maxWindow:
		return c.resetLocked(f.id, codeFlow)
	}
	st.sendWindow += n
	st.queueLocked()
	return c.nuisanceLocked(fussFrame)
}

func (c *conn) onReset(f frame) error {
	switch {
	case len(f.payload) != 4:
		return fatal(codeFrameSize, "RST_STREAM has four bytes")
	case f.id > c.lastID || f.id%2 == 0:
		return fatal(codeProtocol, "RST_STREAM on an idle stream")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.streams[f.id]
	if st == nil {
		return c.nuisanceLocked(fussFrame)
	}
	units := fussCancel
	if st.sent {
		units = fussFrame // it has its answer, and sends no more
	}
	st.endLocked(errCancelled, ended)
	return c.nuisanceLocked(units)
}

func (c *conn) onPing(f frame) error {
	switch {
	case f.id != 0:
		return fatal(codeProtocol, "PING belongs to no stream")
	case len(f.payload) != 8:
		return fatal(codeFrameSize, "PING has eight bytes")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.flags&flagAck != 0 {
		c.pingedLocked()
		return c.nuisanceLocked(fussFrame)
	}
	c.putLocked(append(appendFrameHeader(c.outLocked(), 8, framePing, flagAck, 0), f.payload...))
	return c.nuisanceLocked(fussFrame)
}

// onGoAway: the client takes no pushes any more, of which there are none; it
// mostly means that it goes.
func (c *conn) onGoAway(f frame) error {
	switch {
	case f.id != 0:
		return fatal(codeProtocol, "GOAWAY belongs to no stream")
	case len(f.payload) < 8:
		return fatal(codeFrameSize, "GOAWAY has eight bytes")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastWordLocked()
	return c.nuisanceLocked(fussFrame)
}

// onOldPriority: RFC 9113 §5.3.2 has done away with what it said.
func (c *conn) onOldPriority(f frame) error {
	switch {
	case f.id == 0:
		return fatal(codeProtocol, "PRIORITY belongs to a stream")
	case len(f.payload) != 5:
		if f.id > c.lastID {
			return fatal(codeFrameSize, "PRIORITY has five bytes")
		}
		return c.reset(f.id, codeFrameSize)
	case binary.BigEndian.Uint32(f.payload)&maxID == f.id:
		if f.id > c.lastID {
			return fatal(codeProtocol, "a stream depends on itself")
		}
		return c.reset(f.id, codeProtocol)
	}
	return c.nuisance(fussFrame)
}
