package quota

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/letteros/letteredge/gossip"
)

// Ledger changes records of the control log: gossip/control's client.
type Ledger interface {
	// Update has compute called, perhaps more than once, with the current records
	// of keys, and carries out the transaction that it returns if they still are
	// what they were; an empty one changes nothing. An error of compute comes back
	// as it is. Where there is no quorum to decide, the error is ErrNoQuorum.
	Update(ctx context.Context, keys []string, compute func(map[string]gossip.Record) (gossip.Txn, error)) (gossip.Outcome, error)
}

// The keys of records that concern quotas.
const (
	// QuotaKey begins the key of a definition; the segment follows. The value is
	// its JSON.
	QuotaKey = "quota/"
	// NodeKey begins the key of an enrolment; the node's id follows. Of its JSON
	// object this package reads region, incarnation in 16 hexadecimal digits, and left.
	NodeKey = "node/"
	// ShareKey begins the key of the note that a node has been let in to share
	// quotas; its id follows.
	ShareKey = "share/"
)

// definition reads a record quota/<segment>. Fields that are not known are
// skipped: a later release may have written it.
func definition(rec gossip.Record) (Versioned, error) {
	var w Form
	if err := json.Unmarshal(rec.Value, &w); err != nil {
		return Versioned{}, fmt.Errorf("record %s: %w", rec.Key, err)
	}
	q := Quota{Segment: w.Segment, RPS: w.RPS, Burst: w.Burst, Priority: w.Priority}
	var errs [4]error
	q.Scope, errs[0] = parseChoice[Scope]("scope", scopes(), w.Scope)
	q.Overflow, errs[1] = parseChoice[Overflow]("overflow", overflows(), w.Overflow)
	q.Mode, errs[2] = parseChoice[Mode]("mode", modes(), w.Mode)
	q.Partition, errs[3] = parseChoice[Partition]("partition", partitions(), w.Partition)
	err := errors.Join(errs[:]...)
	if err == nil {
		err = q.Validate()
	}
	if err == nil && q.Segment != strings.TrimPrefix(rec.Key, QuotaKey) {
		err = ErrInvalid{"segment", "must be that of the key"}
	}
	if err != nil {
		return Versioned{}, fmt.Errorf("record %s: %w", rec.Key, err)
	}
	return Versioned{Quota: q, Revision: rec.Index}, nil
}

// enrolment reads a record node/<id>. One that cannot be read is still a node
// that shares, in whatever region.
func enrolment(rec gossip.Record) (holder, error) {
	var raw struct {
		Region      string `json:"region"`
		Incarnation string `json:"incarnation"`
		Left        bool   `json:"left"`
	}
	h := holder{index: rec.Index}
	if err := json.Unmarshal(rec.Value, &raw); err != nil {
		return h, fmt.Errorf("record %s: %w", rec.Key, err)
	}
	incarnation, err := strconv.ParseUint(raw.Incarnation, 16, 64)
	if err != nil {
		return h, fmt.Errorf("record %s: incarnation: must be 16 hexadecimal digits", rec.Key)
	}
	h.region, h.incarnation, h.left = raw.Region, incarnation, raw.Left
	return h, nil
}
