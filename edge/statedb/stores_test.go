package statedb

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge/audit"
	"github.com/letteros/letteredge/invalidation"
	"github.com/letteros/letteredge/quota"
)

func TestPurgesAreFoundAgain(t *testing.T) {
	path := statePath(t)
	db, err := Open(path, Options{})
	require.NoError(t, err)
	for i := range uint64(3) {
		require.NoError(t, db.Purges().Append(record(i+1)))
	}
	require.NoError(t, db.Purges().Append(record(2)), "known already")
	settled, n := record(2), 12
	settled.Applied = &invalidation.Applied{AfterMS: 1.9, Entries: &n}
	gone := record(99)
	require.NoError(t, db.Purges().Settle([]invalidation.Record{settled, gone}))
	require.NoError(t, db.Close())

	db = openAt(t, path, Options{})
	require.Equal(t, []invalidation.Record{record(1), settled, record(3)}, replayed(t, db))
	stop := errors.New("stop")
	require.ErrorIs(t, db.Purges().Replay(func(invalidation.Record) error { return stop }), stop)
}

func TestOldPurgesLeave(t *testing.T) {
	path := statePath(t)
	db, err := Open(path, Options{KeepPurges: 10})
	require.NoError(t, err)
	for i := range uint64(25) {
		require.NoError(t, db.Purges().Append(record(i+1)))
	}
	recs := replayed(t, db)
	require.Len(t, recs, 10)
	require.Equal(t, record(16), recs[0])
	require.NoError(t, db.view(func(tx *bolt.Tx) error {
		require.Equal(t, 10, tx.Bucket([]byte(dotBucket)).Stats().KeyN)
		return nil
	}))
	require.NoError(t, db.Close())

	// A lower bound in the configuration binds with the next purge.
	db = openAt(t, path, Options{KeepPurges: 3})
	require.NoError(t, db.Purges().Append(record(26)))
	recs = replayed(t, db)
	require.Len(t, recs, 3)
	require.Equal(t, record(26), recs[2])
}

func TestPurgesAreBoundedInBytes(t *testing.T) {
	db := openAt(t, statePath(t), Options{KeepBytes: 20_000})
	for i := range uint64(30) {
		rec := record(i + 1)
		rec.Selector = cachekey.Selector{Keys: []string{fmt.Sprintf("h.example/%02000d", i)}}
		require.NoError(t, db.Purges().Append(rec))
	}
	sum := 0
	require.NoError(t, db.view(func(tx *bolt.Tx) error {
		require.NoError(t, db.Purges().trail.oldestFirst(tx, func(_ uint64, v []byte) error {
			sum += len(v)
			return nil
		}))
		require.Equal(t, uint64(sum), number(tx.Bucket([]byte(metaBucket)).Get([]byte(purgeBucket+"-bytes"))))
		return nil
	}))
	require.Less(t, sum, 20_000)
	require.Greater(t, sum, 16_000)
}

func TestQuotasAreFoundAgain(t *testing.T) {
	path := statePath(t)
	db, err := Open(path, Options{})
	require.NoError(t, err)
	b2b, b2c := quota.Versioned{Quota: quota.New("b2b", 200), Revision: 1}, quota.Versioned{Quota: quota.New("b2c", 0.5), Revision: 2}
	all := quota.Versioned{Quota: quota.New(quota.Default, 1000), Revision: 4}
	for _, v := range []quota.Versioned{b2c, b2b, all} {
		require.NoError(t, db.Quotas().Put(v))
	}
	b2b.Quota.RPS, b2b.Revision = 300, 5
	require.NoError(t, db.Quotas().Put(b2b))
	require.NoError(t, db.Quotas().Delete("b2c"))
	require.NoError(t, db.Quotas().Delete("b2c"), "there is none")
	require.NoError(t, db.Close())

	db = openAt(t, path, Options{})
	loaded, err := db.Quotas().Load()
	require.NoError(t, err)
	require.Equal(t, []quota.Versioned{all, b2b}, loaded)
}

func TestQuotasWorkWithARegistry(t *testing.T) {
	path := statePath(t)
	put := func() quota.Bound {
		db, err := Open(path, Options{})
		require.NoError(t, err)
		defer func() { require.NoError(t, db.Close()) }()
		r, err := quota.OpenRegistry(db.Quotas(), quota.NewGate(time.Now))
		require.NoError(t, err)
		b, _, err := r.Put(quota.New("b2b", 7), quota.Precondition{})
		require.NoError(t, err)
		return b
	}
	require.Equal(t, put().ETag(), put().ETag(), "a definition equal to the one kept changes nothing")
}

