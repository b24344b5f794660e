package statedb

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// FileName is what a node's state file is called in its state folder.
const FileName = "node.db"

// DB is an open state file. Safe for concurrent use.
type DB struct {
	path     string
	opts     Options
	bolt     *bolt.DB
	writer   *writer
	identity Identity
	pinned   pinned
}

// Identity tells one start of a node from all its others.
type Identity struct {
	// Incarnation is random for each start (SEMANTICS §2): a state folder that
	// was put back from a copy begins a new one, too. It is from 1 to 2⁵³-1, so
	// that it survives every JSON reader (RFC 7493 §2.2).
	Incarnation uint64
	// Starts counts how often this file has been opened, this time included.
	Starts uint64
}

// Open opens or makes the state file at path, and its folder, and counts a
// start. It returns ErrInUse, ErrDamaged or ErrNewer, with the path.
func Open(path string, opts Options) (*DB, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	db, err := open(path, opts)
	if err != nil {
		return nil, fmt.Errorf("open state file %s: %w", path, err)
	}
	return db, nil
}

func open(path string, opts Options) (*DB, error) {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	isNew := errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0
	switch {
	case err != nil && !isNew:
		return nil, err
	case err == nil && !info.Mode().IsRegular():
		return nil, errors.New("it must be a file, and is a " + info.Mode().Type().String())
	}
	if !isNew {
		if err := check(path, opts.Timeout); err != nil {
			return nil, err
		}
	}
	file, err := openBolt(path, &bolt.Options{Timeout: opts.Timeout, FreelistType: bolt.FreelistMapType})
	if err != nil {
		return nil, err
	}
	db := &DB{path: path, opts: opts, bolt: file}
	if err := guard(func() error { return file.Update(db.begin) }); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if err := guard(func() error { return file.View(db.pinned.measure) }); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if isNew {
		if err := syncFolder(folder); err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
	db.writer = startWriter(file)
	return db, nil
}

// Buckets of the file. format counts changes that an earlier release would
// misread.
const (
	metaBucket  = "meta"
	purgeBucket = "purges"
	dotBucket   = "purge-dots"
	auditBucket = "audit"

	controlBucket   = "control-log"
	stableBucket    = "control-stable"
	recordBucket    = "records"
	spreadBucket    = "spread"
	spreadDotBucket = "spread-dots"
	skippedBucket   = "spread-skipped"
	pinBucket       = "pins"
	pinBytesKey     = "pins-bytes"

	formatKey    = "format"
	startsKey    = "starts"
	formatNumber = 1
)

// begin makes what is missing in the file and counts the start.
func (db *DB) begin(tx *bolt.Tx) error {
	for _, name := range []string{
		metaBucket, purgeBucket, dotBucket, auditBucket,
		controlBucket, stableBucket, recordBucket, spreadBucket, spreadDotBucket, skippedBucket, pinBucket,
	} {
		if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
			return err
		}
	}
	meta := tx.Bucket([]byte(metaBucket))
	switch format := number(meta.Get([]byte(formatKey))); {
	case format > formatNumber:
		return fmt.Errorf("%w: format %d, this one reads %d", ErrNewer, format, formatNumber)
	case format == 0:
		if err := meta.Put([]byte(formatKey), bigEndian(formatNumber)); err != nil {
			return err
		}
	}
	var random [8]byte
	for db.identity.Incarnation == 0 {
		if _, err := rand.Read(random[:]); err != nil {
			return err
		}
		db.identity.Incarnation = binary.BigEndian.Uint64(random[:]) >> 11
	}
	db.identity.Starts = number(meta.Get([]byte(startsKey))) + 1
	return meta.Put([]byte(startsKey), bigEndian(db.identity.Starts))
}

// Identity returns the identity of this start; it does not change.
func (db *DB) Identity() Identity { return db.identity }

// Path returns the path of the file.
func (db *DB) Path() string { return db.path }

// Stats tells how many changes have been made durable since Open by how many
// transactions, each of which costs an fsync.
type Stats struct{ Changes, Commits uint64 }

// Stats returns the counts so far.
func (db *DB) Stats() Stats { return db.writer.stats() }

// Close carries out the changes that wait, lets go of the file, and makes
// further ones fail with ErrClosed. Closing twice is no error.
func (db *DB) Close() error {
	db.writer.close()
	if err := db.bolt.Close(); err != nil {
		return fmt.Errorf("close state file %s: %w", db.path, err)
	}
	return nil
}

// view reads in one snapshot.
func (db *DB) view(read func(*bolt.Tx) error) error {
	err := guard(func() error { return db.bolt.View(read) })
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}

// number reads what bigEndian wrote; 0 for anything else.
func number(b []byte) uint64 {
	if len(b) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

// bigEndian makes a key that sorts as its number does.
func bigEndian(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// syncFolder makes the name of a new file durable.
func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
