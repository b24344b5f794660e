package h2

import (
	"os"
	"time"
)

// late is called when nothing has come by the read deadline: the connection's one
// clock. While something is under way it strikes at each step, else when the
// connection has been idle for too long.
func (c *conn) late(now time.Time) error {
	c.now = now
	cfg := &c.srv.cfg
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed = time.Time{}
	if c.broken != nil {
		return c.broken
	}
	if !c.partial.IsZero() && now.Sub(c.partial) > cfg.HeaderTimeout {
		return fatal(codeNo, "what has begun did not end in time")
	}
	for _, st := range c.streams {
		switch u := st.upload; {
		case st.sent && (now.After(u.due) || c.drainState == drainLast):
			st.resetLocked(codeNo)
		case u != nil && u.err == nil && now.After(u.due):
			u.breakLocked(os.ErrDeadlineExceeded)
		}
		if !st.due.IsZero() && now.After(st.due) {
			st.resetLocked(codeInternal) // as Go's stock server says it
		}
	}
	if c.drainState == drainFirst && now.Sub(c.drainSince) > drainWait {
		c.lastWordLocked()
	}
	idle := len(c.streams) == 0 && c.running == 0
	switch {
	case idle && c.drainState == drainLast:
		return errOver
	case idle && now.Sub(c.idleSince) >= cfg.IdleTimeout:
		return errOver
	case !idle:
		if err := c.aliveLocked(now); err != nil {
			return err
		}
	}
	if idle && c.partial.IsZero() && c.drainState == drainNone {
		c.armLocked(c.idleSince.Add(cfg.IdleTimeout))
	} else {
		c.armLocked(now.Add(cfg.step()))
	}
	return nil
}

// aliveLocked asks a client that waits in silence whether it is there.
func (c *conn) aliveLocked(now time.Time) error {
	cfg := &c.srv.cfg
	if now.Sub(c.heard) < cfg.IdleTimeout/2 {
		c.pingSince = time.Time{}
		return nil
	}
	if c.pingSince.IsZero() {
		c.pingSince = now
		c.putLocked(append(appendFrameHeader(c.outLocked(), 8, framePing, 0, 0), "is there"...))
		return nil
	}
	if now.Sub(c.pingSince) > cfg.HeaderTimeout {
		return fatal(codeNo, "the client has gone")
	}
	return nil
}
