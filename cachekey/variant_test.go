package cachekey

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func fields(h http.Header) func(string) string {
	return func(name string) string { return strings.Join(h[name], ", ") }
}

func TestAppendVariant(t *testing.T) {
	h := http.Header{}
	h.Set("Accept-Encoding", "gzip, br;q=0")
	h.Set("Accept-Language", "en;q=0.5, JA")
	h.Set("X-Odd", "a  b%\x01=é")
	for _, c := range []struct {
		vary []string
		want string
	}{
		{nil, ""},
		{[]string{"Accept-Encoding"}, " accept-encoding=gzip"},
		{[]string{"accept-language", "Accept-Encoding"}, " accept-encoding=gzip accept-language=ja,en"},
		{[]string{"accept-ENCODING", "Accept-Encoding", "accept-language", "ACCEPT-encoding"}, " accept-encoding=gzip accept-language=ja,en"},
		{[]string{"X-Odd"}, " x-odd=a%20b%25%01=%C3%A9"},
		{[]string{"X-Absent"}, " x-absent="},
		{[]string{"a b=c%"}, " a%20b%3Dc%25="},
		{[]string{"*"}, " *="},
	} {
		require.Equal(t, c.want, string(AppendVariant(nil, c.vary, fields(h))))
		require.Equal(t, "text"+c.want, string(AppendVariant([]byte("text"), c.vary, fields(h))))
	}
}

func TestVariantOfManyNames(t *testing.T) {
	var vary []string
	for c := 'z'; c >= 'a'; c-- {
		vary = append(vary, "X-"+string(c))
	}
	got := string(AppendVariant(nil, vary, func(name string) string { return strings.ToLower(name[2:]) }))
	require.True(t, strings.HasPrefix(got, " x-a=a x-b=b"), got)
	require.Equal(t, 26, strings.Count(got, " "))
}

func TestNormalizeField(t *testing.T) {
	ranges := strings.TrimSuffix(strings.Repeat("En, ", 20)+"a1, a2, a3, a4, a5, a6, a7, a8, a9, ", ", ")
	many := make([]string, 0, 33)
	for i := range 33 {
		many = append(many, "X-"+string(rune('a'+i%26))+string(rune('a'+i/26)))
	}
	for _, c := range []struct{ name, value, want string }{
		{"Accept-Encoding", "", ""},
		{"Accept-Encoding", "gzip, deflate, br, zstd", "br,deflate,gzip,zstd"},
		{"accept-encoding", "BR , GZip;q=0.001", "br,gzip"},
		{"Accept-Encoding", "gzip;q=0, br;q=0.000", ""},
		{"Accept-Encoding", "gzip;Q=1.000,\tx-compress", "compress,gzip"},
		{"Accept-Encoding", "x-gzip", "gzip"},
		{"Accept-Encoding", "identity, secret", ""},
		{"Accept-Encoding", "*", "br,compress,deflate,gzip,zstd"},
		{"Accept-Encoding", "*;q=0.5, br;q=0", "compress,deflate,gzip,zstd"},
		{"Accept-Encoding", "*;q=0, gzip", "gzip"},
		{"Accept-Encoding", "gzip, gzip;q=0", ""},
		{"Accept-Encoding", "gzip;q=0, gzip", ""},
		{"Accept-Encoding", "gzip;q=2, br;q=1.001, zstd;q=x, deflate;q=0.5555, compress;q", ""},
		{"Accept-Encoding", ",,gzip,,", "gzip"},
		{"Accept-Encoding", "gzip;q=.5", ""},
		{"Accept-Language", "", ""},
		{"Accept-Language", "en", "en"},
		{"Accept-Language", "EN-us,en;q=0.9,ja;q=0.8", "en-us,en,ja"},
		{"Accept-Language", "ja;q=0.8, en;q=0.9, de", "de,en,ja"},
		{"Accept-Language", "fr, ja, de", "fr,ja,de"},
		{"Accept-Language", "fr;q=0, ja, *;q=0.1", "ja,*,fr;q=0"},
		{"Accept-Language", "ja, en, JA;q=0.1", "ja,en"},
		{"Accept-Language", "ja,  EN;q=high", "ja, en;q=high"},
		{"Accept-Language", "ja_JP", "ja_jp"},
		{"Accept-Language", ranges, "en,a1,a2,a3,a4,a5,a6,a7,a8,a9"},
		{"Accept-Language", strings.Join(many, ","), strings.ToLower(strings.Join(many, ","))},
		{"User-Agent", "  Mozilla/5.0 \t (X11)  ", "Mozilla/5.0 (X11)"},
		{"X", `a  "b  \"  c"  d`, `a "b  \"  c" d`},
		{"X", `a "b  `, `a "b  `},
		{"X", `"a\`, `"a\`},
		{"X", " \t ", ""},
	} {
		got := string(NormalizeField(nil, c.name, c.value))
		require.Equal(t, c.want, got, "%s: %q", c.name, c.value)
		require.Equal(t, got, string(NormalizeField([]byte{}, c.name, got)), "idempotence of %q", c.value)
		require.Equal(t, "x "+got, string(NormalizeField([]byte("x "), c.name, c.value)), "behind other bytes")
	}
}

func FuzzNormalizeField(f *testing.F) {
	for _, v := range []string{"gzip, br;q=0.5", "*;q=0.5, br;q=0", "en-US,en;q=0.9, *;q=0", "ja_JP, EN ;q=x", `a  "b \" c`, "\x00,;q=0\t"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, name := range []string{"Accept-Encoding", "Accept-Language", "Cookie"} {
			once := string(NormalizeField(nil, name, value))
			if twice := string(NormalizeField(nil, name, once)); twice != once {
				t.Fatalf("%s: %q becomes %q, then %q", name, value, once, twice)
			}
			v := string(AppendVariant(nil, []string{name}, func(string) string { return value }))
			for i := 1; i < len(v); i++ {
				if v[i] <= ' ' || v[i] >= 0x7f {
					t.Fatalf("%q holds a bare %q", v, v[i])
				}
			}
		}
	})
}
