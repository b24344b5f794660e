package edge_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/invalidation"
)

const digits = "0123456789"

// ranged is an origin that answers ranges of ten digits, under a tag that can be
// changed, and notes what it was asked.
type ranged struct {
	tag, content string
	extra        []string
	asked        []string
}

func (o *ranged) fetch(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
	get := func(name string) string {
		for _, l := range f.Fields {
			if l.Name == name {
				return l.Value
			}
		}
		return ""
	}
	spec, ifRange := get("Range"), get("If-Range")
	o.asked = append(o.asked, strings.TrimSpace(spec+" "+ifRange))
	lines := append([]string{"Cache-Control: max-age=60"}, o.extra...)
	if o.tag != "" {
		lines = append(lines, "Etag: "+o.tag)
	}
	var first, last int
	n, _ := fmt.Sscanf(spec, "bytes=%d-%d", &first, &last)
	if n == 0 || ifRange != "" && ifRange != o.tag {
		return answer(200, o.content, lines...), nil
	}
	if n == 1 {
		last = len(o.content) - 1
	}
	return answer(206, o.content[first:last+1], append(lines, fmt.Sprintf("Content-Range: bytes %d-%d/%d", first, last, len(o.content)))...), nil
}

func newRanged(t *testing.T) (*node, *ranged) {
	n, o := conforming(t), &ranged{tag: `"v1"`, content: digits}
	n.up.set(o.fetch)
	return n, o
}

// part asks for a range and returns what came of it, with the Content-Range.
func (n *node) part(spec string, lines ...string) string {
	r := n.get("/x", append([]string{"Range: bytes=" + spec}, lines...)...)
	require.LessOrEqual(n.t, len(r.header["Content-Range"]), 1)
	return strings.TrimSpace(fmt.Sprint(r.status, " ", r.header.Get("Content-Range"), " ", r.body))
}

func TestPartsAreStored(t *testing.T) {
	n, o := newRanged(t)
	require.Equal(t, "206 bytes 2-5/10 2345", n.part("2-5"))
	for spec, want := range map[string]string{"2-5": "bytes 2-5/10 2345", "3-4": "bytes 3-4/10 34", "5-5": "bytes 5-5/10 5"} {
		require.Equal(t, "206 "+want, n.part(spec))
	}
	require.Contains(t, n.get("/x", "Range: bytes=3-4").cacheStatus(), "hit")
	require.Contains(t, n.get("/x", "Range: bytes=3-4", "Cache-Control: only-if-cached").cacheStatus(), "hit")
	require.Equal(t, []string{"bytes=2-5"}, o.asked)
	require.Equal(t, "206 bytes 0-1/10 01", n.part("0-1"), "joined with what is there")
	require.Equal(t, "206 bytes 0-5/10 012345", n.part("0-5"))
	require.Equal(t, []string{"bytes=2-5", "bytes=0-1"}, o.asked)
	require.Equal(t, "206 bytes 4-9/10 456789", n.part("4-9"), "now it is whole")
	require.Equal(t, digits, n.get("/x").body)
	require.Equal(t, "206 bytes 7-9/10 789", n.part("-3"))
	require.Len(t, o.asked, 3)
}

// A whole is made of a part and what is missing, by a strong tag and by nothing
// else (RFC 9110 §15.3.7.3, RFC 9111 §3.4).
func TestPartsAreCompleted(t *testing.T) {
	for name, c := range map[string]struct {
		first string
		asked []string
		want  string
		edit  func(o *ranged)
	}{
		"the end":            {first: "0-4", asked: []string{`bytes=5- "v1"`}},
		"the beginning":      {first: "6-9", asked: []string{`bytes=0-5 "v1"`}},
		"from the middle":    {first: "3-4", asked: []string{""}},
		"changed since":      {first: "0-4", asked: []string{`bytes=5- "v1"`}, want: "abcdefghij", edit: func(o *ranged) { o.tag, o.content = `"v2"`, "abcdefghij" }},
		"weak":               {first: "0-4", asked: []string{"bytes=5-", ""}, edit: func(o *ranged) { o.tag = `W/"v1"` }},
		"no tag":             {first: "0-4", asked: []string{"bytes=5-", ""}, edit: func(o *ranged) { o.tag = "" }},
		"If-Range unheeded":  {first: "0-4", asked: []string{`bytes=5- "v1"`, ""}, edit: func(o *ranged) { o.extra = []string{"Etag: \"v2\""} }},
		"of another length":  {first: "0-4", asked: []string{`bytes=5- "v1"`, ""}, want: digits + "A", edit: func(o *ranged) { o.content = digits + "A" }},
		"not what was asked": {first: "0-4", asked: []string{`bytes=5- "v1"`, ""}, edit: nil},
	} {
		t.Run(name, func(t *testing.T) {
			n, o := newRanged(t)
			if name == "weak" || name == "no tag" {
				c.edit(o)
			}
			require.Contains(t, n.part(c.first), "206")
			o.asked = nil
			if c.edit != nil {
				c.edit(o)
			}
			if name == "not what was asked" {
				n.up.set(func(ctx context.Context, f *edge.Fetch) (*edge.Answer, error) {
					if a, err := o.fetch(ctx, f); a.Status != 206 {
						return a, err
					}
					return answer(206, "6789", `Etag: "v1"`, "Content-Range: bytes 6-9/10"), nil
				})
			}
			want := c.want
			if want == "" {
				want = digits
			}
			r := n.get("/x")
			require.Equal(t, 200, r.status)
			require.Equal(t, want, r.body)
			require.Empty(t, r.header.Get("Content-Range"))
			require.Equal(t, c.asked, o.asked)
			require.Equal(t, want, n.get("/x").body)
			require.Len(t, o.asked, len(c.asked), "stored whole")
		})
	}
}

