package gossip

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func put(key, value string) Put { return Put{Key: key, Value: json.RawMessage(value)} }

func TestRecordsApply(t *testing.T) {
	s := NewRecords()
	var heard []Record
	s.Subscribe(func(r []Record) { heard = append(heard, r...) })
	out := s.Apply(1, Txn{Guards: []Guard{{"a", 0}}, Puts: []Put{put("a", "1"), put("b", "1")}})
	require.Equal(t, Outcome{Applied: true, Index: 1}, out)
	out = s.Apply(2, Txn{Guards: []Guard{{"a", 0}, {"b", 1}}, Puts: []Put{put("b", "2"), put("c", "2")}})
	require.False(t, out.Applied, "a is there")
	require.Equal(t, []Record{{Key: "a", Index: 1, Value: json.RawMessage("1")}}, out.Conflicts)
	_, there := s.Get("c")
	require.False(t, there, "all or none")
	require.Equal(t, uint64(2), s.Index())
	require.True(t, s.Apply(3, Txn{Guards: []Guard{{"a", 1}}, Puts: []Put{{Key: "a", Delete: true}}}).Applied)
	_, there = s.Get("a")
	require.False(t, there)
	require.True(t, s.Apply(4, Txn{Guards: []Guard{{"a", 0}}, Puts: []Put{put("a", "4")}}).Applied, "deleted is as good as none")
	require.False(t, s.Apply(4, Txn{Puts: []Put{put("x", "4")}}).Applied, "an entry is applied once")
	require.False(t, s.Apply(5, Txn{Puts: []Put{put("x", "no JSON")}}).Applied)
	require.Len(t, heard, 4)
	require.Len(t, s.List(""), 2)
	require.Equal(t, "a", s.List("a")[0].Key)
}

// A node that is told in any order, some of it twice, of what a voter has, has
// the same in the end.
func TestRecordsMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		voter := NewRecords()
		var told [][]Record
		n := rapid.IntRange(1, 12).Draw(t, "entries")
		for i := range n {
			p := put(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key"), fmt.Sprint(i))
			if rapid.Bool().Draw(t, "delete") {
				p = Put{Key: p.Key, Delete: true}
			}
			voter.Apply(uint64(i+1), Txn{Puts: []Put{p}})
			recs, complete := voter.Since(rapid.Uint64Range(0, uint64(i)).Draw(t, "since"))
			require.Equal(t, uint64(i+1), complete)
			told = append(told, recs)
		}
		all, complete := voter.Since(0)
		told = append(told, all, all)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		random.Shuffle(len(told), func(i, j int) { told[i], told[j] = told[j], told[i] })
		node := NewRecords()
		for _, recs := range told {
			require.NoError(t, node.Merge(recs, complete))
		}
		got, at := node.Since(0)
		require.Equal(t, all, got)
		require.Equal(t, complete, at)

		data, err := voter.Snapshot()
		require.NoError(t, err)
		again := NewRecords()
		again.Apply(1, Txn{Puts: []Put{put("z", "1")}})
		require.NoError(t, again.Restore(data))
		got, _ = again.Since(0)
		require.Equal(t, all, got)
	})
}

func TestTxnLimits(t *testing.T) {
	for name, txn := range map[string]Txn{
		"no key":      {Puts: []Put{put("", "1")}},
		"a space":     {Puts: []Put{put("a b", "1")}},
		"twice":       {Puts: []Put{put("a", "1"), put("a", "2")}},
		"no value":    {Puts: []Put{{Key: "a"}}},
		"both":        {Puts: []Put{{Key: "a", Value: json.RawMessage("1"), Delete: true}}},
		"no JSON":     {Puts: []Put{put("a", "{")}},
		"guard":       {Guards: []Guard{{Key: ""}}},
		"too many":    {Puts: make([]Put, MaxPuts+1)},
		"a long one":  {Puts: []Put{put("a", `"`+string(make([]byte, MaxValue))+`"`)}},
		"a long name": {Puts: []Put{put(string(make([]byte, MaxKey+1)), "1")}},
	} {
		require.ErrorIs(t, txn.Validate(), ErrTxn, name)
	}
	require.Error(t, NewRecords().Merge([]Record{{Key: "a"}}, 1))
	require.Error(t, NewRecords().Restore([]byte(`{"complete":1,"records":[{"key":"a","index":2,"value":1}]}`)), "beyond its end")
}

func FuzzRestore(f *testing.F) {
	s := NewRecords()
	s.Apply(1, Txn{Puts: []Put{put("a", "1")}})
	data, _ := s.Snapshot()
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		s := NewRecords()
		if s.Restore(data) != nil {
			return
		}
		again, err := s.Snapshot()
		require.NoError(t, err)
		require.NoError(t, NewRecords().Restore(again))
	})
}
