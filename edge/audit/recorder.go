package audit

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// strangersPerMinute is how many refusals of unknown principals are kept in a
// minute. Anybody who reaches the listener can cause them, each costs an fsync.
const strangersPerMinute = 60

// Recorder writes entries to a Log. Its methods may be called from any number of
// goroutines.
type Recorder struct {
	log Log
	now func() time.Time

	mu      sync.Mutex // guards what follows
	minute  time.Time  // when the current minute of strangers began
	kept    int        // of their entries in it
	skipped int        // since the last one that was kept
}

// NewRecorder returns a recorder that writes to log and reads the time from now.
func NewRecorder(log Log, now func() time.Time) *Recorder {
	return &Recorder{log: log, now: now}
}

// Record stamps e with the time, cuts what is too long, and appends it. It
// returns after the entry is on stable storage, or was one stranger's too many.
func (r *Recorder) Record(e Entry) error {
	e.At = r.now().UTC()
	if e.Principal == "" {
		skipped, keep := r.stranger(e.At)
		if !keep {
			return nil
		}
		if skipped > 0 {
			e.Detail = fmt.Sprintf("%s (and %d more like it before)", e.Detail, skipped)
		}
	}
	e.Action, e.Target, e.Detail = cut(e.Action, maxAction), cut(e.Target, maxTarget), cut(e.Detail, maxDetail)
	if _, err := r.log.Append(e); err != nil {
		return fmt.Errorf("audit %s: %w", e.Action, err)
	}
	return nil
}

// List returns up to limit entries with numbers below before, the newest first;
// before 0 means from the newest.
func (r *Recorder) List(before uint64, limit int) ([]Entry, error) {
	entries, err := r.log.List(before, limit)
	if err != nil {
		return nil, fmt.Errorf("list audit entries: %w", err)
	}
	return entries, nil
}

// stranger decides whether an entry of somebody unknown is kept, and how many
// were not since the last that was.
func (r *Recorder) stranger(at time.Time) (skipped int, keep bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at.Sub(r.minute) >= time.Minute || at.Before(r.minute) {
		r.minute, r.kept = at, 0
	}
	if r.kept == strangersPerMinute {
		r.skipped++
		return 0, false
	}
	r.kept++
	skipped, r.skipped = r.skipped, 0
	return skipped, true
}

// cut shortens s to at most n bytes, and what is not UTF-8 to what is.
func cut(s string, n int) string {
	if len(s) > n {
		s = s[:n-len("…")] + "…"
	}
	return strings.ToValidUTF8(s, "")
}