// Two parts of different representations are never one.
func TestPartsOfDifferentTagsAreNotJoined(t *testing.T) {
	n, o := newRanged(t)
	n.part("0-4")
	o.tag, o.content = `"v2"`, "abcdefghij"
	require.Equal(t, "206 bytes 5-9/10 fghij", n.part("5-9"))
	require.Equal(t, "206 bytes 0-4/10 abcde", n.part("0-4"), "the older part is gone")
	require.Equal(t, "abcdefghij", n.get("/x").body)
	for _, tag := range []string{"", `W/"v1"`} {
		n, o := newRanged(t)
		o.tag = tag
		n.part("0-4")
		n.part("5-9")
		asked := len(o.asked)
		n.part("0-4")
		require.Len(t, o.asked, asked+1, "the newer part stays alone")
	}
}

func TestPartsAreOfTheirVariant(t *testing.T) {
	n, o := newRanged(t)
	o.extra = []string{"Vary: Foo"}
	n.part("0-4", "Foo: 1")
	n.part("0-4", "Foo: 2")
	n.part("1-2", "Foo: 1")
	n.part("1-2", "Foo: 2")
	require.Len(t, o.asked, 2)
	n.part("1-2", "Foo: 3")
	require.Len(t, o.asked, 3)
}

func TestPartsAreUsedFreshAndWithoutConditions(t *testing.T) {
	n, o := newRanged(t)
	n.part("0-4")
	require.Equal(t, "206 bytes 0-1/10 01", n.part("0-1", `If-Range: "v1"`))
	require.Equal(t, []string{"bytes=0-4", `bytes=5- "v1"`}, o.asked, "a condition is answered from the whole")

	n, o = newRanged(t)
	n.part("0-4")
	n.skew.Add(int64(2 * time.Minute))
	n.part("0-4")
	require.Equal(t, []string{"bytes=0-4", "bytes=0-4"}, o.asked)
}

func TestPurgesHitParts(t *testing.T) {
	for _, sel := range []cachekey.Selector{{Tags: []string{"a"}}, {Keys: []string{"edge.test/x"}}, {Prefix: "edge.test/"}, {Host: "edge.test"}, {All: true}} {
		n, o := newRanged(t)
		o.extra = []string{"Cache-Tag: a"}
		n.part("0-4")
		require.Equal(t, 1, n.cache.Count(sel), "%+v", sel)
		n.marks.Raise(sel, invalidation.ModeHard)
		n.part("0-4")
		require.Len(t, o.asked, 2, "%+v", sel)
	}
}

// What contradicts itself is passed on, and nothing is made of it.
func TestPartsThatAreNoneAreNotStored(t *testing.T) {
	for _, line := range []string{"bytes 4-9/10", "bytes 0-4/4", "bytes 4-0/10", "bytes 0-4/*", "bytes */10", "items 0-4/10", "bytes 0-4", "", "0-4/10", "bytes 0-+4/10"} {
		n := conforming(t)
		n.always(206, "01234", "Cache-Control: max-age=60", `Etag: "v1"`, "Content-Range: "+line)
		require.Contains(t, n.part("0-4"), "01234", line)
		n.part("0-4")
		require.EqualValues(t, 2, n.up.n.Load(), line)
	}
	n := conforming(t)
	n.always(206, "01234", "Cache-Control: no-store", "Content-Range: bytes 0-4/10")
	n.part("0-4")
	n.part("0-4")
	require.EqualValues(t, 2, n.up.n.Load())
}

// In the default profile the first range makes the whole be fetched; only where that
// cannot be stored, ranges go on.
func TestPartsInTheDefaultProfile(t *testing.T) {
	n, o := newNode(t), &ranged{tag: `"v1"`, content: digits}
	n.up.set(o.fetch)
	require.Equal(t, "206 bytes 2-5/10 2345", n.part("2-5"))
	require.Equal(t, []string{""}, o.asked)

	n, o = newNode(t, func(c *edge.Config, _ *edge.Deps) { c.MaxObject = 8 }), &ranged{tag: `"v1"`, content: digits}
	n.up.set(o.fetch)
	require.Equal(t, digits, n.get("/x").body, "too large to be stored")
	require.Equal(t, "206 bytes 2-5/10 2345", n.part("2-5"))
	require.Equal(t, "206 bytes 3-4/10 34", n.part("3-4"))
	require.Equal(t, []string{"", "bytes=2-5"}, o.asked)
	require.Equal(t, "206 bytes 0-3/10 0123", n.part("0-3"))
	require.Equal(t, "206 bytes 4-9/10 456789", n.part("4-9"), "together they would be too large")
	require.Equal(t, digits, n.get("/x").body)
}

