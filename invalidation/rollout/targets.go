package rollout

import (
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/letteros/letteredge/gossip"
)

// Targets keeps the Snapshot of one node up to its records. Safe for concurrent
// use.
type Targets struct {
	node    string
	records *gossip.Records
	reader  *Reader
	log     *slog.Logger

	now atomic.Pointer[Snapshot]

	mu      sync.Mutex
	index   uint64 // guarded by mu: everything up to it is in now
	changes uint64 // guarded by mu: the records' count of then
}

// NewTargets returns the targets of a node by its records, which it follows from
// now on. A nil log is none.
func NewTargets(node string, records *gossip.Records, log *slog.Logger) *Targets {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	t := &Targets{node: node, records: records, reader: NewReader(records), log: log}
	t.now.Store(&Snapshot{})
	records.Subscribe(func([]gossip.Record) { t.Follow() })
	t.Follow()
	return t
}

// Snapshot returns the targets of this moment. HOT.
func (t *Targets) Snapshot() *Snapshot { return t.now.Load() }

// Facts returns all records that concern documents, as they are. They are shared,
// and must not be changed.
func (t *Targets) Facts() (Facts, error) { return t.reader.Facts() }

// Follow takes in what has changed, and returns up to which index of the control
// log this node decides by the records. A node may say in a report that it has
// applied an index only after Follow has returned it.
func (t *Targets) Follow() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := !t.now.Load().known
	changes := t.records.Changes() // before what it counts is read
	if !first && changes == t.changes {
		return t.index
	}
	changed, complete := t.records.Since(t.index)
	t.changes = changes
	if complete == 0 || complete == t.index && len(changed) == 0 {
		return t.index
	}
	if first || slices.ContainsFunc(changed, func(r gossip.Record) bool { return Concerns(r.Key) }) {
		facts, err := t.reader.Facts()
		if err != nil {
			t.log.Error("records of documents not understood", "err", err)
		}
		t.now.Store(facts.Snapshot(t.node, ""))
	}
	t.index = complete
	return t.index
}
