package edge_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// digests are those of an answer: of its content, and of the representation.
func digests(h http.Header) []string {
	return []string{h.Get("Content-Digest"), h.Get("Content-Md5"), h.Get("Repr-Digest")}
}

// Content-Digest is of the content that is sent (RFC 9530 §2): a part does not carry
// the whole's, nor does what has no content.
func TestDigestsAreOfTheContentSent(t *testing.T) {
	n := newNode(t)
	n.always(200, digits, "Cache-Control: max-age=60", `Etag: "v1"`, "Content-Digest: sha-256=:w:", "Content-Md5: w", "Repr-Digest: sha-256=:r:", "Content-Type: text/plain")
	whole, none := []string{"sha-256=:w:", "w", "sha-256=:r:"}, []string{"", "", "sha-256=:r:"}
	for range 3 {
		require.Equal(t, whole, digests(n.get("/x").header))
	}
	for name, lines := range map[string][]string{
		"part":           {"Range: bytes=2-5"},
		"parts":          {"Range: bytes=0-1,4-5"},
		"not modified":   {`If-None-Match: "v1"`},
		"all of it":      {"Range: bytes=0-"},
		"part, if":       {"Range: bytes=2-5", `If-Range: "v1"`},
		"unsatisfiable":  {"Range: bytes=10-"},
		"not that range": {"Range: bytes=2-5", `If-Range: "v2"`},
	} {
		r := n.get("/x", lines...)
		switch r.status {
		case 200:
			require.Equal(t, whole, digests(r.header), name)
		case 416:
			require.Equal(t, []string{"", "", ""}, digests(r.header), name)
		default:
			require.Equal(t, none, digests(r.header), name)
		}
	}
	require.Equal(t, none, digests(n.do(context.Background(), "HEAD", "/x").header))
	require.Equal(t, whole, digests(n.get("/x").header))
}

// A stored part keeps its own digest, as long as it is sent as it came; what is made
// of parts has none.
func TestDigestsOfStoredParts(t *testing.T) {
	stored := func() *node {
		n, o := newRanged(t)
		o.extra = []string{"Content-Digest: sha-256=:p:", "Repr-Digest: sha-256=:r:"}
		require.Equal(t, "206 bytes 2-5/10 2345", n.part("2-5"))
		return n
	}
	n := stored()
	require.Equal(t, []string{"sha-256=:p:", "", "sha-256=:r:"}, digests(n.get("/x", "Range: bytes=2-5").header))
	require.Equal(t, []string{"", "", "sha-256=:r:"}, digests(n.get("/x", "Range: bytes=2-4").header))
	require.Equal(t, "206 bytes 0-1/10 01", n.part("0-1"))
	require.Equal(t, []string{"", "", "sha-256=:r:"}, digests(n.get("/x", "Range: bytes=0-5").header), "joined")
	require.Equal(t, "206 bytes 6-9/10 6789", n.part("6-9"))
	r := n.get("/x")
	require.Equal(t, digits, r.body)
	require.Equal(t, []string{"", "", "sha-256=:r:"}, digests(r.header), "joined to the whole")

	n, o := newRanged(t)
	o.extra = []string{"Content-Digest: sha-256=:p:"}
	n.part("0-4")
	r = n.get("/x") // the rest is asked for
	require.Equal(t, digits, r.body)
	require.Len(t, o.asked, 2)
	require.Empty(t, r.header.Get("Content-Digest"), "completed")
}

// What a 304 says of its own content, of which there is none, does not replace what
// the stored answer says of its.
func TestValidationKeepsTheContentsDigest(t *testing.T) {
	n := newNode(t)
	n.always(200, digits, "Cache-Control: max-age=0", `Etag: "v1"`, "Content-Digest: sha-256=:w:")
	n.get("/x")
	n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) {
		return answer(304, "", "Cache-Control: max-age=60", `Etag: "v1"`, "Content-Digest: sha-256=:none:"), nil
	})
	r := n.get("/x")
	require.Equal(t, digits, r.body)
	require.Equal(t, "sha-256=:w:", r.header.Get("Content-Digest"))
	require.Equal(t, "sha-256=:w:", n.get("/x").header.Get("Content-Digest"))
}

// A preview is for nobody else, whatever else its answer leaves out.
func TestSkipsAddUp(t *testing.T) {
	all := edge.SkipType | edge.SkipControl | edge.SkipRange | edge.SkipDigest
	for _, name := range []string{"Content-Type", "Cache-Control", "Content-Range", "Content-Digest", "Content-Md5"} {
		require.True(t, all.Has(name), name)
		require.False(t, edge.Skips(0).Has(name), name)
	}
	require.False(t, all.Has("Repr-Digest"))
}
