package quota

import (
	"sync/atomic"
	"time"
)

// clock is a clock that tests move by hand. Its readings never go back by
// themselves.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanos.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) Now() time.Time             { return time.Unix(0, c.nanos.Load()) }
func (c *clock) Advance(d time.Duration)    { c.nanos.Add(int64(d)) }
func (c *clock) tick(d time.Duration) int64 { return c.nanos.Add(int64(d)) }
