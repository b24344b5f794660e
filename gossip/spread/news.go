package spread

import (
	"errors"
	"log/slog"
	"time"

	"github.com/letteros/letteredge/gossip"
)

// tellEvery is how often dropped statements are told of, however many come:
// whoever sends them must not be able to fill the log.
const tellEvery = 10 * time.Second

// told is what the log has been told.
type told struct {
	ready, isolated bool
	dropped         int       // statements since the last line about them
	next            time.Time // no such line before
}

// standing notes how the node stands, and returns what is new of it, to be
// logged without the lock; nil if nothing is. The caller holds mu.
func (r *Replica) standing(now time.Time) func(*slog.Logger) {
	was := r.told
	r.told.ready, r.told.isolated = r.mark.ready.Load(), r.mark.isolated(now)
	switch {
	case !r.told.ready:
	case !was.ready:
		return func(log *slog.Logger) { log.Info("ready: the node has all that a majority of the voters names") }
	case r.told.isolated && !was.isolated:
		return func(log *slog.Logger) {
			log.Warn("isolated: no majority of the voters has confirmed of late that the node has everything", "after", IsolatedAfter)
		}
	case !r.told.isolated && was.isolated:
		return func(log *slog.Logger) { log.Info("isolated no more") }
	}
	return nil
}

// refuse drops a statement that nobody may make: counted, and told now and then.
func (r *Replica) refuse(e *gossip.Envelope, err error) {
	r.mu.Lock()
	if errors.Is(err, gossip.ErrForeign) {
		r.stats.Foreign++
	} else {
		r.stats.Forged++
	}
	r.told.dropped++
	count, now := r.told.dropped, r.cfg.Now()
	quiet := now.Before(r.told.next)
	if !quiet {
		r.told.dropped, r.told.next = 0, now.Add(tellEvery)
	}
	r.mu.Unlock()
	if !quiet {
		r.cfg.Log.Warn("statement dropped", "claimed", e.From.Node, "count", count, "err", err)
	}
}
