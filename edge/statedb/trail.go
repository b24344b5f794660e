package statedb

import (
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// trail is a bucket as a log: values by growing numbers without gaps, from 1,
// bounded in number and bytes.
type trail struct {
	bucket string
	keep   int
	bytes  int64
	// dropped, if set, is told of every value that leaves to make room.
	dropped func(tx *bolt.Tx, value []byte) error
}

// append adds the value that make returns for its number, and drops the oldest
// until the bounds hold; the new one stays.
func (t *trail) append(tx *bolt.Tx, make func(seq uint64) ([]byte, error)) (uint64, error) {
	b := tx.Bucket([]byte(t.bucket))
	seq, err := b.NextSequence()
	if err != nil {
		return 0, err
	}
	value, err := make(seq)
	if err != nil {
		return 0, err
	}
	if err := b.Put(bigEndian(seq), value); err != nil {
		return 0, err
	}
	return seq, t.trim(tx, seq, int64(len(value)))
}

// replace puts a new value under a number that is kept.
func (t *trail) replace(tx *bolt.Tx, seq uint64, value []byte) error {
	b := tx.Bucket([]byte(t.bucket))
	old := len(b.Get(bigEndian(seq)))
	if err := b.Put(bigEndian(seq), value); err != nil {
		return err
	}
	return t.trim(tx, seq, int64(len(value)-old))
}

// trim counts grown bytes and drops the oldest values but that of last.
func (t *trail) trim(tx *bolt.Tx, last uint64, grown int64) error {
	b, meta := tx.Bucket([]byte(t.bucket)), tx.Bucket([]byte(metaBucket))
	sumKey := []byte(t.bucket + "-bytes")
	sum := int64(number(meta.Get(sumKey))) + grown
	for k, v := b.Cursor().First(); k != nil; k, v = b.Cursor().First() {
		seq := number(k)
		if seq >= last || b.Sequence()-seq < uint64(t.keep) && sum <= t.bytes {
			break
		}
		sum -= int64(len(v))
		if t.dropped != nil {
			if err := t.dropped(tx, v); err != nil {
				return err
			}
		}
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	return meta.Put(sumKey, bigEndian(uint64(max(sum, 0))))
}

// get returns the value of a number, nil if it is not kept.
func (t *trail) get(tx *bolt.Tx, seq uint64) []byte {
	return tx.Bucket([]byte(t.bucket)).Get(bigEndian(seq))
}

// oldestFirst yields all values; they are valid within the transaction only.
func (t *trail) oldestFirst(tx *bolt.Tx, yield func(seq uint64, value []byte) error) error {
	return tx.Bucket([]byte(t.bucket)).ForEach(func(k, v []byte) error {
		if len(k) != 8 {
			return fmt.Errorf("%w (%s holds a key of %d bytes)", ErrDamaged, t.bucket, len(k))
		}
		return yield(number(k), v)
	})
}

// newestFirst yields up to limit values with numbers below before; 0 means from
// the newest.
func (t *trail) newestFirst(tx *bolt.Tx, before uint64, limit int, yield func(seq uint64, value []byte) error) error {
	c := tx.Bucket([]byte(t.bucket)).Cursor()
	k, v := c.Last()
	if before > 0 {
		if at, _ := c.Seek(bigEndian(before)); at != nil {
			k, v = c.Prev()
		} else {
			k, v = c.Last()
		}
	}
	for ; k != nil && limit > 0; k, v = c.Prev() {
		if err := yield(number(k), v); err != nil {
			return err
		}
		limit--
	}
	return nil
}
