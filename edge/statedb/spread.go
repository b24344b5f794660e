package statedb

import (
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/gossip/spread"
)

// Spread keeps the envelopes of all nodes' purges, to tell other nodes.
type Spread struct {
	db    *DB
	trail trail
}

var _ spread.Log = (*Spread)(nil)

// Spread returns the log of purges as they travel.
func (db *DB) Spread() *Spread {
	s := &Spread{db: db}
	s.trail = trail{bucket: spreadBucket, keep: db.opts.KeepPurges, bytes: db.opts.KeepBytes, dropped: s.forget}
	return s
}

// Append makes an envelope durable. One whose dot is kept already changes
// nothing.
func (s *Spread) Append(dot gossip.Dot, envelope []byte) error {
	key := []byte(dot.String())
	// The dot is in the envelope, too, but this way it is found without reading it.
	value := slices.Concat([]byte{byte(len(key))}, key, envelope)
	err := s.db.writer.do(func(tx *bolt.Tx) error {
		dots := tx.Bucket([]byte(spreadDotBucket))
		if dots.Get(key) != nil {
			return nil
		}
		seq, err := s.trail.append(tx, func(uint64) ([]byte, error) { return value, nil })
		if err != nil {
			return err
		}
		return dots.Put(key, bigEndian(seq))
	})
	if err != nil {
		return fmt.Errorf("keep purge %s: %w", dot, err)
	}
	return nil
}

// Skip notes that nothing of a source up to seq is to come.
func (s *Spread) Skip(source gossip.Source, seq uint64) error {
	err := s.db.writer.do(func(tx *bolt.Tx) error { return skip(tx, source, seq) })
	if err != nil {
		return fmt.Errorf("skip purges of %s: %w", source.Node, err)
	}
	return nil
}

// skip raises the number up to which a source's purges are not kept.
func skip(tx *bolt.Tx, source gossip.Source, seq uint64) error {
	b := tx.Bucket([]byte(skippedBucket))
	key := []byte(gossip.Dot{Node: source.Node, Incarnation: source.Incarnation}.String())
	if number(b.Get(key)) >= seq {
		return nil
	}
	return b.Put(key, bigEndian(seq))
}

// Replay yields what is kept. Unlike other logs' it is read whole first: yield
// may write to the DB.
func (s *Spread) Replay(skipped func(gossip.Vector), yield func(dot gossip.Dot, envelope []byte) error) error {
	type entry struct {
		dot      gossip.Dot
		envelope []byte
	}
	var entries []entry
	gone := gossip.Vector{}
	err := s.db.view(func(tx *bolt.Tx) error {
		err := tx.Bucket([]byte(skippedBucket)).ForEach(func(k, v []byte) error {
			dot, err := gossip.ParseDot(string(k))
			if err != nil {
				return fmt.Errorf("skipped purges in %s: %w (%w)", s.db.path, ErrDamaged, err)
			}
			gone[dot.Source()] = number(v)
			return nil
		})
		if err != nil {
			return err
		}
		return s.trail.oldestFirst(tx, func(seq uint64, value []byte) error {
			dot, envelope, err := cutEnvelope(value)
			if err != nil {
				return fmt.Errorf("travelling purge %d in %s: %w (%w)", seq, s.db.path, ErrDamaged, err)
			}
			entries = append(entries, entry{dot, slices.Clone(envelope)})
			return nil
		})
	})
	if err != nil {
		return err
	}
	skipped(gone)
	for _, e := range entries {
		if err := yield(e.dot, e.envelope); err != nil {
			return err
		}
	}
	return nil
}

func cutEnvelope(value []byte) (gossip.Dot, []byte, error) {
	if len(value) == 0 || len(value) < 1+int(value[0]) {
		return gossip.Dot{}, nil, fmt.Errorf("it has %d bytes", len(value))
	}
	n := 1 + int(value[0])
	dot, err := gossip.ParseDot(string(value[1:n]))
	return dot, value[n:], err
}

// forget takes an envelope that leaves out of the index, and notes that it has
// been.
func (s *Spread) forget(tx *bolt.Tx, value []byte) error {
	dot, _, err := cutEnvelope(value)
	if err != nil {
		return fmt.Errorf("drop the oldest travelling purge: %w (%w)", ErrDamaged, err)
	}
	if err := skip(tx, dot.Source(), dot.Seq); err != nil {
		return err
	}
	return tx.Bucket([]byte(spreadDotBucket)).Delete([]byte(dot.String()))
}
