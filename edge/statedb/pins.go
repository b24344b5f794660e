package statedb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	bolt "go.etcd.io/bbolt"

	"github.com/letteros/letteredge/edge"
)

// ErrPinsFull means that a pin was not kept because the others take all the room
// there is.
var ErrPinsFull = errors.New("there is no room for further pins")

// Pins keeps copies of managed artifacts.
type Pins struct{ db *DB }

var _ edge.Pins = (*Pins)(nil)

// Pins returns the store of pins.
func (db *DB) Pins() *Pins { return &Pins{db} }

// Usage returns how many pins are kept, and their bytes. It asks no disk.
func (p *Pins) Usage() (count, bytes int64) {
	return p.db.pinned.count.Load(), p.db.pinned.bytes.Load()
}

// pinned is what Usage tells.
type pinned struct{ count, bytes atomic.Int64 }

// pinUsage is by how much a change changes it.
type pinUsage struct{ count, bytes int64 }

func (p *pinned) add(u pinUsage) {
	p.count.Add(u.count)
	p.bytes.Add(u.bytes)
}

// measure counts the pins that a file has when it is opened.
func (p *pinned) measure(tx *bolt.Tx) error {
	return tx.Bucket([]byte(pinBucket)).ForEach(func(_, v []byte) error {
		p.add(pinUsage{1, int64(len(v))})
		return nil
	})
}

// pinKey puts three names into one key, so that those of one text and vector are
// next to each other. Lengths come first: no two triples give the same.
func pinKey(names ...string) []byte {
	var key []byte
	for _, n := range names {
		key = binary.BigEndian.AppendUint32(key, uint32(len(n)))
		key = append(key, n...)
	}
	return key
}

// cutName takes the first name off a key.
func cutName(key []byte) (name, rest []byte, ok bool) {
	if len(key) < 4 {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint32(key))
	if n > len(key)-4 {
		return nil, nil, false
	}
	return key[4 : 4+n], key[4+n:], true
}

// Load returns what was saved under a text and a vector.
func (p *Pins) Load(text, vector string) (list [][]byte, err error) {
	prefix := pinKey(text, vector)
	err = p.db.view(func(tx *bolt.Tx) error {
		c := tx.Bucket([]byte(pinBucket)).Cursor()
		for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = c.Next() {
			list = append(list, slices.Clone(v))
		}
		return nil
	})
	return list, err
}

// Save keeps data under three names. It returns ErrPinsFull where there is no
// room, and then nothing has changed.
func (p *Pins) Save(text, vector, variant string, data []byte) error {
	key := pinKey(text, vector, variant)
	var u pinUsage
	err := p.db.writer.do(func(tx *bolt.Tx) error {
		b, meta := tx.Bucket([]byte(pinBucket)), tx.Bucket([]byte(metaBucket))
		old := b.Get(key)
		sum := int64(number(meta.Get([]byte(pinBytesKey)))) + int64(len(data)) - int64(len(old))
		if sum > p.db.opts.KeepPins {
			return ErrPinsFull
		}
		u = pinUsage{bytes: int64(len(data)) - int64(len(old))}
		if old == nil {
			u.count = 1
		}
		if err := b.Put(key, data); err != nil {
			return err
		}
		return meta.Put([]byte(pinBytesKey), bigEndian(uint64(max(sum, 0))))
	})
	if err != nil {
		return fmt.Errorf("pin %s: %w", text, err)
	}
	p.db.pinned.add(u)
	return nil
}

// Sweep deletes the pins that drop names. drop must not use the DB.
func (p *Pins) Sweep(drop func(text, vector string, data []byte) bool) error {
	// Looked for in a snapshot, so that the writer is not held up by drop; a pin
	// that is saved meanwhile is judged by its fill.
	var keys [][]byte
	err := p.db.view(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(pinBucket)).ForEach(func(k, v []byte) error {
			text, rest, ok := cutName(k)
			vector, _, also := cutName(rest)
			if !ok || !also || drop(string(text), string(vector), v) {
				keys = append(keys, slices.Clone(k))
			}
			return nil
		})
	})
	if err == nil && len(keys) > 0 {
		var u pinUsage
		err = p.db.writer.do(func(tx *bolt.Tx) error {
			u = pinUsage{}
			b, meta := tx.Bucket([]byte(pinBucket)), tx.Bucket([]byte(metaBucket))
			sum := int64(number(meta.Get([]byte(pinBytesKey))))
			for _, k := range keys {
				old := b.Get(k)
				if old == nil {
					continue // another sweep was faster
				}
				sum -= int64(len(old))
				u.count--
				u.bytes -= int64(len(old))
				if err := b.Delete(k); err != nil {
					return err
				}
			}
			return meta.Put([]byte(pinBytesKey), bigEndian(uint64(max(sum, 0))))
		})
		if err == nil {
			p.db.pinned.add(u)
		}
	}
	if err != nil {
		return fmt.Errorf("sweep pins: %w", err)
	}
	return nil
}
