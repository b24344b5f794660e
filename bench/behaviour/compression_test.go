package behaviour

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/klauspost/compress/zstd"
	brrr "github.com/molecule-man/go-brrr"
	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/docsorigin"
)

// decoded is the content of an answer, whatever its coding.
func decoded(t *testing.T, r *Reply) string {
	t.Helper()
	var out []byte
	var err error
	switch of := r.Header.Get("Content-Encoding"); of {
	case "":
		out = r.Body
	case "gzip":
		var z *gzip.Reader
		z, err = gzip.NewReader(bytes.NewReader(r.Body))
		require.NoError(t, err)
		out, err = io.ReadAll(z)
	case "br":
		out, err = brrr.Decompress(r.Body)
	case "zstd":
		var z *zstd.Decoder
		z, err = zstd.NewReader(nil)
		require.NoError(t, err)
		defer z.Close()
		out, err = z.DecodeAll(r.Body, nil)
	default:
		t.Fatalf("unknown coding %q", of)
	}
	require.NoError(t, err)
	return string(out)
}

// TestEachCodingOverEachProtocol: the same bytes and tags on each, decoded to what
// the origin sent; 304, ranges and HEAD are of the representation.
func TestEachCodingOverEachProtocol(t *testing.T) {
	docs := NewDocs(t, docsorigin.Options{})
	n := edged.Node(t, docs.URL)
	r := n.Readers(t)
	whole := r.Get(t, H1, trial)
	require.Greater(t, len(whole.Body), 512)
	tags := map[string]string{whole.Header.Get("Etag"): ""}
	for _, of := range []string{"gzip", "br", "zstd"} {
		var first *Reply
		for _, proto := range Protos() {
			got := r.Get(t, proto, trial, "Accept-Encoding", of)
			require.Equal(t, of, got.Header.Get("Content-Encoding"), proto)
			require.Equal(t, string(whole.Body), decoded(t, got))
			require.Contains(t, strings.Join(got.Header.Values("Vary"), ","), "Accept-Encoding")
			require.Equal(t, fmt.Sprint(len(got.Body)), got.Header.Get("Content-Length"))
			require.Less(t, len(got.Body), len(whole.Body))
			if first == nil {
				first = got
			}
			tag := got.Header.Get("Etag")
			require.Equal(t, first.Body, got.Body)
			require.Equal(t, first.Header.Get("Etag"), tag)

			head, err := r.Do(t.Context(), proto, Ask{Method: "HEAD", Target: trial, Fields: []string{"Accept-Encoding", of}})
			require.NoError(t, err)
			require.Empty(t, head.Body)
			require.Equal(t, tag, head.Header.Get("Etag"))
			require.Equal(t, got.Header.Get("Content-Length"), head.Header.Get("Content-Length"))

			same := r.Get(t, proto, trial, "Accept-Encoding", of, "If-None-Match", tag)
			require.Equal(t, 304, same.Status)
			require.Equal(t, tag, same.Header.Get("Etag"))
			require.Equal(t, 304, r.Get(t, proto, trial, "Accept-Encoding", of, "If-None-Match", whole.Header.Get("Etag")).Status)

			part := r.Get(t, proto, trial, "Accept-Encoding", of, "Range", "bytes=3-12", "If-Range", tag)
			require.Equal(t, 206, part.Status)
			require.Equal(t, got.Body[3:13], part.Body)
			require.Equal(t, fmt.Sprintf("bytes 3-12/%d", len(got.Body)), part.Header.Get("Content-Range"))
			part = r.Get(t, proto, trial, "Accept-Encoding", of, "Range", "bytes=3-12", "If-Range", whole.Header.Get("Etag"))
			require.Equal(t, whole.Body[3:13], part.Body)
			require.Empty(t, part.Header.Get("Content-Encoding"))
		}
		require.NotContains(t, tags, first.Header.Get("Etag"))
		tags[first.Header.Get("Etag")] = of
	}
	for _, proto := range Protos() {
		require.Equal(t, "br", r.Get(t, proto, trial, "Accept-Encoding", "gzip, deflate, br, zstd").Header.Get("Content-Encoding"))
		require.Equal(t, "gzip", r.Get(t, proto, trial, "Accept-Encoding", "br;q=0.1, gzip").Header.Get("Content-Encoding"))
		require.Equal(t, whole.Body, r.Get(t, proto, trial, "Accept-Encoding", "*;q=0").Body)
	}
	n.Administer(t).Purge(t, `{"all":true}`, Hard)
	require.False(t, r.Get(t, H2, trial, "Accept-Encoding", "br").Hit(), "codings are purged with what they are of")
}

