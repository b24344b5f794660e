package rollout

import (
	"errors"
	"strings"
	"sync"

	"github.com/letteros/letteredge/gossip"
)

// Reader reads Facts, and decodes each record once: a rollout's record changes
// with every step of every node, and all others with it would be decoded anew.
// Safe for concurrent use.
type Reader struct {
	records *gossip.Records

	mu        sync.Mutex // guards what follows
	read      bool
	at        uint64 // the count of changes that facts are of
	facts     Facts
	err       error
	index     decoded[Index]
	documents map[string]decoded[Document]
	rollouts  map[string]decoded[Rollout]
}

// decoded is a record as it was at an index.
type decoded[T any] struct {
	at    uint64
	value T
	err   error
}

// NewReader returns a Reader of records.
func NewReader(records *gossip.Records) *Reader { return &Reader{records: records} }

// Facts returns what ReadFacts does. What it returns is shared, and must not be
// changed.
func (r *Reader) Facts() (Facts, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	// The count first: what changes after it is read once more.
	if now := r.records.Changes(); !r.read || now != r.at {
		r.read, r.at = true, now
		r.facts, r.err = r.decode()
	}
	return r.facts, r.err
}

func (r *Reader) decode() (Facts, error) {
	var errs []error
	if rec, ok := r.records.Get(ArtifactsKey); !ok {
		r.index = decoded[Index]{}
	} else if r.index.at != rec.Index {
		ix, err := ReadIndex(rec)
		r.index = decoded[Index]{rec.Index, ix, err}
	}
	errs = append(errs, r.index.err)
	f := Facts{Index: r.index.value}
	var err error
	r.documents, f.Documents, err = decodeAll(r.records.List(DocumentKey), DocumentKey, r.documents, ReadDocument)
	errs = append(errs, err)
	r.rollouts, f.Rollouts, err = decodeAll(r.records.List(RolloutKey), RolloutKey, r.rollouts, ReadRollout)
	return f, errors.Join(append(errs, err)...)
}

// decodeAll decodes records, those that are in known in that form without doing
// so; values lacks those that cannot be read.
func decodeAll[T any](list []gossip.Record, prefix string, known map[string]decoded[T], read func(gossip.Record) (T, error)) (map[string]decoded[T], map[string]T, error) {
	next, values := make(map[string]decoded[T], len(list)), make(map[string]T, len(list))
	var errs []error
	for _, rec := range list {
		id := strings.TrimPrefix(rec.Key, prefix)
		d := known[id]
		if d.at != rec.Index {
			v, err := read(rec)
			d = decoded[T]{rec.Index, v, err}
		}
		next[id] = d
		if errs = append(errs, d.err); d.err == nil {
			values[id] = d.value
		}
	}
	return next, values, errors.Join(errs...)
}
