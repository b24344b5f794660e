package statedb

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge/audit"
	"github.com/letteros/letteredge/edge/edgetest"
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

// Quotas live among the records: what was set before the file was closed is what
// a registry says that follows the records of the file.
func TestQuotasAreFoundAgain(t *testing.T) {
	path := statePath(t)
	list := func(change func(*quota.Registry)) []quota.Versioned {
		db, err := Open(path, Options{})
		require.NoError(t, err)
		defer func() { require.NoError(t, db.Close()) }()
		recs, complete, err := db.Records().Load()
		require.NoError(t, err)
		log := edgetest.NewControlLog(t, recs, complete)
		r := log.Quotas(t)
		change(r)
		recs, complete = log.Records.Since(complete)
		require.NoError(t, db.Records().Put(recs, complete))
		items, _, err := r.List("", 0)
		require.NoError(t, err)
		var all []quota.Versioned
		for _, b := range items {
			all = append(all, b.Versioned)
		}
		return all
	}
	put := func(r *quota.Registry, q quota.Quota) quota.Bound {
		b, _, err := r.Put(q, quota.Precondition{})
		require.NoError(t, err)
		return b
	}
	before := list(func(r *quota.Registry) {
		for _, segment := range []string{"b2c", "b2b", quota.Default} {
			put(r, quota.New(segment, 200))
		}
		put(r, quota.New("b2b", 300))
		_, err := r.Delete("b2c", quota.Precondition{})
		require.NoError(t, err)
	})
	require.Len(t, before, 2)
	require.Equal(t, quota.New("b2b", 300), before[1].Quota)
	after := list(func(r *quota.Registry) {
		require.Equal(t, before[1].ETag(), put(r, quota.New("b2b", 300)).ETag(), "a definition equal to the one kept changes nothing")
	})
	require.Equal(t, before, after)
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
