package load

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// fdAlarm waits on a timerfd through the poller: 0.05 ms late where the
// runtime's timers are 0.9 ms late (DESIGN.md), and no thread is held.
type fdAlarm struct {
	fd   int
	file *os.File
}

func newAlarm() alarm {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return timerAlarm{} // coarser, and SendLag says so
	}
	return &fdAlarm{fd: fd, file: os.NewFile(uintptr(fd), "timerfd")}
}

func (a *fdAlarm) until(ctx context.Context, t time.Time) error {
	wait := time.Until(t)
	if wait <= 0 {
		return ctx.Err()
	}
	if err := unix.TimerfdSettime(a.fd, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(int64(wait))}, nil); err != nil {
		return timerAlarm{}.until(ctx, t)
	}
	stop := context.AfterFunc(ctx, func() { _ = a.file.SetReadDeadline(aLongTimeAgo()) })
	defer stop()
	var expirations [8]byte
	if _, err := a.file.Read(expirations[:]); err != nil {
		if cerr := ctx.Err(); cerr != nil {
			return cerr
		}
		return timerAlarm{}.until(ctx, t)
	}
	return ctx.Err()
}

func (a *fdAlarm) close() { _ = a.file.Close() } // holds no data
