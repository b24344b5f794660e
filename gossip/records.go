package gossip

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Records is what the control log has made of all records, on one node. Voters
// Apply the log to it; other nodes Merge what voters tell them. The highest
// index wins, so that it does not matter in which order and how often records
// come. Safe for concurrent use.
type Records struct {
	// change is held over a whole change, its hooks included, so that hooks hear
	// of changes one after another, in their order.
	change sync.Mutex
	hooks  []func([]Record) // guarded by change

	mu       sync.RWMutex
	byKey    map[string]Record // guarded by mu
	complete uint64            // guarded by mu
	newest   uint64            // guarded by mu: the highest index of byKey

	changes atomic.Uint64
}

// NewRecords returns an empty set.
func NewRecords() *Records { return &Records{byKey: map[string]Record{}} }

// Changes counts what has been done to the records: who has read them at a count
// need not read them again while it is the same.
func (s *Records) Changes() uint64 { return s.changes.Load() }

// Subscribe has hook called with the records of every change from now on, after
// they can be read, in order. Changes wait for it: it must be quick, and must not
// change the Records.
func (s *Records) Subscribe(hook func(changed []Record)) {
	s.change.Lock()
	defer s.change.Unlock()
	s.hooks = append(s.hooks, hook)
}

// Apply carries out a transaction of the log. A transaction whose guards do not
// hold, or that is none, changes nothing but the index.
func (s *Records) Apply(index uint64, t Txn) Outcome {
	s.change.Lock()
	defer s.change.Unlock()
	out := Outcome{Index: index}
	var changed []Record
	s.mu.Lock()
	if index > s.complete { // a log that is replayed is not applied twice
		out.Conflicts = s.conflicts(t.Guards)
		out.Applied = len(out.Conflicts) == 0 && t.Validate() == nil && s.fits(t)
		if out.Applied {
			for _, p := range t.Puts {
				r := Record{Key: p.Key, Index: index, Value: p.Value, Deleted: p.Delete}
				s.byKey[p.Key] = r
				changed = append(changed, r)
			}
			s.newest = max(s.newest, index)
		}
		s.complete = index
		s.changes.Add(1)
	}
	s.mu.Unlock()
	s.tell(changed)
	return out
}

// Advance notes that everything up to index has been applied, where an entry of
// the log was no transaction.
func (s *Records) Advance(index uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if index > s.complete {
		s.complete = index
		s.changes.Add(1)
	}
}

func (s *Records) fits(t Txn) bool {
	more := 0
	for _, p := range t.Puts {
		if _, there := s.byKey[p.Key]; !there {
			more++
		}
	}
	return len(s.byKey)+more <= MaxRecord
}

func (s *Records) conflicts(guards []Guard) (list []Record) {
	for _, g := range guards {
		r := s.byKey[g.Key]
		now := r.Index
		if r.Deleted {
			now = 0
		}
		if now != g.Index {
			r.Key = g.Key
			list = append(list, r)
		}
	}
	return list
}

func (s *Records) tell(changed []Record) {
	if len(changed) == 0 {
		return
	}
	for _, hook := range s.hooks {
		hook(changed)
	}
}

// Merge takes over what is newer among recs, and notes that together with what is
// here it is everything up to complete. Records that are none are refused, all of
// them.
func (s *Records) Merge(recs []Record, complete uint64) error {
	s.change.Lock()
	defer s.change.Unlock()
	for _, r := range recs {
		// What is here already was checked when it came: most of what voters tell is.
		if !r.equal(s.get(r.Key)) && !r.valid() {
			return fmt.Errorf("merge records: %.64q at %d is none", r.Key, r.Index)
		}
	}
	var changed []Record
	s.mu.Lock()
	for _, r := range recs {
		old, there := s.byKey[r.Key]
		if !there && len(s.byKey) >= MaxRecord {
			s.changes.Add(1)
			s.mu.Unlock()
			s.tell(changed)
			return errors.New("merge records: there are too many")
		}
		if r.Index > old.Index {
			s.byKey[r.Key] = r
			s.newest = max(s.newest, r.Index)
			changed = append(changed, r)
		}
	}
	if len(changed) > 0 || complete > s.complete {
		s.changes.Add(1)
	}
	s.complete = max(s.complete, complete)
	s.mu.Unlock()
	s.tell(changed)
	return nil
}

func (s *Records) get(key string) Record {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byKey[key]
}

// Index returns up to which index of the log everything is here.
func (s *Records) Index() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.complete
}

// Get returns the record of a key, false if there is none or it is deleted.
func (s *Records) Get(key string) (Record, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, ok := s.byKey[key]
	return r, ok && !r.Deleted
}

// List returns the records whose keys begin with prefix, in the order of the
// keys, without the deleted ones.
func (s *Records) List(prefix string) []Record {
	list := s.list(func(r Record) bool { return !r.Deleted && strings.HasPrefix(r.Key, prefix) })
	slices.SortFunc(list, func(a, b Record) int { return cmp.Compare(a.Key, b.Key) })
	return list
}

// Since returns the records that have changed after index, deleted ones
// included, the oldest first, and up to where they are complete.
func (s *Records) Since(index uint64) ([]Record, uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if index >= s.newest {
		return nil, s.complete
	}
	list := s.listLocked(func(r Record) bool { return r.Index > index })
	slices.SortFunc(list, func(a, b Record) int { return cmp.Or(cmp.Compare(a.Index, b.Index), cmp.Compare(a.Key, b.Key)) })
	return list, s.complete
}

func (s *Records) list(keep func(Record) bool) []Record {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.listLocked(keep)
}

func (s *Records) listLocked(keep func(Record) bool) []Record {
	var list []Record
	for _, r := range s.byKey {
		if keep(r) {
			list = append(list, r)
		}
	}
	return list
}

// snapshot is the stored form of Records.
type snapshot struct {
	Complete uint64   `json:"complete"`
	Records  []Record `json:"records"`
}

// Snapshot returns everything, to be put back by Restore.
func (s *Records) Snapshot() ([]byte, error) {
	list, complete := s.Since(0)
	return json.Marshal(snapshot{complete, list})
}

// Restore puts a snapshot in the place of everything. What it changes is told to
// the hooks; what it no longer has, as deleted. A snapshot that is older than
// what is here changes nothing: a node that has kept its records is ahead of the
// log's snapshot when it starts.
func (s *Records) Restore(data []byte) error {
	var read snapshot
	if err := json.Unmarshal(data, &read); err != nil {
		return fmt.Errorf("restore records: %w", err)
	}
	next := make(map[string]Record, len(read.Records))
	for _, r := range read.Records {
		if !r.valid() || r.Index > read.Complete {
			return fmt.Errorf("restore records: %.64q at %d is none", r.Key, r.Index)
		}
		next[r.Key] = r
	}
	s.change.Lock()
	defer s.change.Unlock()
	s.mu.Lock()
	if read.Complete < s.complete {
		s.mu.Unlock()
		return nil
	}
	var changed []Record
	for key, old := range s.byKey {
		if _, kept := next[key]; !kept && !old.Deleted {
			changed = append(changed, Record{Key: key, Index: read.Complete, Deleted: true})
		}
	}
	for key, r := range next {
		if s.byKey[key].Index != r.Index {
			changed = append(changed, r)
		}
	}
	s.byKey, s.complete, s.newest = next, read.Complete, 0
	for _, r := range next {
		s.newest = max(s.newest, r.Index)
	}
	s.changes.Add(1)
	s.mu.Unlock()
	s.tell(changed)
	return nil
}
