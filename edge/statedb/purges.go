package statedb

import (
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/letteros/letteredge/invalidation"
)

// Purges is the journal of purges.
type Purges struct {
	db    *DB
	trail trail
}

var (
	_ invalidation.Journal = (*Purges)(nil)
	_ invalidation.Settler = (*Purges)(nil)
)

// Purges returns the journal of purges.
func (db *DB) Purges() *Purges {
	p := &Purges{db: db}
	p.trail = trail{bucket: purgeBucket, keep: db.opts.KeepPurges, bytes: db.opts.KeepBytes, dropped: p.forget}
	return p
}

// Append makes a record durable. One whose dot is kept already changes nothing.
func (p *Purges) Append(rec invalidation.Record) error {
	value, err := json.Marshal(rec)
	if err != nil {
		return fmt.Errorf("append purge %s: %w", rec.Dot, err)
	}
	dot := []byte(rec.Dot.String())
	err = p.db.writer.do(func(tx *bolt.Tx) error {
		dots := tx.Bucket([]byte(dotBucket))
		if dots.Get(dot) != nil {
			return nil
		}
		seq, err := p.trail.append(tx, func(uint64) ([]byte, error) { return value, nil })
		if err != nil {
			return err
		}
		return dots.Put(dot, bigEndian(seq))
	})
	if err != nil {
		return fmt.Errorf("append purge %s: %w", rec.Dot, err)
	}
	return nil
}

// Settle replaces the records of the same dots; those no longer kept are skipped.
func (p *Purges) Settle(recs []invalidation.Record) error {
	values := make([][]byte, len(recs))
	for i, rec := range recs {
		var err error
		if values[i], err = json.Marshal(rec); err != nil {
			return fmt.Errorf("settle purge %s: %w", rec.Dot, err)
		}
	}
	err := p.db.writer.do(func(tx *bolt.Tx) error {
		dots := tx.Bucket([]byte(dotBucket))
		for i, rec := range recs {
			seq := number(dots.Get([]byte(rec.Dot.String())))
			if p.trail.get(tx, seq) == nil {
				continue
			}
			if err := p.trail.replace(tx, seq, values[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("settle %d purges: %w", len(recs), err)
	}
	return nil
}

// Replay yields the kept records in the order appended. yield must not call
// back into the DB: it is called within a transaction.
func (p *Purges) Replay(yield func(invalidation.Record) error) error {
	return p.db.view(func(tx *bolt.Tx) error {
		return p.trail.oldestFirst(tx, func(seq uint64, value []byte) error {
			rec, err := decodeRecord(value)
			if err != nil {
				return fmt.Errorf("purge %d in %s: %w (%w)", seq, p.db.path, ErrDamaged, err)
			}
			return yield(rec)
		})
	})
}

// forget takes the dot of a record that leaves out of the index.
func (p *Purges) forget(tx *bolt.Tx, value []byte) error {
	rec, err := decodeRecord(value)
	if err != nil {
		return fmt.Errorf("drop the oldest purge: %w (%w)", ErrDamaged, err)
	}
	return tx.Bucket([]byte(dotBucket)).Delete([]byte(rec.Dot.String()))
}

func decodeRecord(value []byte) (rec invalidation.Record, err error) {
	err = json.Unmarshal(value, &rec)
	return rec, err
}