func TestAuditLog(t *testing.T) {
	path := statePath(t)
	db, err := Open(path, Options{KeepAudit: 5})
	require.NoError(t, err)
	for i := range uint64(8) {
		seq, err := db.AuditLog().Append(audit.Entry{Seq: 77, At: epoch, Principal: "ci", Action: fmt.Sprint("a", i+1), Result: audit.Done})
		require.NoError(t, err)
		require.Equal(t, i+1, seq)
	}
	require.NoError(t, db.Close())
	db = openAt(t, path, Options{KeepAudit: 5})
	seqs := func(before uint64, limit int) string {
		page, err := db.AuditLog().List(before, limit)
		require.NoError(t, err)
		out := ""
		for _, e := range page {
			require.Equal(t, fmt.Sprint("a", e.Seq), e.Action)
			out += fmt.Sprint(e.Seq, " ")
		}
		return out
	}
	require.Equal(t, "8 7 6 5 4 ", seqs(0, 100))
	require.Equal(t, "8 7 ", seqs(0, 2))
	require.Equal(t, "6 5 ", seqs(7, 2))
	require.Equal(t, "8 7 ", seqs(1000, 2))
	require.Equal(t, "", seqs(4, 2))
	require.Equal(t, "", seqs(0, 0))
	seq, err := db.AuditLog().Append(audit.Entry{Action: "a9"})
	require.NoError(t, err)
	require.Equal(t, uint64(9), seq)
}

func FuzzQuota(f *testing.F) {
	text, err := json.Marshal(quota.Versioned{Quota: quota.New("b2b", 200), Revision: 1})
	require.NoError(f, err)
	f.Add(text)
	f.Fuzz(func(t *testing.T, data []byte) {
		if v, err := decodeQuota(data); err == nil {
			require.NoError(t, v.Quota.Validate())
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	db := openAt(b, statePath(b), Options{})
	seq := make(chan uint64)
	done := make(chan struct{})
	defer close(done)
	go func() {
		for n := uint64(1); ; n++ {
			select {
			case seq <- n:
			case <-done:
				return
			}
		}
	}()
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := db.Purges().Append(record(<-seq)); err != nil {
				b.Error(err)
			}
		}
	})
	stats := db.Stats()
	b.ReportMetric(float64(stats.Changes)/float64(max(1, stats.Commits)), "changes/fsync")
}

func TestAnEngineOverAFile(t *testing.T) {
	path := statePath(t)
	start := func() (*DB, *invalidation.Engine) {
		db, err := Open(path, Options{})
		require.NoError(t, err)
		e, err := invalidation.NewEngine(invalidation.Config{
			Node: "tokyo-1", Region: "tokyo", Incarnation: db.Identity().Incarnation,
		}, invalidation.NewMarks(), db.Purges(), dozen{})
		require.NoError(t, err)
		return db, e
	}
	db, e := start()
	ran := make(chan error)
	go func() { ran <- e.Run(t.Context()) }()
	r, err := e.Purge(t.Context(), cachekey.Selector{Segment: "b2b"}, invalidation.ModeSoft, "ci")
	require.NoError(t, err)
	var before invalidation.View
	require.Eventually(t, func() bool {
		before, err = e.Get(r.Dot.String())
		return err == nil && before.Nodes[0].Entries != nil
	}, testTimeout, testTick)
	require.NoError(t, e.Close())
	require.NoError(t, <-ran)
	require.NoError(t, db.Close())

	db, e = start()
	after, err := e.Get(r.Dot.String())
	require.NoError(t, err)
	require.Equal(t, 12, *after.Nodes[0].Entries)
	require.True(t, before.AcceptedAt.Equal(after.AcceptedAt))
	before.AcceptedAt = after.AcceptedAt
	require.Equal(t, before, after)
	require.NoError(t, e.Close())
	require.NoError(t, db.Close())
}

// dozen is a cache in which every purge hits 12 entries.
type dozen struct{}

func (dozen) Count(cachekey.Selector) int { return 12 }
func (dozen) Sweep(cachekey.Selector) int { return 12 }
