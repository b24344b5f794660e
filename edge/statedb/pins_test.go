package statedb

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPins(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	o := Options{KeepPins: 10}
	used := func(p *Pins) []int64 {
		count, bytes := p.Usage()
		return []int64{count, bytes}
	}
	again(t, path, o, func(db *DB) {
		p := db.Pins()
		require.Equal(t, []int64{0, 0}, used(p))
		require.NoError(t, p.Save("/a", "x=1", "en", []byte("123")))
		require.NoError(t, p.Save("/a", "x=1", "ja", []byte("456")))
		require.NoError(t, p.Save("/a", "x=2", "", []byte("78")))
		require.ErrorIs(t, p.Save("/b", "x=2", "", []byte("toolong")), ErrPinsFull)
		require.NoError(t, p.Save("/a", "x=2", "", []byte("9")), "in place of the former one")
		require.NoError(t, p.Save("/a/", "x=1", "", []byte("0")))
		require.Equal(t, []int64{4, 8}, used(p))
	})
	again(t, path, o, func(db *DB) {
		p := db.Pins()
		require.Equal(t, []int64{4, 8}, used(p), "as the file has them")
		list, err := p.Load("/a", "x=1")
		require.NoError(t, err)
		require.Equal(t, [][]byte{[]byte("123"), []byte("456")}, list)
		require.NoError(t, p.Sweep(func(text, vector string, data []byte) bool {
			return text == "/a" && vector == "x=1" && string(data) == "123"
		}))
		require.Equal(t, []int64{3, 5}, used(p))
		list, err = p.Load("/a", "x=1")
		require.NoError(t, err)
		require.Equal(t, [][]byte{[]byte("456")}, list)
		require.NoError(t, p.Save("/b", "x=2", "", []byte("12345")), "there is room again")
		none, err := p.Load("/a", "x=")
		require.NoError(t, err)
		require.Empty(t, none)
	})
}
