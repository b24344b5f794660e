package statedb

import (
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/letteros/letteredge/edge/audit"
)

// AuditLog keeps audit entries.
type AuditLog struct {
	db    *DB
	trail trail
}

var _ audit.Log = (*AuditLog)(nil)

// AuditLog returns the audit log.
func (db *DB) AuditLog() *AuditLog {
	return &AuditLog{db, trail{bucket: auditBucket, keep: db.opts.KeepAudit, bytes: db.opts.KeepBytes}}
}

// Append makes an entry durable under the number that follows the last one.
func (l *AuditLog) Append(e audit.Entry) (uint64, error) {
	err := l.db.writer.do(func(tx *bolt.Tx) error {
		_, err := l.trail.append(tx, func(seq uint64) ([]byte, error) {
			e.Seq = seq
			return json.Marshal(e)
		})
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("append audit entry: %w", err)
	}
	return e.Seq, nil
}

// List returns up to limit entries with numbers below before, the newest first;
// before 0 means from the newest.
func (l *AuditLog) List(before uint64, limit int) ([]audit.Entry, error) {
	var page []audit.Entry
	err := l.db.view(func(tx *bolt.Tx) error {
		return l.trail.newestFirst(tx, before, limit, func(seq uint64, value []byte) error {
			var e audit.Entry
			err := json.Unmarshal(value, &e)
			if err == nil && e.Seq != seq {
				err = fmt.Errorf("it calls itself %d", e.Seq)
			}
			if err != nil {
				return fmt.Errorf("audit entry %d in %s: %w (%w)", seq, l.db.path, ErrDamaged, err)
			}
			page = append(page, e)
			return nil
		})
	})
	return page, err
}
