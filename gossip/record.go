package gossip

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Record is one entry of the control log's state: the value that the change at
// Index gave to a key. A deleted one has no value, and is kept, so that nobody
// takes an older value for the newest.
type Record struct {
	Key     string          `json:"key"`
	Index   uint64          `json:"index"`
	Value   json.RawMessage `json:"value,omitempty"`
	Deleted bool            `json:"deleted,omitempty"`
}

// Guard is a condition of a transaction: that the last change of Key was at
// Index; 0 means that there is no such record, or that it is deleted.
type Guard struct {
	Key   string `json:"key"`
	Index uint64 `json:"index"`
}

// Put is a change of a transaction.
type Put struct {
	Key    string          `json:"key"`
	Value  json.RawMessage `json:"value,omitempty"`
	Delete bool            `json:"delete,omitempty"`
}

// Txn changes records if all guards hold, all of them or none.
type Txn struct {
	Guards []Guard `json:"guards,omitempty"`
	Puts   []Put   `json:"puts"`
}

// Outcome is what became of a transaction. Conflicts are the records of the
// guards that did not hold, as they are.
type Outcome struct {
	Applied   bool     `json:"applied"`
	Index     uint64   `json:"index"`
	Conflicts []Record `json:"conflicts,omitempty"`
}

// Limits of records and transactions.
const (
	MaxKey    = 256     // bytes
	MaxValue  = 1 << 20 // bytes
	MaxTxn    = 4 << 20 // bytes of all values
	MaxPuts   = 2000    // and as many guards
	MaxRecord = 100_000 // records, deleted ones included
)

// ErrTxn says that a transaction is none.
var ErrTxn = errors.New("not a transaction")

// Validate checks the form of t.
func (t Txn) Validate() error {
	if len(t.Puts) > MaxPuts || len(t.Guards) > MaxPuts {
		return fmt.Errorf("%w: it has %d puts and %d guards, at most %d of each are allowed", ErrTxn, len(t.Puts), len(t.Guards), MaxPuts)
	}
	for _, g := range t.Guards {
		if !validKey(g.Key) {
			return fmt.Errorf("%w: guard of the key %.64q", ErrTxn, g.Key)
		}
	}
	sum := 0
	seen := make(map[string]bool, len(t.Puts))
	for _, p := range t.Puts {
		switch {
		case !validKey(p.Key) || seen[p.Key]:
			return fmt.Errorf("%w: put of the key %.64q", ErrTxn, p.Key)
		case p.Delete != (len(p.Value) == 0):
			return fmt.Errorf("%w: put of %s: it must have a value or delete", ErrTxn, p.Key)
		case len(p.Value) > MaxValue:
			return fmt.Errorf("%w: put of %s: the value has %d bytes, at most %d are allowed", ErrTxn, p.Key, len(p.Value), MaxValue)
		case !p.Delete && !json.Valid(p.Value):
			return fmt.Errorf("%w: put of %s: the value must be JSON", ErrTxn, p.Key)
		}
		seen[p.Key] = true
		sum += len(p.Value)
	}
	if sum > MaxTxn {
		return fmt.Errorf("%w: its values have %d bytes, at most %d are allowed", ErrTxn, sum, MaxTxn)
	}
	return nil
}

// validKey reports whether k can be a record's key: printable ASCII without
// spaces.
func validKey(k string) bool {
	return k != "" && len(k) <= MaxKey && !strings.ContainsFunc(k, func(r rune) bool { return r <= ' ' || r > '~' })
}

// valid reports whether r can be a record.
func (r Record) valid() bool {
	return validKey(r.Key) && r.Index > 0 && r.Deleted == (len(r.Value) == 0) && len(r.Value) <= MaxValue &&
		(r.Deleted || json.Valid(r.Value))
}

func (r Record) equal(o Record) bool {
	return r.Key == o.Key && r.Index == o.Index && r.Deleted == o.Deleted && bytes.Equal(r.Value, o.Value)
}
