package statedb

import (
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/letteros/letteredge/gossip/control"
)

// ControlLog keeps a voter's part of the control log.
type ControlLog struct{ db *DB }

var (
	_ control.Log    = (*ControlLog)(nil)
	_ control.Stable = (*ControlStable)(nil)
)

// ControlLog returns the entries of the control log.
func (db *DB) ControlLog() *ControlLog { return &ControlLog{db} }

// First returns the lowest index, 0 if there is none.
func (l *ControlLog) First() (uint64, error) { return l.end((*bolt.Cursor).First) }

// Last returns the highest index, 0 if there is none.
func (l *ControlLog) Last() (uint64, error) { return l.end((*bolt.Cursor).Last) }

func (l *ControlLog) end(of func(*bolt.Cursor) ([]byte, []byte)) (index uint64, err error) {
	err = l.db.view(func(tx *bolt.Tx) error {
		key, _ := of(tx.Bucket([]byte(controlBucket)).Cursor())
		index = number(key)
		return nil
	})
	return index, err
}

// Get returns an entry, nil if it is not there.
func (l *ControlLog) Get(index uint64) (data []byte, err error) {
	err = l.db.view(func(tx *bolt.Tx) error {
		data = slices.Clone(tx.Bucket([]byte(controlBucket)).Get(bigEndian(index)))
		return nil
	})
	return data, err
}

// Append adds entries in one transaction.
func (l *ControlLog) Append(entries []control.Entry) error {
	err := l.db.writer.do(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(controlBucket))
		for _, e := range entries {
			if err := b.Put(bigEndian(e.Index), e.Data); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("append to the control log: %w", err)
	}
	return nil
}

// Delete removes the entries from low to high, both included.
func (l *ControlLog) Delete(low, high uint64) error {
	err := l.db.writer.do(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(controlBucket))
		// Deleting while a cursor walks makes it skip: the keys are collected first.
		var keys [][]byte
		c := b.Cursor()
		for k, _ := c.Seek(bigEndian(low)); k != nil && number(k) <= high; k, _ = c.Next() {
			keys = append(keys, slices.Clone(k))
		}
		for _, k := range keys {
			if err := b.Delete(k); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("cut the control log: %w", err)
	}
	return nil
}

// ControlStable keeps the few values of a voter: its vote, its term.
type ControlStable struct{ db *DB }

// ControlStable returns them.
func (db *DB) ControlStable() *ControlStable { return &ControlStable{db} }

// Set makes a value durable.
func (s *ControlStable) Set(key string, value []byte) error {
	err := s.db.writer.do(func(tx *bolt.Tx) error { return tx.Bucket([]byte(stableBucket)).Put([]byte(key), value) })
	if err != nil {
		return fmt.Errorf("keep %s of the control log: %w", key, err)
	}
	return nil
}

// Get returns nil if the key was never set.
func (s *ControlStable) Get(key string) (value []byte, err error) {
	err = s.db.view(func(tx *bolt.Tx) error {
		value = slices.Clone(tx.Bucket([]byte(stableBucket)).Get([]byte(key)))
		return nil
	})
	return value, err
}
