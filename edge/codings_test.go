package edge_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	brrr "github.com/molecule-man/go-brrr"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/coding"
	"github.com/letteros/letteredge/invalidation"
)

// coder has a core make codings by the default policy.
func coder(cfg *edge.Config, _ *edge.Deps) { cfg.Coding = coding.DefaultPolicy() }

// ownCoder has it ask origins for the identity too.
func ownCoder(cfg *edge.Config, _ *edge.Deps) {
	cfg.Coding, cfg.OwnCoding = coding.DefaultPolicy(), true
}

// page is content that compresses.
func page(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "<p>Paragraph %d of a page on offers.</p>\n", i)
	}
	return b.String()[:n]
}

// pages answers with a page.
func pages(size int, lines ...string) func(context.Context, *edge.Fetch) (*edge.Answer, error) {
	return func(context.Context, *edge.Fetch) (*edge.Answer, error) {
		return answer(200, page(size), append([]string{"Content-Type: text/html", "Cache-Control: max-age=60", `Etag: "v1"`}, lines...)...), nil
	}
}

// plain is the content of a response, by the standard library where it can.
func (r response) plain(t require.TestingT) string {
	var out []byte
	var err error
	switch of := r.header.Get("Content-Encoding"); of {
	case "":
		return r.body
	case "gzip":
		var z *gzip.Reader
		z, err = gzip.NewReader(strings.NewReader(r.body))
		require.NoError(t, err)
		out, err = io.ReadAll(z)
	case "br":
		out, err = brrr.Decompress([]byte(r.body))
	case "zstd":
		var z *zstd.Decoder
		z, err = zstd.NewReader(nil)
		require.NoError(t, err)
		defer z.Close()
		out, err = z.DecodeAll([]byte(r.body), nil)
	default:
		require.Fail(t, "unknown coding "+of)
	}
	require.NoError(t, err)
	return string(out)
}

// lasting is the response without what differs from one moment to the next.
func (r response) lasting() response {
	for _, name := range []string{"Age", "Cache-Status", "Server-Timing"} {
		delete(r.header, name)
	}
	return r
}

func TestCodingsAreMadeWhenFirstAskedFor(t *testing.T) {
	n := newNode(t, coder)
	n.up.set(pages(4000, "Vary: X-Other", "Repr-Digest: sha-256=:x:", "Last-Modified: Mon, 23 Nov 2026 22:00:00 GMT"))
	identity := n.get("/x")
	require.Empty(t, identity.header.Get("Content-Encoding"))
	require.Equal(t, []string{"X-Other", "Accept-Encoding"}, identity.header["Vary"])
	require.NotEmpty(t, identity.header.Get("Repr-Digest"))
	tags := map[string]string{identity.header.Get("Etag"): "identity"}
	for _, of := range []string{"gzip", "br", "zstd"} {
		first := n.get("/x", "Accept-Encoding: "+of)
		require.Equal(t, of, first.header.Get("Content-Encoding"))
		require.Equal(t, page(4000), first.plain(t))
		require.Equal(t, []string{"X-Other", "Accept-Encoding"}, first.header["Vary"])
		require.Regexp(t, `^"[\w-]{22}"$`, first.header.Get("Etag"))
		require.NotContains(t, tags, first.header.Get("Etag"))
		require.Empty(t, first.header.Get("Repr-Digest"), "it is the identity's")
		require.Equal(t, identity.header.Get("Last-Modified"), first.header.Get("Last-Modified"))
		require.Contains(t, first.cacheStatus(), "test-1; hit; ttl=")
		require.NotEmpty(t, first.header.Get("Age"))
		tags[first.header.Get("Etag")] = of
		again := n.get("/x", "Accept-Encoding: "+of)
		require.Equal(t, first.lasting(), again.lasting())
		head := n.do(context.Background(), "HEAD", "/x", "Accept-Encoding: "+of)
		require.Empty(t, head.body)
		head.body = first.body
		require.Equal(t, first.lasting(), head.lasting())
	}
	require.Equal(t, identity.lasting(), n.get("/x").lasting())
	require.EqualValues(t, 1, n.up.n.Load())

	all := newNode(t, coder)
	all.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		a := artifactOf(f.Key, 1)
		body, err := io.ReadAll(a.Body)
		body = bytes.Replace(body, []byte("<p>"), []byte(page(1000)), 1)
		body = bytes.ReplaceAll(body, []byte("\n"), []byte(`\n`))
		a.Body, a.Length = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		return a, err
	})
	require.Equal(t, "gzip", all.get(trial, "Accept-Encoding: gzip").header.Get("Content-Encoding"), "on a miss too")
	head := all.do(context.Background(), "HEAD", trial+"2", "Accept-Encoding: br")
	require.Equal(t, "br", head.header.Get("Content-Encoding"))
	require.Equal(t, head.header.Get("Etag"), all.get(trial+"2", "Accept-Encoding: br").header.Get("Etag"))
}

