package statedb

import (
	"encoding/json"
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/letteros/letteredge/gossip"
)

// Records keeps the control log's records as this node knows them, so that it
// starts with them.
type Records struct{ db *DB }

// Records returns the store of records.
func (db *DB) Records() *Records { return &Records{db} }

// completeKey is no record's key: those have no spaces.
const completeKey = "complete up to"

// Put keeps changed records, and up to which index they are complete.
func (r *Records) Put(changed []gossip.Record, complete uint64) error {
	values := make([][]byte, len(changed))
	for i, rec := range changed {
		var err error
		if values[i], err = json.Marshal(rec); err != nil {
			return fmt.Errorf("keep record %s: %w", rec.Key, err)
		}
	}
	err := r.db.writer.do(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(recordBucket))
		for i, rec := range changed {
			if err := b.Put([]byte(rec.Key), values[i]); err != nil {
				return err
			}
		}
		return b.Put([]byte(completeKey), bigEndian(complete))
	})
	if err != nil {
		return fmt.Errorf("keep %d records: %w", len(changed), err)
	}
	return nil
}

// Load returns what is kept.
func (r *Records) Load() (all []gossip.Record, complete uint64, err error) {
	err = r.db.view(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(recordBucket)).ForEach(func(key, value []byte) error {
			if string(key) == completeKey {
				complete = number(value)
				return nil
			}
			var rec gossip.Record
			if err := json.Unmarshal(slices.Clone(value), &rec); err != nil || rec.Key != string(key) {
				return fmt.Errorf("record %.80q in %s: %w", key, r.db.path, ErrDamaged)
			}
			all = append(all, rec)
			return nil
		})
	})
	return all, complete, err
}
