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

// check reads every page before the file is opened for writing. bbolt maps the
// file and trusts what it finds there: a page that a truncated file has lost
// would end the process with SIGBUS, later and without a word on why; pages that
// point at each other would keep it busy for good; a list of free pages that is
// wrong would overwrite good ones. (bbolt's own Tx.Check falls into the first two
// itself.) It costs as much as reading the file once.
func check(path string, timeout time.Duration) (err error) {
	// Opened so, bbolt takes the lock and looks at the meta pages, no further.
	locked, err := openBolt(path, &bolt.Options{Timeout: timeout, ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, locked.Close()) }()
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return guard(func() error {
		return locked.View(func(tx *bolt.Tx) error {
			err := checkPages(file, locked.Info().PageSize, uint64(tx.ID()))
			if err != nil {
				err = fmt.Errorf("%w (%w)", ErrDamaged, err)
			}
			return err
		})
	})
}

// openBolt opens the file with errors in our terms.
func openBolt(path string, opts *bolt.Options) (*bolt.DB, error) {
	var file *bolt.DB
	err := guard(func() (err error) {
		file, err = bolt.Open(path, 0o600, opts)
		return err
	})
	var system *os.PathError
	switch {
	case err == nil:
		return file, nil
	case errors.Is(err, berrors.ErrTimeout):
		return nil, ErrInUse
	case errors.Is(err, ErrDamaged), errors.As(err, &system):
		return nil, err
	}
	return nil, fmt.Errorf("%w (%w)", ErrDamaged, err)
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