// What the reader weighs most is sent, and what it refuses is not.
func TestCodingByWeight(t *testing.T) {
	n := newNode(t, coder)
	n.up.set(pages(4000))
	n.get("/x") // a fill that takes its time shows the identity
	for accept, want := range map[string]string{
		"gzip, deflate, br, zstd": "br", "gzip;q=1, br;q=0.5": "gzip", "br;q=0, *": "zstd", "identity, gzip;q=0.5": "",
		"deflate": "", "": "", "gzip;q=0": "", "*;q=0": "", "identity;q=0": "", "gzip;q=0.1, identity;q=0": "gzip", "GZIP": "gzip",
	} {
		r := n.get("/x", "Accept-Encoding: "+accept)
		require.Equal(t, 200, r.status)
		require.Equal(t, want, r.header.Get("Content-Encoding"), accept)
		require.Equal(t, []string{"Accept-Encoding"}, r.header["Vary"], accept)
		require.Equal(t, page(4000), r.plain(t))
	}
	require.Equal(t, "gzip", n.get("/x", "Accept-Encoding: br;q=0.5", "Accept-Encoding: gzip").header.Get("Content-Encoding"), "two lines")
}

// Each representation is validated by its own tag, and what a reader has is
// current whichever it is, as long as it accepts it.
func TestCodedAnswersAreValidatedByTheirOwnTags(t *testing.T) {
	n := newNode(t, coder)
	n.up.set(pages(4000))
	const browser = "Accept-Encoding: gzip, br"
	identity, br, gz := n.get("/x"), n.get("/x", browser), n.get("/x", "Accept-Encoding: gzip")
	for _, r := range []response{identity, br, gz} {
		tag := r.header.Get("Etag")
		for _, list := range []string{tag, "W/" + tag, `"x", ` + tag} {
			got := n.get("/x", browser, "If-None-Match: "+list)
			require.Equal(t, 304, got.status, list)
			require.Equal(t, tag, got.header.Get("Etag"))
			require.Equal(t, []string{"Accept-Encoding"}, got.header["Vary"])
			require.Empty(t, got.body)
		}
	}
	require.Equal(t, 304, n.get("/x", browser, "If-None-Match: *").status)
	require.Equal(t, br.header.Get("Etag"), n.get("/x", browser, "If-None-Match: "+gz.header.Get("Etag")+", "+br.header.Get("Etag")).header.Get("Etag"),
		"of several the most wanted")
	got := n.get("/x", browser, `If-None-Match: "other"`)
	require.Equal(t, 200, got.status)
	require.Equal(t, br.header.Get("Etag"), got.header.Get("Etag"))
	require.Equal(t, 200, n.get("/x", "Accept-Encoding: gzip", "If-None-Match: "+br.header.Get("Etag")).status, "not accepted any more")
	require.Equal(t, 200, n.get("/x", "Accept-Encoding: gzip, identity;q=0", "If-None-Match: "+identity.header.Get("Etag")).status)

	// A tag of a coding that this node has not made yet is known when it has.
	other := newNode(t, coder)
	other.up.set(pages(4000))
	other.get("/x")
	require.Equal(t, 304, other.get("/x", browser, "If-None-Match: "+br.header.Get("Etag")).status)
}