// TestCompressionByConfiguration: who codes is the operator's to say, and an
// origin that codes itself is left to it.
func TestCompressionByConfiguration(t *testing.T) {
	text := strings.Repeat("<p>A paragraph on offers.</p>\n", 100)
	var fetches atomic.Int64
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fetches.Add(1)
		w.Header().Set("Cache-Control", "max-age=600")
		w.Header().Set("Content-Type", "text/html")
		switch r.URL.Path {
		case "/small":
			fmt.Fprint(w, text[:300])
			return
		case "/image":
			w.Header().Set("Content-Type", "image/png")
		case "/coded":
			w.Header().Set("Vary", "Accept-Encoding")
			if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
				w.Header().Set("Content-Encoding", "gzip")
				z := gzip.NewWriter(w)
				_, _ = io.WriteString(z, "by the origin") // what comes of it is the test
				_ = z.Close()
				return
			}
		}
		fmt.Fprint(w, text)
	}))
	t.Cleanup(origin.Close)
	get := func(r *Readers, target, accept string) *Reply {
		t.Helper()
		r.Get(t, H1, target, "Host", "app.example", "Accept-Encoding", accept) // a fill that takes its time is shown as it comes
		got := r.Get(t, H2, target, "Host", "app.example", "Accept-Encoding", accept)
		require.Equal(t, 200, got.Status)
		require.True(t, got.Hit())
		return got
	}
	for mode, want := range map[string]string{"auto": "br gzip identity", "on": "br br identity", "off": "identity gzip identity"} {
		fetches.Store(0)
		r := edged.Configured(t, origin.URL, "routes: [{name: all, origin: origin}]\ncompression: {mode: "+mode+"}\n").Readers(t)
		var got []string
		for _, target := range []string{"/plain", "/coded", "/small"} {
			reply := get(r, target, "gzip, br")
			of := reply.Header.Get("Content-Encoding")
			if of == "" {
				of = "identity"
			}
			got = append(got, of)
			if decoded(t, reply) != "by the origin" {
				require.Equal(t, text[:len(decoded(t, reply))], decoded(t, reply))
			}
		}
		require.Equal(t, want, strings.Join(got, " "), mode)
		require.Empty(t, get(r, "/image", "gzip, br").Header.Get("Content-Encoding"), mode)
		require.EqualValues(t, 4, fetches.Load(), mode)
		require.Equal(t, text, string(get(r, "/coded", "identity").Body))
		require.Equal(t, map[string]int64{"auto": 5, "on": 4, "off": 5}[mode], fetches.Load(), "%s: copies of what varies", mode)
	}
	r := edged.Configured(t, origin.URL, "routes: [{name: all, origin: origin}]\ncompression: {codings: [gzip], min_bytes: 100, types: [image/png, text/html]}\n").Readers(t)
	require.Equal(t, "gzip", get(r, "/image", "gzip, br").Header.Get("Content-Encoding"))
	require.Equal(t, "gzip", get(r, "/small", "gzip, br").Header.Get("Content-Encoding"))
	require.Empty(t, get(r, "/plain", "br").Header.Get("Content-Encoding"))
}
