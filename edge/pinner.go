package edge

import (
	"fmt"
	"sync/atomic"

	"github.com/letteros/letteredge/cachekey"
)

// pinner writes pins behind the readers' backs. Its queue is bounded: what does
// not fit is not pinned.
type pinner struct {
	jobs chan pinJob // nil where nothing is pinned
	lost atomic.Uint64
}

// pinJob is a slot to save, or a purge to carry out.
type pinJob struct {
	text     string
	slot     *Slot
	position []byte
	purge    *cachekey.Selector
}

const maxPinJobs = 256

// pin saves a slot that was filled. It does not block.
func (c *Core) pin(text string, s *Slot, position []byte) {
	if c.pinner.jobs == nil || s.Vector == "" || !s.Rules.MayBeStale() || position == nil {
		return
	}
	select {
	case c.pinner.jobs <- pinJob{text: text, slot: s, position: position}:
	default:
		c.pinner.lost.Add(1)
	}
}

// Purged deletes the pins that a hard purge has hit. It does not block, and what
// it misses is found out when the pin is read: this only frees the room.
func (c *Core) Purged(sel cachekey.Selector) {
	if c.pinner.jobs == nil {
		return
	}
	select {
	case c.pinner.jobs <- pinJob{purge: &sel}:
	default:
	}
}

// LostPins counts the copies that were not pinned: the disk was slow, or full.
func (c *Core) LostPins() uint64 { return c.pinner.lost.Load() }

// SweepPins deletes the pins that keep does not want.
func (c *Core) SweepPins(keep func(text, vector string) bool) error {
	err := c.Pins.Sweep(func(text, vector string, _ []byte) bool { return !keep(text, vector) })
	if err != nil {
		return fmt.Errorf("sweep pins: %w", err)
	}
	return nil
}

// runPins is the pinner's goroutine. Trouble is logged where it begins and where
// it ends.
func (c *Core) runPins() {
	defer c.work.Done()
	failing := false
	for {
		var job pinJob
		select {
		case <-c.life.Done():
			return
		case job = <-c.pinner.jobs:
		}
		err := c.doPin(job)
		if err != nil {
			c.pinner.lost.Add(1)
		}
		if (err != nil) != failing {
			failing = err != nil
			if failing {
				c.Logger.Error("pins are not kept; a restart will have to ask the origin", "err", err)
			} else {
				c.Logger.Info("pins are kept again")
			}
		}
	}
}

func (c *Core) doPin(job pinJob) error {
	if job.purge == nil {
		return c.Pins.Save(job.text, job.slot.Vector, job.slot.Variant(), appendPin(nil, job.slot, job.position))
	}
	sels := []cachekey.Selector{*job.purge}
	// The log is asked between two sweeps: it may lie on the same disk as the pins.
	// What was fetched after the purge stays.
	type since struct {
		hard  []cachekey.Selector
		known bool
	}
	asked := map[string]since{} // by position
	each := func(drop func(position string, key cachekey.Key, tags []string) bool) error {
		return c.Pins.Sweep(func(text, _ string, data []byte) bool {
			key, err := cachekey.ParseText(text)
			if err != nil {
				return true // nobody can ask for it
			}
			s, position, err := decodePin(data)
			if err != nil {
				return true
			}
			tags := s.Tags()
			return selected(sels, key, tags) && drop(string(position), key, tags)
		})
	}
	err := each(func(position string, _ cachekey.Key, _ []string) bool {
		asked[position] = since{}
		return false
	})
	if err != nil {
		return err
	}
	for position := range asked {
		hard, _, known := c.Purges.Since([]byte(position))
		asked[position] = since{hard, known}
	}
	return each(func(position string, key cachekey.Key, tags []string) bool {
		log, ok := asked[position] // if not, it was saved a moment ago
		return ok && (!log.known || selected(log.hard, key, tags))
	})
}