func TestRangesAreOfTheRepresentation(t *testing.T) {
	n := newNode(t, coder)
	n.up.set(pages(4000, "Last-Modified: Mon, 23 Nov 2026 22:00:00 GMT"))
	const gz, part = "Accept-Encoding: gzip", "Range: bytes=10-19"
	n.get("/x") // a fill that takes its time shows the identity
	coded := n.get("/x", gz)
	ofIdentity := fmt.Sprintf("bytes 10-19/%d", 4000)
	ofCoded := fmt.Sprintf("bytes 10-19/%d", len(coded.body))
	for name, c := range map[string]struct {
		lines []string
		want  string // Content-Range
		body  string
	}{
		"identity":                 {nil, ofIdentity, page(4000)[10:20]},
		"coded":                    {[]string{gz}, ofCoded, coded.body[10:20]},
		"the identity's tag":       {[]string{gz, `If-Range: "v1"`}, ofIdentity, page(4000)[10:20]},
		"the coding's tag":         {[]string{gz, "If-Range: " + coded.header.Get("Etag")}, ofCoded, coded.body[10:20]},
		"it, and more is accepted": {[]string{"Accept-Encoding: gzip, br", "If-Range: " + coded.header.Get("Etag")}, ofCoded, coded.body[10:20]},
		"another tag":              {[]string{gz, `If-Range: "v0"`}, "", coded.body},
		"a weak tag":               {[]string{gz, `If-Range: W/"v1"`}, "", coded.body},
		"a date":                   {[]string{gz, "If-Range: Mon, 23 Nov 2026 22:00:00 GMT"}, ofIdentity, page(4000)[10:20]},
		"another date":             {[]string{gz, "If-Range: Mon, 23 Nov 2026 21:00:00 GMT"}, "", page(4000)},
	} {
		r := n.get("/x", append(c.lines, part)...)
		require.Equal(t, c.want, r.header.Get("Content-Range"), name)
		require.Equal(t, c.body, r.body, name)
		require.Equal(t, c.body != page(4000) && c.want != ofIdentity, r.header.Get("Content-Encoding") == "gzip", name)
		require.Equal(t, []string{"Accept-Encoding"}, r.header["Vary"], name)
	}
	beyond := n.get("/x", gz, "Range: bytes=3000-")
	require.Equal(t, 416, beyond.status)
	require.Equal(t, fmt.Sprintf("bytes */%d", len(coded.body)), beyond.header.Get("Content-Range"))
}

func TestWhatIsLeftAlone(t *testing.T) {
	noise := make([]byte, 4000)
	rand.NewChaCha8([32]byte{1}).Read(noise)
	const accept = "Accept-Encoding: br, gzip, zstd"
	for name, c := range map[string]struct {
		body  string
		lines []string
		vary  []string
	}{
		"small":                  {body: page(511), lines: []string{"Content-Type: text/html"}},
		"an image":               {body: page(4000), lines: []string{"Content-Type: image/png"}},
		"film":                   {body: page(4000), lines: []string{"Content-Type: video/mp4"}},
		"an archive":             {body: page(4000), lines: []string{"Content-Type: application/zip"}},
		"no type":                {body: page(4000)},
		"coded by the origin":    {body: page(4000), lines: []string{"Content-Type: text/html", "Content-Encoding: gzip", "Vary: accept-encoding"}, vary: []string{"accept-encoding"}},
		"no-transform":           {body: page(4000), lines: []string{"Content-Type: text/html", "Cache-Control: max-age=60, No-Transform"}},
		"the same, and targeted": {body: page(4000), lines: []string{"Content-Type: text/html", "Cdn-Cache-Control: max-age=60", "Cache-Control: no-transform"}},
		"what does not shrink":   {body: string(noise), lines: []string{"Content-Type: text/html"}, vary: []string{"Accept-Encoding"}},
	} {
		n := newNode(t, coder)
		n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) {
			return answer(200, c.body, append([]string{"Cdn-Cache-Control: max-age=60"}, c.lines...)...), nil
		})
		for range 2 {
			r := n.get("/x", accept)
			require.Equal(t, c.body, r.body, name)
			require.Equal(t, c.vary, r.header["Vary"], name)
			require.Equal(t, name == "coded by the origin", r.header.Get("Content-Encoding") != "", name)
		}
	}
	n := newNode(t, coder)
	n.up.set(pages(4000))
	require.Empty(t, n.get("/x", accept, "Cache-Control: no-transform").header.Get("Content-Encoding"), "the reader wants it as it is")
	require.Equal(t, "br", n.get("/x", accept).header.Get("Content-Encoding"))

	off := newNode(t)
	off.up.set(pages(4000))
	r := off.get("/x", accept)
	require.Empty(t, r.header.Get("Content-Encoding"))
	require.Empty(t, r.header["Vary"])
}

