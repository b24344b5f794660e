package load

import (
	"context"
	"time"
)

// timerAlarm waits on the runtime's timers. On Linux they may ring up to 1 ms
// late while the process is idle, as the poller waits in whole milliseconds;
// newAlarm prefers one that does not.
type timerAlarm struct{}

// until waits until t, or returns the context's error.
func (timerAlarm) until(ctx context.Context, t time.Time) error {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (timerAlarm) close() {}

// alarm is a wait that one goroutine at a time may use.
type alarm interface {
	until(ctx context.Context, t time.Time) error
	close()
}
