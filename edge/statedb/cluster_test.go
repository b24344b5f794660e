package statedb

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/gossip/control"
)

// again opens a file anew.
func again(t *testing.T, path string, o Options, use func(*DB)) {
	t.Helper()
	db, err := Open(path, o)
	require.NoError(t, err)
	use(db)
	require.NoError(t, db.Close())
}

func TestControlLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	again(t, path, Options{}, func(db *DB) {
		l := db.ControlLog()
		first, err := l.First()
		require.NoError(t, err)
		require.Zero(t, first)
		require.NoError(t, l.Append([]control.Entry{{Index: 3, Data: []byte("c")}, {Index: 4, Data: []byte("d")}, {Index: 5, Data: []byte("e")}, {Index: 256, Data: []byte("f")}}))
		require.NoError(t, l.Delete(4, 5))
		require.NoError(t, db.ControlStable().Set("vote", []byte("me")))
	})
	again(t, path, Options{}, func(db *DB) {
		l := db.ControlLog()
		first, err := l.First()
		require.NoError(t, err)
		last, err := l.Last()
		require.NoError(t, err)
		require.Equal(t, []uint64{3, 256}, []uint64{first, last})
		data, err := l.Get(3)
		require.NoError(t, err)
		require.Equal(t, "c", string(data))
		data, err = l.Get(4)
		require.NoError(t, err)
		require.Nil(t, data)
		vote, err := db.ControlStable().Get("vote")
		require.NoError(t, err)
		require.Equal(t, "me", string(vote))
		none, err := db.ControlStable().Get("other")
		require.NoError(t, err)
		require.Nil(t, none)
	})
}

func TestSpreadIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	o := Options{KeepPurges: 3}
	s := gossip.Source{Node: "tokyo-1", Incarnation: 7}
	again(t, path, o, func(db *DB) {
		for seq := range uint64(5) {
			require.NoError(t, db.Spread().Append(gossip.Dot{Node: s.Node, Incarnation: s.Incarnation, Seq: seq + 1}, []byte{byte(seq)}))
		}
		require.NoError(t, db.Spread().Append(gossip.Dot{Node: s.Node, Incarnation: s.Incarnation, Seq: 5}, []byte("another")))
		require.NoError(t, db.Spread().Skip(gossip.Source{Node: "b", Incarnation: 1}, 9))
		require.NoError(t, db.Spread().Skip(gossip.Source{Node: "b", Incarnation: 1}, 8))
	})
	again(t, path, o, func(db *DB) {
		var seqs []uint64
		var gone gossip.Vector
		require.NoError(t, db.Spread().Replay(func(v gossip.Vector) { gone = v }, func(d gossip.Dot, envelope []byte) error {
			require.Equal(t, []byte{byte(d.Seq - 1)}, envelope)
			seqs = append(seqs, d.Seq)
			return db.Spread().Skip(d.Source(), 1) // it may write
		}))
		require.Equal(t, []uint64{3, 4, 5}, seqs)
		require.Equal(t, gossip.Vector{s: 2, {Node: "b", Incarnation: 1}: 9}, gone)
	})
}

func TestRecordsAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	a := gossip.Record{Key: "a", Index: 1, Value: json.RawMessage(`1`)}
	again(t, path, Options{}, func(db *DB) {
		require.NoError(t, db.Records().Put([]gossip.Record{a, {Key: "b", Index: 2, Value: json.RawMessage(`2`)}}, 2))
		require.NoError(t, db.Records().Put([]gossip.Record{{Key: "b", Index: 3, Deleted: true}}, 3))
	})
	again(t, path, Options{}, func(db *DB) {
		all, complete, err := db.Records().Load()
		require.NoError(t, err)
		require.Equal(t, uint64(3), complete)
		require.Equal(t, []gossip.Record{a, {Key: "b", Index: 3, Deleted: true}}, all)
	})
}
