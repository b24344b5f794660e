package statedb

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/invalidation"
)

func TestMain(m *testing.M) {
	if playChild() {
		return
	}
	goleak.VerifyTestMain(m)
}

const (
	testTimeout = time.Minute
	testTick    = time.Millisecond
)

var epoch = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func record(seq uint64) invalidation.Record {
	return invalidation.Record{
		Dot:      gossip.Dot{Node: "tokyo-1", Incarnation: 7, Seq: seq},
		Selector: cachekey.Selector{Tags: []string{fmt.Sprint("doc:d", seq)}},
		Mode:     invalidation.Mode(seq % 2), At: epoch, By: "ci",
	}
}

func statePath(t testing.TB) string { return filepath.Join(t.TempDir(), "state", FileName) }

func openAt(t testing.TB, path string, opts Options) *DB {
	t.Helper()
	db, err := Open(path, opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func replayed(t testing.TB, db *DB) []invalidation.Record {
	t.Helper()
	var recs []invalidation.Record
	require.NoError(t, db.Purges().Replay(func(r invalidation.Record) error {
		recs = append(recs, r)
		return nil
	}))
	return recs
}
