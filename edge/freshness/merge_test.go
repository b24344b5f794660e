package freshness

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// RFC 9111 §3.1, §3.2.
func TestMergeHeader(t *testing.T) {
	for name, want := range map[string]Merge{
		"Cache-Control": MergeReplace, "Expires": MergeReplace, "X-Test": MergeReplace, "Content-Foo": MergeReplace, "Set-Cookie": MergeReplace,
		"Content-Type": MergeReplace, "Last-Modified": MergeReplace, "Cdn-Cache-Control": MergeReplace, "Vary": MergeReplace,
		"Content-Length": MergeKeep, "Content-Encoding": MergeKeep, "Content-Range": MergeKeep, "Etag": MergeKeep, "Content-Digest": MergeKeep, "Repr-Digest": MergeReplace, "Content-Md5": MergeReplace,
		"Age": MergeRenew, "Date": MergeRenew,
		"Connection": MergeDrop, "Keep-Alive": MergeDrop, "Proxy-Authenticate": MergeDrop, "Proxy-Authentication-Info": MergeDrop,
		"Proxy-Authorization": MergeDrop, "Proxy-Connection": MergeDrop, "Te": MergeDrop, "Transfer-Encoding": MergeDrop, "Upgrade": MergeDrop,
	} {
		require.Equal(t, want, MergeHeader(name), name)
		require.Equal(t, want != MergeDrop, StoreHeader(name), name)
	}
}

// RFC 9111 §4.3.4.
func TestFreshens(t *testing.T) {
	for name, c := range map[string]struct {
		stored, update lines
		want           bool
	}{
		"same strong tag":      {lines{`Etag: "a"`}, lines{`Etag: "a"`}, true},
		"another strong tag":   {lines{`Etag: "a"`}, lines{`Etag: "b"`, "Last-Modified: x"}, false},
		"strong for weak":      {lines{`Etag: W/"a"`}, lines{`Etag: "a"`}, false},
		"weak for strong":      {lines{`Etag: "a"`}, lines{`Etag: W/"a"`}, true},
		"weak for weak":        {lines{`Etag: W/"a"`}, lines{`Etag: W/"a"`}, true},
		"another weak tag":     {lines{`Etag: W/"a"`}, lines{`Etag: W/"b"`}, false},
		"a tag from nowhere":   {lines{}, lines{`Etag: "b"`}, false},
		"same date":            {lines{"Last-Modified: x"}, lines{"Last-Modified: x"}, true},
		"another date":         {lines{"Last-Modified: x"}, lines{"Last-Modified: y"}, false},
		"a date it had not":    {lines{`Etag: "a"`}, lines{"Last-Modified: y"}, true},
		"nothing said":         {lines{`Etag: "a"`, "Last-Modified: x"}, lines{}, true},
		"a tag that is no tag": {lines{`Etag: "a"`}, lines{"Etag: a"}, true},
	} {
		require.Equal(t, c.want, Freshens(c.stored, c.update), name)
	}
}
