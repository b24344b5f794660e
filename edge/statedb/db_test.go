package statedb

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"
)

func TestEachStartHasItsOwnIdentity(t *testing.T) {
	path := statePath(t)
	seen := map[uint64]bool{}
	for start := uint64(1); start <= 5; start++ {
		db, err := Open(path, Options{})
		require.NoError(t, err)
		id := db.Identity()
		require.Equal(t, start, id.Starts)
		require.NotZero(t, id.Incarnation)
		require.Less(t, id.Incarnation, uint64(1)<<53)
		require.False(t, seen[id.Incarnation])
		seen[id.Incarnation] = true
		require.NoError(t, db.Close())
	}
}

func TestACopyPutBackBeginsANewIncarnation(t *testing.T) {
	path := statePath(t)
	db, err := Open(path, Options{})
	require.NoError(t, err)
	require.NoError(t, db.Close())
	old, err := os.ReadFile(path)
	require.NoError(t, err)
	first := openAt(t, path, Options{})
	require.NoError(t, first.Close())
	require.NoError(t, os.WriteFile(path, old, 0o600))
	second := openAt(t, path, Options{})
	require.Equal(t, first.Identity().Starts, second.Identity().Starts)
	require.NotEqual(t, first.Identity().Incarnation, second.Identity().Incarnation)
}

func TestConcurrentChangesShareCommits(t *testing.T) {
	db := openAt(t, statePath(t), Options{})
	// The writer is held up in one transaction while the others gather.
	entered, leave := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		first := true
		require.NoError(t, db.writer.do(func(*bolt.Tx) error {
			if first {
				first = false
				close(entered)
				<-leave
			}
			return nil
		}))
	})
	<-entered
	const n = 100
	for i := range n {
		wg.Go(func() { require.NoError(t, db.Purges().Append(record(uint64(i+1)))) })
	}
	require.Eventually(t, func() bool {
		db.writer.mu.Lock()
		defer db.writer.mu.Unlock()
		return len(db.writer.waiting) == n
	}, testTimeout, testTick)
	close(leave)
	wg.Wait()
	require.Equal(t, Stats{Changes: n + 1, Commits: 2}, db.Stats())
	require.Len(t, replayed(t, db), n)
}

func TestAFailedChangeTakesNoOtherWithIt(t *testing.T) {
	db := openAt(t, statePath(t), Options{})
	put := func(key string) func(*bolt.Tx) error {
		return func(tx *bolt.Tx) error { return tx.Bucket([]byte(metaBucket)).Put([]byte(key), []byte("x")) }
	}
	fail := func(tx *bolt.Tx) error {
		require.NoError(t, put("bad")(tx))
		return os.ErrInvalid
	}
	crash := func(tx *bolt.Tx) error {
		require.NoError(t, put("worse")(tx))
		panic("page 7: no such thing")
	}
	var batch []*change
	for _, apply := range []func(*bolt.Tx) error{put("a"), fail, put("b"), crash, put("c")} {
		batch = append(batch, &change{apply: apply, err: make(chan error, 1)})
	}
	all := append([]*change(nil), batch...)
	db.writer.commit(batch)
	require.NoError(t, <-all[0].err)
	require.ErrorIs(t, <-all[1].err, os.ErrInvalid)
	require.NoError(t, <-all[2].err)
	require.ErrorIs(t, <-all[3].err, ErrDamaged)
	require.NoError(t, <-all[4].err)
	require.NoError(t, db.view(func(tx *bolt.Tx) error {
		meta := tx.Bucket([]byte(metaBucket))
		for key, there := range map[string]bool{"a": true, "b": true, "c": true, "bad": false, "worse": false} {
			require.Equal(t, there, meta.Get([]byte(key)) != nil, key)
		}
		return nil
	}))
}

func TestAClosedFileSaysSo(t *testing.T) {
	db, err := Open(statePath(t), Options{})
	require.NoError(t, err)
	require.NoError(t, db.Close())
	require.NoError(t, db.Close())
	require.ErrorIs(t, db.Purges().Append(record(1)), ErrClosed)
	_, _, err = db.Records().Load()
	require.ErrorIs(t, err, ErrClosed)
	_, err = db.AuditLog().List(0, 1)
	require.ErrorIs(t, err, ErrClosed)
}

func TestOptionsAndPathsThatCannotBe(t *testing.T) {
	_, err := Open(statePath(t), Options{KeepAudit: -1})
	require.ErrorContains(t, err, "KeepAudit")
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = Open(filepath.Join(file, FileName), Options{})
	require.ErrorContains(t, err, "not a directory")
	require.NotErrorIs(t, err, ErrDamaged)
	_, err = Open(t.TempDir(), Options{})
	require.ErrorContains(t, err, "must be a file, and is a d")
}
