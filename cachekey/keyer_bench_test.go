package cachekey

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// hotInputs are requests whose keys must cost no allocation.
func hotInputs() map[string]Input {
	return map[string]Input{
		"artifact":  {"GET", "edge.example", "/v1/segments/b2b/ctas/trial/proofs/p1"},
		"language":  {"GET", "edge.example:8080", "/v1/segments/b2b/ctas/trial?utm_source=x&lang=zh-Hant"},
		"encoded":   {"HEAD", "EDGE.example", "/v1/segments/%62%32%62/ctas/tri%61l"},
		"general":   {"GET", "example.com", "/docs/guide/index.html"},
		"dots":      {"GET", "example.com:80", "/docs/../a//b/./%2e%2e/c%2fd"},
		"query":     {"GET", "shop.example", "/search?utm=1&q=shoes%7e&page=2&q=red"},
		"ipv6":      {"GET", "[2001:DB8::1]:8443", "/x?y"},
		"absolute":  {"GET", "example.com", "http://example.com:80/a"},
		"method":    {"POST", "example.com", "/a"},
		"long":      {"GET", "example.com", "/" + strings.Repeat("a/", 4000)},
		"parameter": {"GET", "shop.example", "/search?" + strings.Repeat("page=1&q=2&", 30)},
	}
}

func TestKeyDoesNotAllocate(t *testing.T) {
	k := testKeyer(t)
	var s Scratch
	for name, in := range hotInputs() {
		_, err := k.Key(in, &s) // the first one makes the room
		require.NoError(t, err, name)
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if _, err := k.Key(in, &s); err != nil {
				t.Error(err)
			}
		}), name)
	}
}

func TestVariantAndSelectionDoNotAllocate(t *testing.T) {
	h := http.Header{"Accept-Encoding": {"gzip, deflate, br;q=0.5"}, "Accept-Language": {"en-US,en;q=0.9,ja;q=0.8"}}
	get := func(name string) (string, bool) {
		if v := h[name]; len(v) > 0 {
			return v[0], true
		}
		return "", false
	}
	vary := []string{"Accept-Language", "Accept-Encoding", "accept-encoding", "X-Absent"}
	buf := make([]byte, 0, 256)
	require.Zero(t, testing.AllocsPerRun(100, func() { buf = AppendVariant(buf[:0], vary, get) }))

	key := mustText(t, "/v1/segments/b2b/ctas/trial/proofs/p1")

	subject := Subject{Key: &key, Tags: []string{"doc:pricing"}}
	for _, s := range []Selector{{Tags: []string{"cta:trial"}}, {Keys: []string{key.Text}}, {Prefix: "/v1/"}, {Segment: "b2b"}} {
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if !s.Matches(subject) {
				t.Error(s)
			}
		}), s.String())
	}
}

func BenchmarkKey(b *testing.B) {
	k := testKeyer(b)
	for name, in := range hotInputs() {
		b.Run(name, func(b *testing.B) {
			var s Scratch
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.Key(in, &s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkKeyParallel(b *testing.B) {
	k := testKeyer(b)
	in := hotInputs()["language"]
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		var s Scratch
		for pb.Next() {
			if _, err := k.Key(in, &s); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkAppendVariant(b *testing.B) {
	vary := []string{"Accept-Encoding", "Accept-Language"}
	get := func(name string) (string, bool) {
		if name == "Accept-Encoding" {
			return "gzip, deflate, br, zstd", true
		}
		return "en-US,en;q=0.9,ja;q=0.8", true
	}
	buf := make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendVariant(buf[:0], vary, get)
	}
}