// A 304 brings new fields, not new content: nothing is coded again, and the line
// that this node adds is neither doubled nor sent to peers.
func TestRenewedAnswersKeepTheirCodings(t *testing.T) {
	n := newNode(t, coder)
	n.up.set(pages(4000, "X-Round: 1"))
	n.get("/x")
	before := n.get("/x", "Accept-Encoding: br")
	size := n.cache.Stats().Bytes
	n.skew.Add(int64(2 * time.Minute))
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		return answer(304, "", "Cache-Control: max-age=60", `Etag: "v1"`, "X-Round: 2"), nil
	})
	identity := n.get("/x")
	require.Equal(t, "2", identity.header.Get("X-Round"))
	require.Equal(t, []string{"Accept-Encoding"}, identity.header["Vary"])
	require.Equal(t, size, n.cache.Stats().Bytes, "with its codings")
	after := n.get("/x", "Accept-Encoding: br")
	require.Equal(t, "2", after.header.Get("X-Round"))
	require.Equal(t, before.body, after.body)
	require.Equal(t, before.header.Get("Etag"), after.header.Get("Etag"))
	require.Equal(t, []string{"Accept-Encoding"}, after.header["Vary"])

	// The same content sent again is as good; other content is not.
	n.skew.Add(int64(2 * time.Minute))
	n.up.set(pages(4000, "X-Round: 3"))
	require.Equal(t, "3", n.get("/x").header.Get("X-Round"))
	require.Equal(t, size, n.cache.Stats().Bytes)
	require.Equal(t, before.body, n.get("/x", "Accept-Encoding: br").body)
	n.skew.Add(int64(2 * time.Minute))
	n.up.set(pages(4001, "X-Round: 4"))
	n.get("/x")
	require.Less(t, n.cache.Stats().Bytes, size)
	require.Equal(t, page(4001), n.get("/x", "Accept-Encoding: br").plain(t))
}

func TestPeersGetTheIdentity(t *testing.T) {
	n := newNode(t, coder)
	n.up.set(pages(4000, "Vary: X-Other"))
	n.get("/x", "Accept-Encoding: br")
	key := cachekey.Key{Text: "edge.test/x"}
	a, err := n.core.ServePeer(context.Background(), &edge.Fetch{
		Key: key, Method: "GET", Host: "edge.test", Target: "/x", Direct: true, Fields: []edge.Field{{Name: "Accept-Encoding", Value: "br"}},
	})
	require.NoError(t, err)
	body, err := io.ReadAll(a.Body)
	require.NoError(t, err)
	require.Equal(t, page(4000), string(body))
	var vary []string
	for _, f := range a.Fields {
		require.NotEqual(t, "Content-Encoding", f.Name)
		if f.Name == "Vary" {
			vary = append(vary, f.Value)
		}
	}
	require.Equal(t, []string{"X-Other"}, vary, "as the origin gave it")
}

// Codings count among the bytes of the store, and go with what they are of.
func TestCodingsAreAccountedFor(t *testing.T) {
	n := newNode(t, coder)
	n.up.set(pages(4000))
	n.get("/x")
	before := n.cache.Stats().Bytes
	coded := 0
	for _, of := range []string{"gzip", "br", "zstd"} {
		coded += len(n.get("/x", "Accept-Encoding: "+of).body)
	}
	grown := n.cache.Stats().Bytes - before
	require.Greater(t, grown, int64(coded))
	require.Less(t, grown, int64(coded)+2000)
	sel := cachekey.Selector{Keys: []string{"edge.test/x"}}
	n.marks.Raise(sel, invalidation.ModeHard)
	n.up.set(pages(4000, "X-New: 1"))
	n.get("/x")
	require.Equal(t, "1", n.get("/x", "Accept-Encoding: br").header.Get("X-New"), "a coding of what was purged is purged")
	n.marks.Raise(sel, invalidation.ModeHard)
	n.cache.Sweep(sel)
	require.Zero(t, n.cache.Stats().Bytes)
}