// What is joined carries the tags of all its parts: a purge of one that only an older
// part has named hits it.
func TestJoinedPartsKeepTheirTags(t *testing.T) {
	for name, second := range map[string]string{"part": "3-5", "whole": "3-9"} {
		t.Run(name, func(t *testing.T) {
			n, o := newRanged(t)
			o.extra = []string{"Cache-Tag: products"}
			n.part("0-3")
			o.extra = nil // a 206 need not say again what the whole is (RFC 9110 §15.3.7)
			n.part(second)
			require.Equal(t, "206 bytes 1-5/10 12345", n.part("1-5"))
			require.Len(t, o.asked, 2, "they are joined")
			n.marks.Raise(cachekey.Selector{Tags: []string{"products"}}, invalidation.ModeHard)
			n.part("1-5")
			require.Len(t, o.asked, 3)
		})
	}
}

// So does a whole that a part is in, where the purge comes while the rest is fetched.
func TestPurgeWhileAPartIsCompleted(t *testing.T) {
	n, o := newRanged(t)
	o.extra = []string{`Cache-Groups: "products"`}
	n.part("0-4")
	n.up.set(func(ctx context.Context, f *edge.Fetch) (*edge.Answer, error) {
		n.marks.Raise(cachekey.Selector{Tags: []string{"products"}}, invalidation.ModeHard)
		o.extra = []string{`Cache-Groups: "others"`}
		return o.fetch(ctx, f)
	})
	require.Equal(t, digits, n.get("/x").body, "it asked before the purge")
	require.Equal(t, []string{"bytes=0-4", `bytes=5- "v1"`}, o.asked)
	require.Contains(t, n.get("/x").cacheStatus(), "fwd=uri-miss")
	require.Len(t, o.asked, 3)
}

// A HEAD that goes on updates what is stored for GETs (RFC 9111 §4.3.5).
func TestHeadUpdatesWhatIsStored(t *testing.T) {
	for _, c := range []struct {
		lines  string
		length int64
		want   string // X-A of the GET that follows
	}{
		{`Etag: "v1"|X-A: 2`, 1, "hit 2"},
		{"X-A: 2", -1, "hit 2"},
		{`Etag: "v2"|X-A: 2`, 1, "miss 1"},
		{"Last-Modified: " + ago(0) + "|X-A: 2", 1, "miss 1"},
		{"X-A: 2", 7, "miss 1"},
	} {
		n := conforming(t)
		n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
			if f.Method == "HEAD" {
				a := answer(200, "", append([]string{"Cache-Control: max-age=60"}, strings.Split(c.lines, "|")...)...)
				a.Length, a.RequestAt, a.ResponseAt = c.length, n.now(), n.now()
				return a, nil
			}
			return answer(200, "x", "Cache-Control: max-age=60", `Etag: "v1"`, "X-A: 1"), nil
		})
		n.get("/x")
		n.skew.Add(int64(2 * time.Minute))
		head := n.do(context.Background(), "HEAD", "/x")
		require.Equal(t, "2", head.header.Get("X-A"))
		r := n.get("/x")
		got := "miss "
		if strings.Contains(r.cacheStatus(), "hit") {
			got = "hit "
		}
		require.Equal(t, c.want, got+r.header.Get("X-A"), c.lines)
	}
}

// What a client does not want stored updates nothing (RFC 9111 §5.2.1.5).
func TestHeadWithNoStoreUpdatesNothing(t *testing.T) {
	n := conforming(t)
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		return answer(200, "x", "Cache-Control: max-age=60", "X-A: "+f.Method), nil
	})
	n.get("/x")
	require.Equal(t, "HEAD", n.do(context.Background(), "HEAD", "/x", "Cache-Control: no-store, no-cache").header.Get("X-A"))
	require.Equal(t, "GET", n.get("/x").header.Get("X-A"))
	n.do(context.Background(), "HEAD", "/x", "Cache-Control: no-cache")
	require.Equal(t, "HEAD", n.get("/x").header.Get("X-A"))
}

// A HEAD whose content nobody could store fetches none.
func TestHeadOfWhatCannotBeStored(t *testing.T) {
	n := newNode(t)
	var methods []string
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		methods = append(methods, f.Method)
		return answer(200, "x", "Cache-Control: no-store"), nil
	})
	for range 3 {
		require.Equal(t, 200, n.do(context.Background(), "HEAD", "/x").status)
	}
	require.Equal(t, []string{"GET", "HEAD", "HEAD"}, methods)
}
