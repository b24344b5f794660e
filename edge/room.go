package edge

import (
	"errors"
	"io"
	"sync/atomic"
)

// errRoom says that the memory of all fills together is used up.
var errRoom = errors.New("the fills under way have no memory left")

// room is the memory that all fills under way may hold together.
type room struct {
	limit  int64
	used   atomic.Int64
	denied atomic.Uint64 // fills that got no more
}

// lease is one fill's part of the room. It belongs to one goroutine.
type lease struct {
	room *room
	held int64
}

// grow reports whether n more bytes could be had, of all the room.
func (l *lease) grow(n int64) bool { return l.within(n, l.room.limit) }

// growUntold is grow for content whose length nobody told: what turns out to be too large
// to keep is held for as long as its slowest reader likes, so it may not use up the room.
// A quarter is for what has a bound, artifacts among it.
func (l *lease) growUntold(n int64) bool { return l.within(n, l.room.limit/4*3) }

// within reports whether n more bytes could be had while all fills hold so many at most.
func (l *lease) within(n, limit int64) bool {
	if l.room.used.Add(n) > limit {
		l.room.used.Add(-n)
		l.room.denied.Add(1)
		return false
	}
	l.held += n
	return true
}

// fit makes the lease one of n bytes, and reports whether that could be had. What is kept
// for slow readers may not take from fills what they need: no more than half the room.
func (l *lease) fit(n int64) bool {
	more := n - l.held
	if used := l.room.used.Add(more); more > 0 && used > l.room.limit/2 {
		l.room.used.Add(-more)
		return false
	}
	l.held = n
	return true
}

// shrink gives n bytes back.
func (l *lease) shrink(n int64) {
	l.held -= n
	l.room.used.Add(-n)
}

// end gives all back.
func (l *lease) end() { l.shrink(l.held) }

// metered reads what a lease has room for, and fails with errRoom beyond.
type metered struct {
	io.Reader
	lease *lease
}

func (m *metered) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	if n > 0 && !m.lease.grow(int64(n)) {
		return 0, errRoom
	}
	return n, err
}

// FillFigures are what the fills under way cost.
type FillFigures struct {
	UnderWay int    // at most Config.MaxFills
	Bytes    int64  // of content, at most Config.FillMemory
	Denied   uint64 // how often one got no more memory, since the start
	Ahead    uint64 // refreshes of hot keys ahead of their end, since the start
	Apart    uint64 // slow readers that went on by a fetch of their own, since the start
}

// Fills returns what the fills under way cost at this moment.
func (c *Core) Fills() FillFigures {
	return FillFigures{UnderWay: len(c.fills), Bytes: c.room.used.Load(), Denied: c.room.denied.Load(), Ahead: c.aheads.Load(), Apart: c.apart.Load()}
}