// An origin that codes itself goes on to, one variant for each set of codings;
// it sees of Accept-Encoding what variants are told apart by.
func TestOriginsThatCode(t *testing.T) {
	n := newNode(t, coder)
	var asked []string
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		accept := ""
		for _, l := range f.Fields {
			if l.Name == "Accept-Encoding" {
				accept = l.Value
			}
		}
		asked = append(asked, accept)
		lines := []string{"Content-Type: text/html", "Cache-Control: max-age=60", "Vary: Accept-Encoding"}
		if strings.Contains(accept, "gzip") {
			return answer(200, "coded there", append(lines, "Content-Encoding: gzip")...), nil
		}
		return answer(200, page(4000), lines...), nil
	})
	for round := range 2 {
		require.Equal(t, "coded there", n.get("/x", "Accept-Encoding: gzip;q=0.5, br, x").body)
		require.Equal(t, "coded there", n.get("/x", "Accept-Encoding: br, gzip").body)
		require.Equal(t, page(4000), n.get("/x").body)
		require.Equal(t, page(4000), n.get("/x", "Accept-Encoding: x").body)
		r := n.get("/x", "Accept-Encoding: br")
		require.Equal(t, page(4000), r.plain(t))
		require.True(t, round == 0 || r.header.Get("Content-Encoding") == "br", "what comes as it is, is coded here")
	}
	require.Equal(t, []string{"br,gzip", "identity", "br"}, asked)

	own := newNode(t, ownCoder)
	own.up.set(n.up.fetch)
	asked = nil
	for _, accept := range []string{"gzip", "br", "", "gzip, br"} {
		r := own.get("/x", "Accept-Encoding: "+accept)
		require.Equal(t, page(4000), r.plain(t))
		require.Equal(t, []string{"Accept-Encoding"}, r.header["Vary"])
	}
	require.Equal(t, []string{"identity"}, asked, "one copy for all, and all codings made here")
}

// Artifacts are asked for without codings, so there are no variants to tell apart.
func TestAnOriginThatVariesArtifactsByCoding(t *testing.T) {
	n := newNode(t)
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		return artifactOf(f.Key, 1, "Vary: Accept-Encoding, Accept-Language"), nil
	})
	n.get(trial, "Accept-Encoding: gzip")
	require.Contains(t, n.get(trial, "Accept-Encoding: br").cacheStatus(), "hit")
	require.NotContains(t, n.get(trial, "Accept-Language: ja").cacheStatus(), "hit")
}

// Content that is shown while it comes is the identity, and says that it varies.
func TestWhatIsStillComingIsTheIdentity(t *testing.T) {
	n := newNode(t, coder)
	writers := slowly(n, -1, "Content-Type: text/html", "Cache-Control: max-age=60")
	got := make(chan shown)
	go func() { got <- open(t, n, "/x", "Accept-Encoding: br") }()
	w := <-writers
	put(t, w, page(1000))
	s := <-got
	require.Equal(t, "Accept-Encoding", s.x.Rep.Art.Get("Vary"))
	require.Empty(t, s.x.Rep.Art.Get("Content-Encoding"))
	require.NoError(t, w.Close())
	s.whole(page(1000))
	require.Equal(t, page(1000), n.get("/x", "Accept-Encoding: br").plain(t))
	require.Equal(t, "br", n.get("/x", "Accept-Encoding: br").header.Get("Content-Encoding"))
}

// Whoever asks at once gets the same, and it is coded once.
func TestOneCodingForAllWhoAsk(t *testing.T) {
	n := newNode(t, coder)
	n.up.set(pages(200_000))
	n.get("/x")
	before := n.cache.Stats().Bytes
	var wg sync.WaitGroup
	got := make([]response, 24)
	for i := range got {
		wg.Go(func() {
			got[i] = n.get("/x", "Accept-Encoding: "+[]string{"gzip", "br", "zstd"}[i%3])
		})
	}
	wg.Wait()
	sizes := map[string]int{}
	for _, r := range got {
		require.Equal(t, page(200_000), r.plain(t))
		if of := r.header.Get("Content-Encoding"); of != "" {
			sizes[of] = len(r.body)
		}
	}
	for _, of := range []string{"gzip", "br", "zstd"} {
		sizes[of] = len(n.get("/x", "Accept-Encoding: "+of).body)
	}
	total := 0
	for _, size := range sizes {
		total += size
	}
	require.Less(t, n.cache.Stats().Bytes-before, int64(total+2000))
}

