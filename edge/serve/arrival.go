package serve

import (
	"net"
	"sync"
	"time"
)

// arrival is how far the next request of a connection has come: whoever is at its header
// section has asked for nothing yet, and holds up no shutdown.
type arrival struct {
	requests  int  // that fasthttp has begun to read
	reading   bool // it reads one
	deadlines int  // that it has set for that one

	mu   sync.Mutex // guards here, and a deadline that is set by it
	here bool       // the header section is there
}

// awaited notes that fasthttp waits for the next request.
func (a *arrival) awaited() {
	a.reading = false
	a.mu.Lock()
	a.here = false
	a.mu.Unlock()
}

// begun notes that its first byte is there.
func (a *arrival) begun() {
	a.requests++
	a.reading, a.deadlines = true, 0
}

// arrived notes that its header section is.
func (a *arrival) arrived() {
	a.mu.Lock()
	a.here = true
	a.mu.Unlock()
}

// readUntil is SetReadDeadline, as fasthttp calls it. The first for a request is for the
// header section, but for a connection's first request, whose has been set by then; any
// other is for content, of which it reads some before it shows the request.
func (a *arrival) readUntil(conn net.Conn, t time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.reading {
		a.deadlines++
		a.here = a.here || a.deadlines > 1 || a.requests == 1
	}
	return conn.SetReadDeadline(t)
}

// giveUp has reading end at once on a connection whose next request is not there.
func (a *arrival) giveUp(conn net.Conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.here {
		_ = conn.SetReadDeadline(time.Unix(1, 0))
	}
}
