package h2

import (
	"encoding/binary"

	"github.com/letteros/letteredge/edge/serve/section"
)

// earlyPriorities are what PRIORITY_UPDATE says of streams that have not come yet
// (RFC 9218 §7.1): the latest few.
type earlyPriorities struct {
	n   int
	all [8]earlyPriority
}

type earlyPriority struct {
	id uint32
	p  section.Importance
}

func (e *earlyPriorities) put(id uint32, p section.Importance) {
	for i := range e.all {
		if e.all[i].id == id {
			e.all[i].p = p
			return
		}
	}
	e.all[e.n%len(e.all)] = earlyPriority{id, p}
	e.n++
}

// take returns what was said of a stream that begins; it precedes the Priority
// field, which the client sent later but may have made earlier.
func (e *earlyPriorities) take(id uint32, field section.Importance) section.Importance {
	if e.n == 0 {
		return field
	}
	for i := range e.all {
		if e.all[i].id == id {
			e.all[i].id = 0
			return e.all[i].p
		}
	}
	return field
}

func (c *conn) onPriorityUpdate(f frame) error {
	switch {
	case f.id != 0:
		return fatal(codeProtocol, "PRIORITY_UPDATE belongs to no stream")
	case len(f.payload) < 4:
		return fatal(codeFrameSize, "PRIORITY_UPDATE has four bytes and a value")
	}
	id := binary.BigEndian.Uint32(f.payload) & maxID
	if id == 0 || id%2 == 0 {
		return fatal(codeProtocol, "PRIORITY_UPDATE of no request")
	}
	p := section.ParsePriority(string(f.payload[4:]))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = true
	if st := c.streams[id]; st != nil {
		st.importance = p
	} else if id > c.lastID {
		c.early.put(id, p)
	}
	return c.nuisanceLocked(fussFrame + len(f.payload)>>6)
}