// What a reader decodes is what the origin sent, whatever it accepts and however
// it asks; tags name one representation each; nothing that could be coded goes
// out without saying so.
func TestCodedContentIsTheContent(t *testing.T) {
	words := rapid.SliceOfN(rapid.SampledFrom([]string{"<p>", "claim ", "proof ", "\n", "0123", "é"}), 0, 800)
	accept := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{
		"gzip", "br", "zstd", "identity", "*", "gzip;q=0", "br;q=0.2", "zstd;q=0.9", "identity;q=0", "*;q=0", "deflate", "x;q=a",
	}), 0, 5), func(l []string) string { return strings.Join(l, ", ") })
	rapid.Check(t, func(rt *rapid.T) {
		body := strings.Join(words.Draw(rt, "words"), "")
		n := newNode(t, coder)
		n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) {
			return answer(200, body, "Content-Type: text/html", "Cache-Control: max-age=60", `Etag: "v1"`), nil
		})
		codings := map[string]string{} // by tag
		for range rapid.IntRange(1, 12).Draw(rt, "requests") {
			r := n.get("/x", "Accept-Encoding: "+accept.Draw(rt, "accept"))
			of := r.header.Get("Content-Encoding")
			require.Equal(rt, 200, r.status)
			require.Equal(rt, body, r.plain(rt))
			require.Equal(rt, len(body) >= 512, r.header.Get("Vary") == "Accept-Encoding")
			tag := r.header.Get("Etag")
			if was, ok := codings[tag]; ok {
				require.Equal(rt, was, of, tag)
			}
			codings[tag] = of
			part := n.get("/x", "Accept-Encoding: "+of, "Range: bytes=0-99", "If-Range: "+tag)
			require.True(rt, part.status == 206 && bytes.HasPrefix([]byte(r.body), []byte(part.body)) || len(r.body) == 0)
			require.Equal(rt, 304, n.get("/x", "Accept-Encoding: "+of, "If-None-Match: "+tag).status)
		}
		require.EqualValues(rt, 1, n.up.n.Load())
		seen := map[string]bool{}
		for _, of := range codings {
			require.False(rt, seen[of], "two tags for %q", of)
			seen[of] = true
		}
	})
}

// A hit of a coded form allocates nothing, nor does its 304.
func TestCodedHitAllocatesNothing(t *testing.T) {
	n := newNode(t, coder)
	n.up.set(pages(4000))
	n.get("/x")
	tag := n.get("/x", "Accept-Encoding: gzip, deflate, br, zstd").header.Get("Etag")
	for status, lines := range map[int][]string{
		200: {"Accept-Encoding: gzip, deflate, br, zstd"},
		304: {"Accept-Encoding: gzip, deflate, br, zstd", "If-None-Match: " + tag},
		206: {"Accept-Encoding: gzip, deflate, br, zstd", "Range: bytes=0-9", "If-Range: " + tag},
	} {
		x, now := &edge.Exchange{}, n.now()
		req := edge.Request{Method: edge.MethodGet, MethodText: "GET", Host: "edge.test", Target: "/x", Fields: fields(lines...)}
		require.Zero(t, testing.AllocsPerRun(2000, func() {
			x.Reset()
			x.Now, x.Req = now, req
			n.core.Serve(context.Background(), x)
			if !x.Rep.Cache.Hit || x.Rep.Status != status || x.Rep.Art.Get("Content-Encoding") != "br" {
				panic(fmt.Sprintf("not a coded hit: %d %+v", x.Rep.Status, x.Rep.Cache))
			}
		}), status)
	}
}

func BenchmarkCodedHit(b *testing.B) {
	for name, lines := range map[string][]string{"identity": nil, "br": {"Accept-Encoding: gzip, deflate, br, zstd"}} {
		b.Run(name, func(b *testing.B) {
			n := newNode(b, coder)
			n.up.set(pages(4000))
			n.get("/x", lines...)
			x, now := &edge.Exchange{}, n.now()
			req := edge.Request{Method: edge.MethodGet, MethodText: "GET", Host: "edge.test", Target: "/x", Fields: fields(lines...)}
			b.ReportAllocs()
			for b.Loop() {
				x.Reset()
				x.Now, x.Req = now, req
				n.core.Serve(context.Background(), x)
			}
		})
	}
}
