package edge

import (
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestPackingChangesNoText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawSlot(t).Art
		a.Fields = append(a.Fields, Field{"Etag", strings.Clone(a.ETag)})
		a.cacheStatus = a.Fields[0].Value
		want := []string{a.ETag, a.LastModified, a.upstreamETag, a.cacheStatus, a.control}
		fields := append([]Field(nil), a.Fields...)
		a.pack()
		require.Equal(t, fields, a.Fields)
		require.Equal(t, want, []string{a.ETag, a.LastModified, a.upstreamETag, a.cacheStatus, a.control})
		require.Equal(t, len(a.Fields), cap(a.Fields))
	})
}

// What an artifact holds must not keep the memory alive that it was read into.
func TestPackingLetsTheOriginalsGo(t *testing.T) {
	read := strings.Repeat("x", 4096)
	a := &Artifact{Fields: []Field{{"X-Own", read[:5]}, {"Etag", read[5:9]}}, ETag: read[5:9]}
	a.pack()
	from := uintptr(unsafe.Pointer(unsafe.StringData(read)))
	for _, text := range []string{a.Fields[0].Value, a.Fields[1].Value, a.ETag} {
		at := uintptr(unsafe.Pointer(unsafe.StringData(text)))
		require.False(t, at >= from && at < from+4096)
	}
	require.Equal(t, unsafe.StringData(a.Fields[1].Value), unsafe.StringData(a.ETag), "kept once")
}
