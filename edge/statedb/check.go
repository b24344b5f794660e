package statedb

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// check reads every page in use before the file is opened for writing. bbolt
// maps the file and trusts what it finds there: a page that a truncated file has
// lost would end the process with SIGBUS, later and without a word on why.
func check(path string, timeout time.Duration) (err error) {
	file, err := openBolt(path, &bolt.Options{Timeout: timeout, ReadOnly: true, PreLoadFreelist: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return guard(func() error {
		return file.View(func(tx *bolt.Tx) error {
			return tx.ForEach(func(_ []byte, b *bolt.Bucket) error { return walk(b) })
		})
	})
}

func walk(b *bolt.Bucket) error {
	return b.ForEach(func(k, _ []byte) error {
		if nested := b.Bucket(k); nested != nil {
			return walk(nested)
		}
		return nil
	})
}

// openBolt opens the file with a first look at its size: the pages that its
// meta data speak of must be there before anything follows a pointer to them.
func openBolt(path string, opts *bolt.Options) (*bolt.DB, error) {
	var file *bolt.DB
	err := guard(func() (err error) {
		if !opts.ReadOnly {
			file, err = bolt.Open(path, 0o600, opts)
			return err
		}
		sizes := *opts
		sizes.PreLoadFreelist = false
		probe, err := bolt.Open(path, 0o600, &sizes)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, probe.Close()) }()
		if err := bigEnough(probe, path); err != nil {
			return err
		}
		file, err = bolt.Open(path, 0o600, opts)
		return err
	})
	var unreadable *os.PathError
	switch {
	case err == nil:
		return file, nil
	case errors.Is(err, berrors.ErrTimeout):
		return nil, ErrInUse
	case errors.Is(err, ErrDamaged), errors.As(err, &unreadable):
		return nil, err
	}
	return nil, fmt.Errorf("%w (%w)", ErrDamaged, err)
}

func bigEnough(file *bolt.DB, path string) error {
	return file.View(func(tx *bolt.Tx) error {
		info, err := os.Stat(path)
		if err == nil && info.Size() < tx.Size() {
			err = fmt.Errorf("%w (it has %d bytes of %d)", ErrDamaged, info.Size(), tx.Size())
		}
		return err
	})
}

// guard turns what bbolt does about a page that makes no sense, a panic or a
// memory fault, into ErrDamaged.
func guard(read func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w (%v)", ErrDamaged, r)
		}
	}()
	return read()
}
