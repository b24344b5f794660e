package edge_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// Fields that an origin names as one reader's alone reach the one who asked, and
// nobody else: neither who waited with it nor who comes later (RFC 9111 §5.2.2.7).
func TestOwnFieldsAreTheirReadersAlone(t *testing.T) {
	for _, control := range []string{`max-age=60, no-cache="set-cookie, x-user"`, `max-age=60, private="Set-Cookie, X-User"`} {
		n := newNode(t)
		g := newGated(n)
		var own, bare atomic.Int64
		wg := crowdWith(n, g, 50, "/account", func(int) []string { return nil }, func(_ int, r response) {
			switch {
			case r.status != 200 || r.body != "for all":
			case len(r.header["Set-Cookie"]) == 2 && r.header.Get("X-User") == "me" && !strings.Contains(r.cacheStatus(), "collapsed"):
				own.Add(1)
			case len(r.header["Set-Cookie"]) == 0 && r.header.Get("X-User") == "":
				bare.Add(1)
			}
		})
		g.answer <- func(*edge.Fetch) (*edge.Answer, error) {
			return answer(200, "for all", "Cache-Control: "+control, "Set-Cookie: a=1", "Set-Cookie: b=2", "X-User: me"), nil
		}
		wg.Wait()
		require.EqualValues(t, 1, own.Load(), control)
		require.EqualValues(t, 49, bare.Load(), control)
		r := n.get("/account")
		require.Contains(t, r.cacheStatus(), "; hit")
		require.Empty(t, r.header["Set-Cookie"])
		require.Empty(t, r.header["X-User"])
	}
}

// So do those of a 304, of a part, and of content that is shown while it comes; what
// belongs to the content is said by what is stored, once.
func TestOwnFieldsWhateverTheAnswer(t *testing.T) {
	n := conforming(t)
	cookies := func(r response) string { return strings.Join(r.header["Set-Cookie"], ",") }
	const control = `Cache-Control: max-age=60, no-cache="set-cookie, last-modified"`
	n.always(200, "content", control, `Etag: "v1"`, "Set-Cookie: a=1", "Last-Modified: "+ago(time.Hour))
	r := n.get("/x")
	require.Equal(t, "a=1", cookies(r))
	for _, name := range []string{"Last-Modified", "Cache-Control", "Etag"} {
		require.LessOrEqual(t, len(r.header[name]), 1, name)
	}
	require.Contains(t, n.get("/x").cacheStatus(), "; hit")

	n.always(206, "con", `Cache-Control: max-age=60, private="set-cookie"`, `Etag: "v1"`, "Content-Range: bytes 0-2/7", "Set-Cookie: a=3")
	r = n.get("/part", "Range: bytes=0-2")
	require.Equal(t, 206, r.status)
	require.Equal(t, "a=3", cookies(r))
	require.Equal(t, "", cookies(n.get("/part", "Range: bytes=0-2")))

	n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) {
		a := answer(200, "content", `Cache-Control: max-age=60, private="set-cookie"`, "Set-Cookie: a=4")
		a.Length = -1
		return a, nil
	})
	require.Equal(t, "a=4", cookies(n.get("/poured")))
	require.Equal(t, "", cookies(n.get("/poured")))

	n.at(2 * time.Minute)
	n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) {
		a := answer(304, "", control, `Etag: "v1"`, "Set-Cookie: a=2")
		a.RequestAt, a.ResponseAt = n.now(), n.now()
		return a, nil
	})
	r = n.get("/x")
	require.Equal(t, "a=2", cookies(r), r.cacheStatus())
	require.Equal(t, "", cookies(n.get("/x")))
}

// An artifact has no reader of its own.
func TestArtifactsHaveNoOwnFields(t *testing.T) {
	n := newNode(t)
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		return artifactOf(f.Key, 1, `Cache-Control: no-cache="x-user"`, "X-User: me"), nil
	})
	require.Empty(t, n.get(trial).header.Get("X-User"))
	require.Empty(t, n.get(trial).header.Get("X-User"))
}
