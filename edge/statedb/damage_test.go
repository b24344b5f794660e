package statedb

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"github.com/letteros/letteredge/edge/audit"
	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/invalidation"
)

const kept = 30

// filled is the bytes of a file with something of everything in it.
func filled(t testing.TB) []byte {
	t.Helper()
	path := statePath(t)
	db, err := Open(path, Options{})
	require.NoError(t, err)
	for i := range uint64(kept) { // enough for branch pages above the leaves
		rec := record(i + 1)
		rec.By = strings.Repeat("x", 500)
		require.NoError(t, db.Purges().Append(rec))
		_, err := db.AuditLog().Append(audit.Entry{At: epoch, Action: "purge", Detail: rec.By})
		require.NoError(t, err)
	}
	require.NoError(t, db.Records().Put([]gossip.Record{{Key: "quota/b2b", Index: 1, Value: []byte(`{"segment":"b2b"}`)}}, 1))
	require.NoError(t, db.Close())
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}

func TestATruncatedFileIsAClearError(t *testing.T) {
	data := filled(t)
	path := filepath.Join(t.TempDir(), FileName)
	refused := 0
	for size := 1; size < len(data); size += 1000 {
		require.NoError(t, os.WriteFile(path, data[:size], 0o600))
		db, err := Open(path, Options{})
		if err == nil { // what is missing was free, or had not been written yet
			require.Len(t, replayed(t, db), kept)
			require.NoError(t, db.Close())
			continue
		}
		refused++
		require.ErrorIs(t, err, ErrDamaged, "%d of %d bytes", size, len(data))
		require.ErrorContains(t, err, path)
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, data[:size], after, "a file that is refused must be left alone")
	}
	require.Greater(t, refused, 10)
}

func TestGarbageIsAClearError(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	for _, size := range []int{1, 100, 5000, 100_000} {
		garbage := make([]byte, size)
		for i := range garbage {
			garbage[i] = byte(i * 7)
		}
		require.NoError(t, os.WriteFile(path, garbage, 0o600))
		_, err := Open(path, Options{})
		require.ErrorIs(t, err, ErrDamaged)
	}
}

// Whatever a bad disk does to the file, opening and reading it ends in an
// answer or an error, never in a crash.
func TestRandomDamage(t *testing.T) {
	data := filled(t)
	folder := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		path := filepath.Join(folder, FileName)
		bad := append([]byte(nil), data...)
		for range rapid.IntRange(1, 8).Draw(t, "places") {
			at := rapid.IntRange(0, len(bad)-16).Draw(t, "at")
			copy(bad[at:], rapid.SliceOfN(rapid.Byte(), 1, 16).Draw(t, "bytes"))
		}
		require.NoError(t, os.WriteFile(path, bad, 0o600))
		db, err := Open(path, Options{Timeout: time.Minute})
		if err != nil {
			require.True(t, errors.Is(err, ErrDamaged) || errors.Is(err, ErrNewer), "%v", err)
			return
		}
		for _, err := range []error{
			db.Purges().Replay(func(invalidation.Record) error { return nil }),
			third(db.Records().Load()),
			second(db.AuditLog().List(0, 1000)),
		} {
			require.True(t, err == nil || errors.Is(err, ErrDamaged), "%v", err)
		}
		_ = db.Purges().Append(record(1000))
		require.NoError(t, db.Close())
	})
}

func second[T any](_ T, err error) error { return err }

func third[T, U any](_ T, _ U, err error) error { return err }

func TestALaterFormatIsRefused(t *testing.T) {
	path := statePath(t)
	db, err := Open(path, Options{})
	require.NoError(t, err)
	require.NoError(t, db.writer.do(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(metaBucket)).Put([]byte(formatKey), bigEndian(2))
	}))
	require.NoError(t, db.Close())
	_, err = Open(path, Options{})
	require.ErrorIs(t, err, ErrNewer)
	require.ErrorContains(t, err, "format 2, this one reads 1")
}

func TestARecordThatCannotBeReadIsNotSkipped(t *testing.T) {
	db := openAt(t, statePath(t), Options{})
	require.NoError(t, db.Purges().Append(record(1)))
	require.NoError(t, db.writer.do(func(tx *bolt.Tx) error {
		return errors.Join(
			tx.Bucket([]byte(purgeBucket)).Put(bigEndian(1), []byte(`{"purge":"tokyo-1`)),
			tx.Bucket([]byte(recordBucket)).Put([]byte("quota/b2b"), []byte(`{"key":"quota/b2c","index":1,"value":{}}`)),
			tx.Bucket([]byte(auditBucket)).Put(bigEndian(1), []byte(`{"seq":2}`)),
		)
	}))
	err := db.Purges().Replay(func(invalidation.Record) error { return nil })
	require.ErrorIs(t, err, ErrDamaged)
	require.ErrorContains(t, err, "purge 1 in "+db.Path())
	_, _, err = db.Records().Load()
	require.ErrorIs(t, err, ErrDamaged)
	require.ErrorContains(t, err, `record "quota/b2b"`)
	_, err = db.AuditLog().List(0, 10)
	require.ErrorIs(t, err, ErrDamaged)
	require.ErrorContains(t, err, "audit entry 1")
}

// The check must never refuse a file that is well, whatever its history.
func TestNoSoundFileIsRefused(t *testing.T) {
	folder := t.TempDir()
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		path := filepath.Join(folder, strconv.Itoa(runs), FileName)
		opts := Options{KeepPurges: rapid.IntRange(1, 40).Draw(t, "keep"), KeepAudit: 20}
		seq := uint64(0)
		for range rapid.IntRange(1, 4).Draw(t, "starts") {
			db, err := Open(path, opts)
			require.NoError(t, err)
			for range rapid.IntRange(0, 60).Draw(t, "changes") {
				size := rapid.SampledFrom([]int{1, 1, 1, 300, 3000, 30_000}).Draw(t, "size")
				switch seq++; rapid.IntRange(0, 2).Draw(t, "change") {
				case 0:
					rec := record(seq)
					rec.By = strings.Repeat("x", size)
					require.NoError(t, db.Purges().Append(rec))
				case 1:
					_, err := db.AuditLog().Append(audit.Entry{At: epoch, Detail: strings.Repeat("x", size)})
					require.NoError(t, err)
				case 2:
					require.NoError(t, db.Purges().Settle([]invalidation.Record{record(seq - 1), record(seq - 2)}))
				}
			}
			require.NoError(t, db.Close())
		}
	})
}
