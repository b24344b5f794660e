package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/gossip/spread"
	"github.com/letteros/letteredge/invalidation"
	"github.com/letteros/letteredge/invalidation/rollout"
	"github.com/letteros/letteredge/quota"
)

// feed is the control log's records as gossip/spread moves them.
type feed struct {
	records *gossip.Records
	quotas  *quota.Registry
	targets *rollout.Targets
	log     *slog.Logger
}

var _ spread.Feed = (*feed)(nil)

// told is what a voter tells: all that has changed after Since, up to Complete.
type told struct {
	Since    uint64          `json:"since"`
	Complete uint64          `json:"complete"`
	Records  []gossip.Record `json:"records"`
}

// Index is up to where this node decides by the records.
func (f *feed) Index() uint64 {
	index, err := f.quotas.Follow(f.records)
	if err != nil {
		f.log.Error("records of quotas not understood", "err", err)
	}
	return min(index, f.targets.Follow())
}

// Since takes whole changes, as long as they fit.
func (f *feed) Since(index uint64, limit int) ([]byte, uint64) {
	recs, complete := f.records.Since(index)
	size := 64
	for i, r := range recs {
		size += len(r.Value) + len(r.Key) + 64
		if size <= limit {
			continue
		}
		for i > 0 && recs[i-1].Index == r.Index {
			i-- // half a change is none
		}
		if i == 0 {
			break // one change that is too long by itself: transactions are bounded well below
		}
		recs, complete = recs[:i], recs[i-1].Index
		break
	}
	data, err := json.Marshal(told{index, complete, recs})
	if err != nil {
		f.log.Error("records not told", "err", err)
		return nil, index
	}
	return data, complete
}

func (f *feed) Merge(data []byte) error {
	var t told
	if err := json.Unmarshal(data, &t); err != nil {
		return fmt.Errorf("records: %w", err)
	}
	complete := t.Complete
	if t.Since > f.records.Index() {
		complete = 0 // there is a gap before it: this node asks for that
	}
	return f.records.Merge(t.Records, complete)
}

// applier carries out what other nodes' messages say.
type applier struct {
	purges *invalidation.Engine
	roster *roster
	quotas *quota.Registry
	clamp  func()
	log    *slog.Logger
}

var _ spread.Applier = (*applier)(nil)

func (a *applier) Deliver(dot gossip.Dot, payload []byte) error {
	_, err := a.purges.Deliver(dot, payload)
	if err != nil && !errors.Is(err, invalidation.ErrNotDurable) && !errors.Is(err, invalidation.ErrClosed) {
		err = fmt.Errorf("%w: %w", spread.ErrUnusable, err)
	}
	return err
}

func (a *applier) Observe(r spread.Report) {
	a.roster.observe(r)
	a.quotas.Acknowledge(r.From.Node, r.Index)
	details := make([]invalidation.Receipt, len(r.Details))
	for i, d := range r.Details {
		details[i] = invalidation.Receipt{Dot: d.Dot, AppliedAfterMS: d.AfterMS, Entries: d.Entries}
	}
	a.purges.Observe(invalidation.Report{Node: r.From.Node, Applied: r.Applied, Known: r.Known, Details: details, Signature: r.Signature})
}

func (a *applier) Clamp(reason string) {
	a.log.Warn("cache emptied", "reason", reason)
	a.clamp()
}
