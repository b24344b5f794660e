package h2

import (
	"errors"
	"time"
)

// Whoever finds that nobody writes, writes: the reader, once it has acted on all
// that has come; or the goroutine of a request. What others add meanwhile goes
// with the next batch of the same writer.

var errSlow = errors.New("h2: the client does not take what it has asked for")

// takeLocked takes the next batch; nil if there is none.
func (c *conn) takeLocked() (b []byte, box *buffer) {
	c.pumpLocked()
	if len(c.out) == 0 {
		return nil, nil
	}
	b, box = c.out, c.outBox
	c.out, c.outBox = nil, nil
	c.room.Broadcast()
	return b, box
}

// write writes a batch, or what is left of the last one, and reports whether the
// network took it all.
func (c *conn) write(b []byte, box *buffer, now time.Time, wait time.Duration) (all bool, err error) {
	if len(b) > 0 {
		if _, err := c.nc.Write(b); err != nil {
			return false, err
		}
		box.b = b
		recycle(&c.srv.buffers, box)
	}
	return c.wire.send(now, wait)
}

// flushReader writes on the reader's goroutine, which must not be kept: what the
// network does not take soon, or what does not end, is somebody else's.
func (c *conn) flushReader() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.writing && c.broken == nil {
		c.writing = true
		for round := 1; c.writing; round++ {
			b, box := c.takeLocked()
			if b == nil && !c.wire.hasMore() {
				c.writing = false
				break
			}
			c.mu.Unlock()
			all, err := c.write(b, box, c.now, patience)
			c.mu.Lock()
			if err != nil {
				c.breakLocked(err)
				break
			}
			if !all || round == readerRounds {
				c.work.Add(1)
				go c.writeOn()
				break
			}
		}
	}
	c.waitForRoomLocked()
	return c.broken
}

// waitForRoomLocked stops the reader while more than enough waits to be written.
func (c *conn) waitForRoomLocked() {
	for len(c.out) > hardOut && c.writing && c.broken == nil {
		c.room.Wait()
	}
}

// writeOn goes on with what the reader has left.
func (c *conn) writeOn() {
	defer c.work.Done()
	c.mu.Lock()
	c.writeLocked()
	c.mu.Unlock()
}

// flush writes on any other goroutine.
func (c *conn) flush() {
	c.mu.Lock()
	if !c.writing && c.broken == nil {
		c.writing = true
		c.writeLocked()
	}
	c.mu.Unlock()
}

// writeLocked writes until nothing is left; it is the writer's.
func (c *conn) writeLocked() {
	for first := true; c.broken == nil; first = false {
		b, box := c.takeLocked()
		if b == nil && !first && !c.wire.hasMore() {
			break
		}
		c.mu.Unlock()
		all, err := c.write(b, box, time.Now(), c.srv.cfg.WriteTimeout)
		c.mu.Lock()
		if err == nil && !all {
			err = errSlow
		}
		if err != nil {
			c.breakLocked(err)
		}
	}
	c.writing = false
	c.room.Broadcast()
}

// breakLocked ends the connection from the writer's side: the reader sees it closed.
func (c *conn) breakLocked(err error) {
	if c.broken == nil {
		c.broken = err
	}
	c.out, c.outBox, c.writing = nil, nil, false
	c.room.Broadcast()
	_ = c.wire.Conn.Close()
}
