package coding_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
	brrr "github.com/molecule-man/go-brrr"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/letteros/letteredge/edge/coding"
)

func newCoder(tb testing.TB, change ...func(*coding.Policy)) *coding.Coder {
	tb.Helper()
	p := coding.DefaultPolicy()
	for _, f := range change {
		f(&p)
	}
	c, err := coding.New(p)
	require.NoError(tb, err)
	return c
}

// decode is what a reader does, by the standard library where it can.
func decode(t require.TestingT, c coding.Coding, b []byte) []byte {
	var out []byte
	var err error
	switch c {
	case coding.Gzip:
		var r *gzip.Reader
		r, err = gzip.NewReader(bytes.NewReader(b))
		require.NoError(t, err)
		out, err = io.ReadAll(r)
	case coding.Brotli:
		out, err = brrr.Decompress(b)
	case coding.Zstd:
		var r *zstd.Decoder
		r, err = zstd.NewReader(nil)
		require.NoError(t, err)
		defer r.Close()
		out, err = r.DecodeAll(b, nil)
	}
	require.NoError(t, err)
	return out
}

func encode(t require.TestingT, c *coding.Coder, of coding.Coding, src []byte) []byte {
	out, err := c.Encode(of, src)
	require.NoError(t, err)
	return out
}

// texts are bodies that compress, of words from a small list.
func texts() *rapid.Generator[[]byte] {
	word := rapid.OneOf(rapid.SampledFrom([]string{"<p>", "</p>", `"title":`, "trial", "proof ", "{", "}", "\n", "0"}), rapid.StringN(0, 8, 16))
	return rapid.Map(rapid.SliceOfN(word, 0, 400), func(words []string) []byte { return []byte(strings.Join(words, "")) })
}

// What is decoded is what was coded, whatever the encoder has coded before; the
// coded bytes depend on nothing else, so that every node has the same entity tag.
func TestCodedIsDecodedAndTheSameEverywhere(t *testing.T) {
	used := newCoder(t)
	rapid.Check(t, func(t *rapid.T) {
		src := texts().Draw(t, "src")
		of := rapid.SampledFrom(coding.All()).Draw(t, "coding")
		encode(t, used, of, texts().Draw(t, "before"))
		got := encode(t, used, of, src)
		fresh, err := coding.New(coding.DefaultPolicy())
		require.NoError(t, err)
		require.Equal(t, encode(t, fresh, of, src), got)
		if got == nil {
			return
		}
		require.Less(t, len(got), len(src))
		require.Equal(t, src, decode(t, of, got))
	})
}

func TestLargeBodies(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	src := make([]byte, 9<<20)
	for i := range src {
		src[i] = "abcdefgh <>/"[rng.IntN(12)]
	}
	c := newCoder(t)
	for _, of := range coding.All() {
		got := encode(t, c, of, src)
		require.Equal(t, src, decode(t, of, got), of)
		if of == coding.Zstd { // RFC 9659 §3
			var h zstd.Header
			require.NoError(t, h.Decode(got))
			require.LessOrEqual(t, h.WindowSize, uint64(8<<20))
			require.False(t, h.SingleSegment, "its window would be the whole content")
		}
	}
}

func TestWhatDoesNotShrinkIsLeftAlone(t *testing.T) {
	src := make([]byte, 2000)
	rand.NewChaCha8([32]byte{}).Read(src)
	c := newCoder(t)
	for _, of := range coding.All() {
		require.Nil(t, encode(t, c, of, src), of)
		require.Nil(t, encode(t, c, of, nil), of)
	}
	_, err := c.Encode(coding.Identity, src)
	require.Error(t, err)
}

func TestEncodersAreNotShared(t *testing.T) {
	c := newCoder(t, func(p *coding.Policy) { p.AtOnce = 8 })
	src := []byte(strings.Repeat("the same words again, ", 500))
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			of := coding.All()[i%3]
			require.True(t, c.Enter(context.Background(), true))
			defer c.Leave()
			require.Equal(t, src, decode(t, of, encode(t, c, of, src)))
		})
	}
	wg.Wait()
}

func TestPlaces(t *testing.T) {
	c := newCoder(t, func(p *coding.Policy) { p.AtOnce = 1 })
	require.True(t, c.Enter(context.Background(), false))
	require.False(t, c.Enter(context.Background(), false), "the one place is taken")
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	require.False(t, c.Enter(gone, true))
	entered := make(chan bool)
	go func() { entered <- c.Enter(context.Background(), true) }()
	c.Leave()
	require.True(t, <-entered)
}

func TestCodable(t *testing.T) {
	c := newCoder(t)
	for media, want := range map[string]bool{
		"text/html": true, "TEXT/HTML; charset=utf-8": true, "text/html;charset=utf-8": true, " application/json ": true,
		"application/problem+json": true, "application/ld+json; profile=x": true, "image/svg+xml": true, "application/wasm": true,
		"image/png": false, "image/jpeg": false, "video/mp4": false, "application/zip": false, "application/gzip": false,
		"application/octet-stream": false, "font/woff2": false, "": false, "text": false, "application/+json": false, "application/json2": false,
	} {
		require.Equal(t, want, c.Codable(media, 1000), media)
	}
	require.True(t, c.Codable("text/html", 512))
	require.False(t, c.Codable("text/html", 511))
	require.True(t, c.Codable("text/html", 4<<20))
	require.False(t, c.Codable("text/html", 4<<20+1))
	require.False(t, newCoder(t, func(p *coding.Policy) { *p = coding.Policy{} }).Codable("text/html", 1000))
	require.False(t, newCoder(t, func(p *coding.Policy) { p.MinBytes = 0 }).Codable("text/html", 0))
}

func TestPolicyNamesItsFault(t *testing.T) {
	for says, p := range map[string]coding.Policy{
		"none that can be made": {Codings: []coding.Coding{coding.Identity}},
		"coding 0":              {Codings: []coding.Coding{coding.Count}},
		"gzip comes twice":      {Codings: []coding.Coding{coding.Gzip, coding.Gzip}},
		"below 0":               {MinBytes: -1},
		`"*/*"`:                 {Types: []string{"*/*"}},
		`"text"`:                {Types: []string{"text/*", "text"}},
		`"*+"`:                  {Types: []string{"*+"}},
	} {
		_, err := coding.New(p)
		require.ErrorContains(t, err, says)
	}
	_, err := coding.New(coding.DefaultPolicy())
	require.NoError(t, err)
}
