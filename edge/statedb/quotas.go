package statedb

import (
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/letteros/letteredge/quota"
)

// Quotas keeps quota definitions.
type Quotas struct{ db *DB }

var _ quota.Store = (*Quotas)(nil)

// Quotas returns the store of quota definitions.
func (db *DB) Quotas() *Quotas { return &Quotas{db} }

// Load returns all definitions in the order of their segments.
func (q *Quotas) Load() ([]quota.Versioned, error) {
	var all []quota.Versioned
	err := q.db.view(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(quotaBucket)).ForEach(func(segment, value []byte) error {
			v, err := decodeQuota(value)
			if err == nil && v.Quota.Segment != string(segment) {
				err = fmt.Errorf("it is of segment %.80q", v.Quota.Segment)
			}
			if err != nil {
				return fmt.Errorf("quota %.80q in %s: %w (%w)", segment, q.db.path, ErrDamaged, err)
			}
			all = append(all, v)
			return nil
		})
	})
	return all, err
}

// Put adds or replaces the definition of a segment.
func (q *Quotas) Put(v quota.Versioned) error {
	value, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("store quota %s: %w", v.Quota.Segment, err)
	}
	err = q.db.writer.do(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(quotaBucket)).Put([]byte(v.Quota.Segment), value)
	})
	if err != nil {
		return fmt.Errorf("store quota %s: %w", v.Quota.Segment, err)
	}
	return nil
}

// Delete removes the definition of a segment, if there is one.
func (q *Quotas) Delete(segment string) error {
	err := q.db.writer.do(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(quotaBucket)).Delete([]byte(segment))
	})
	if err != nil {
		return fmt.Errorf("delete quota %s: %w", segment, err)
	}
	return nil
}

func decodeQuota(value []byte) (v quota.Versioned, err error) {
	if err = json.Unmarshal(value, &v); err == nil {
		err = v.Quota.Validate()
	}
	return v, err
}
