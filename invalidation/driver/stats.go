package driver

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/letteros/letteredge/invalidation/rollout"
)

// counters count what a driver has done.
type counters struct {
	transitions [8]atomic.Uint64 // by state, in the order of states
	failed      atomic.Uint64
	retried     atomic.Uint64
}

// Stats is what a driver has done since its start.
type Stats struct {
	// Transitions counts how often a rollout came into a state.
	Transitions map[rollout.State]uint64
	Failed      uint64 // jobs whose check failed
	Retried     uint64 // jobs and writes that had to be tried again
}

func states() []rollout.State {
	return []rollout.State{
		rollout.Waiting, rollout.Running, rollout.Paused, rollout.Done,
		rollout.Halted, rollout.Undone, rollout.Aborted, rollout.Superseded,
	}
}

// Stats returns the counters.
func (d *Driver) Stats() Stats {
	s := Stats{Transitions: map[rollout.State]uint64{}, Failed: d.stats.failed.Load(), Retried: d.stats.retried.Load()}
	for i, state := range states() {
		s.Transitions[state] = d.stats.transitions[i].Load()
	}
	return s
}

// told logs and counts what a write has changed.
func (d *Driver) told(before, after rollout.Rollout) {
	if before.State != after.State {
		for i, state := range states() {
			if state == after.State {
				d.stats.transitions[i].Add(1)
			}
		}
		level := slog.LevelInfo
		if after.State == rollout.Halted || after.State == rollout.Undone && before.State != rollout.Halted {
			level = slog.LevelWarn
		}
		d.Log.Log(context.Background(), level, "rollout", "rollout", after.ID, "state", after.State, "stage", after.Stage, "reason", after.Reason)
	} else if before.Reason != after.Reason {
		d.Log.Info("rollout", "rollout", after.ID, "state", after.State, "reason", after.Reason)
	}
	for i, s := range after.Stages {
		if i >= len(before.Stages) || before.Stages[i].State != s.State {
			d.Log.Info("rollout stage", "rollout", after.ID, "stage", s.Stage, "state", s.State)
		}
	}
}
