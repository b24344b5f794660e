package gossip

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func vectors() *rapid.Generator[Vector] {
	return rapid.Custom(func(t *rapid.T) Vector {
		v := Vector{}
		for range rapid.IntRange(0, 5).Draw(t, "sources") {
			s := Source{rapid.SampledFrom([]string{"a", "b", "c.1"}).Draw(t, "node"), rapid.Uint64Range(1, 3).Draw(t, "incarnation")}
			v[s] = rapid.Uint64Range(1, 9).Draw(t, "seq")
		}
		return v
	})
}

func merged(vs ...Vector) Vector {
	m := Vector{}
	for _, v := range vs {
		m.Merge(v)
	}
	return m
}

func TestVectorMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := vectors().Draw(t, "a"), vectors().Draw(t, "b"), vectors().Draw(t, "c")
		require.Equal(t, merged(a, b), merged(b, a))
		require.Equal(t, merged(merged(a, b), c), merged(a, merged(b, c)))
		require.Equal(t, merged(a), merged(a, a))
		all := merged(a, b)
		require.True(t, all.CoversAll(a) && all.CoversAll(b))
		for s, n := range all {
			d := Dot{s.Node, s.Incarnation, n}
			require.True(t, all.Covers(d))
			require.Equal(t, a[s] >= n, a.Covers(d))
			d.Seq++
			require.False(t, all.Covers(d))
		}
		require.Equal(t, a.CoversAll(b), merged(a, b).Equal(a))
	})
}

func TestVectorForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := vectors().Draw(t, "v")
		data, err := v.AppendBinary(nil)
		require.NoError(t, err)
		var back Vector
		require.NoError(t, back.UnmarshalBinary(data))
		require.Equal(t, v, back)
		require.Error(t, back.UnmarshalBinary(append(data, 0)))
		text, err := json.Marshal(v)
		require.NoError(t, err)
		back = nil
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, v, back)
	})
	var v Vector
	require.Error(t, v.UnmarshalBinary([]byte{0xff, 0xff, 0x7f}), "more sources than are allowed")
	require.ErrorContains(t, json.Unmarshal([]byte(`["a.0000000000000001.1","a.0000000000000001.2"]`), &v), "twice")
}

func FuzzVector(f *testing.F) {
	seed, _ := Vector{{"a", 1}: 2, {"b", 7}: 300}.AppendBinary(nil)
	f.Add(seed)
	f.Add([]byte{2, 1, 'b'})
	f.Fuzz(func(t *testing.T, data []byte) {
		var v Vector
		if v.UnmarshalBinary(data) != nil {
			return
		}
		again, err := v.AppendBinary(nil)
		require.NoError(t, err)
		var w Vector
		require.NoError(t, w.UnmarshalBinary(again))
		require.Equal(t, v, w)
	})
}
