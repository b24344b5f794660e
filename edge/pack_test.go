package edge

import (
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func drawDraft(t *rapid.T) *draft {
	text := rapid.OneOf(rapid.StringN(0, 20, 40), rapid.StringN(120, 140, 300))
	name := rapid.OneOf(text, rapid.Map(rapid.ByteRange(1, 40), commonName))
	fields := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Field {
		return Field{name.Draw(t, "name"), text.Draw(t, "value")}
	}), 0, 200).Draw(t, "fields")
	d := &draft{Status: rapid.IntRange(200, 599).Draw(t, "status"), Fields: fields, Body: rapid.SliceOf(rapid.Byte()).Draw(t, "body")}
	for _, p := range []*string{&d.ETag, &d.LastModified, &d.upstreamETag, &d.cacheStatus, &d.control} {
		if len(fields) > 0 && rapid.Bool().Draw(t, "line") {
			*p = rapid.SampledFrom(fields).Draw(t, "of").Value
		} else {
			*p = text.Draw(t, "about")
		}
	}
	return d
}

func TestPackingChangesNoText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDraft(t)
		a := d.pack()
		got := a.unpack()
		require.Equal(t, len(d.Fields), len(got.Fields))
		require.True(t, slices.Equal(d.Fields, got.Fields))
		got.Fields = d.Fields
		require.Equal(t, d, got)
		for _, f := range d.Fields {
			require.Equal(t, fieldLines(d.Fields).Get(f.Name), a.Get(f.Name))
		}
		require.Equal(t, fieldLines(d.Fields).Get("X-None"), a.Get("X-None"))
	})
}

func TestCommonNamesHaveOneCodeEach(t *testing.T) {
	for code := byte(1); commonName(code) != ""; code++ {
		require.Equal(t, code, commonCode(commonName(code)))
	}
	require.EqualValues(t, ownName, commonCode("X-None"))
}

// What an artifact holds must not keep the memory alive that it was read into.
func TestPackingLetsTheOriginalsGo(t *testing.T) {
	read := strings.Repeat("x", 4096)
	d := &draft{Fields: []Field{{"X-Own", read[:5]}, {"Etag", read[5:9]}}, ETag: read[5:9]}
	a := d.pack()
	from := uintptr(unsafe.Pointer(unsafe.StringData(read)))
	for _, text := range []string{a.Get("X-Own"), a.Get("Etag"), a.ETag()} {
		at := uintptr(unsafe.Pointer(unsafe.StringData(text)))
		require.False(t, at >= from && at < from+4096)
	}
	require.Equal(t, unsafe.StringData(a.Get("Etag")), unsafe.StringData(a.ETag()), "kept once")
}

func TestReadingLinesAllocatesNothing(t *testing.T) {
	a := NewArtifact(200, nil, Field{"Cache-Control", "max-age=60"}, Field{"Etag", `"x"`}, Field{"X-Own", "y"})
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		n := 0
		for _, value := range a.All {
			n += len(value)
		}
		if n != 14 || a.ETag() != `"x"` || a.Get("X-Own") != "y" || a.about(aboutCacheStatus) != "" {
			panic(n)
		}
	}))
}
