package cachekey

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func fields(h http.Header) func(string) (string, bool) {
	return func(name string) (string, bool) { return strings.Join(h[name], ", "), len(h[name]) > 0 }
}

// single is a request whose fields have all the same value.
func single(value string) func(string) (string, bool) {
	return func(string) (string, bool) { return value, true }
}

func TestAppendVariant(t *testing.T) {
	h := http.Header{}
	h.Set("Accept-Encoding", "gzip, br;q=0")
	h.Set("Accept-Language", "en;q=0.5, JA")
	h.Set("X-Empty", "")
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
		{[]string{"X-Absent"}, " x-absent"},
		{[]string{"X-Empty"}, " x-empty="},
		{[]string{"X-Empty", "X-Absent", "X-Odd"}, " x-absent x-empty= x-odd=a%20b%25%01=%C3%A9"},
		{[]string{"a b=c%"}, " a%20b%3Dc%25"},
		{[]string{"*"}, " *"},
	} {
		require.Equal(t, c.want, string(AppendVariant(nil, c.vary, fields(h))))
		require.Equal(t, "text"+c.want, string(AppendVariant([]byte("text"), c.vary, fields(h))))
	}
}

// Absent and empty are one for what has a normal form of its own.
func TestVariantOfAbsentNegotiation(t *testing.T) {
	vary := []string{"Accept-Encoding", "accept-language"}
	for _, h := range []http.Header{{}, {"Accept-Encoding": {""}, "Accept-Language": {""}}} {
		require.Equal(t, " accept-encoding= accept-language=", string(AppendVariant(nil, vary, fields(h))))
		require.Equal(t, " accept-encoding= accept-language=", string(AppendLooseVariant(nil, vary, fields(h))))
	}
}

// FuzzAppendVariant holds that what was written can be read: two requests with one
// text have the same fields, with the same normalised values, and lack the same.
func FuzzAppendVariant(f *testing.F) {
	f.Add("X-A", "", true, "X-B", "", false)
	f.Add("X-A", "1 x-b=2", true, "x-b", "2", true)
	f.Add("a=", "b", true, "a", "=b", true)
	f.Add("a b", "", false, "a", "b", false)
	f.Add("Accept-Language", "", false, "%", "%25", true)
	f.Fuzz(func(t *testing.T, one, first string, hasFirst bool, two, second string, hasSecond bool) {
		if one == "" || two == "" || asciiLower(one) == asciiLower(two) || strings.ToLower(one+two) != asciiLower(one+two) {
			return // no two names
		}
		type field struct {
			value   string
			present bool
		}
		request := map[string]field{asciiLower(one): {first, hasFirst}, asciiLower(two): {second, hasSecond}}
		get := func(name string) (string, bool) {
			if f := request[asciiLower(name)]; f.present {
				return f.value, true
			}
			return "", false
		}
		want := map[string]string{}
		for name := range request {
			value, present := get(name)
			if want[name] = "absent"; present || negotiates(name) {
				want[name] = "is " + string(NormalizeField(nil, name, value))
			}
		}
		got := map[string]string{}
		for _, part := range strings.Split(string(AppendVariant(nil, []string{one, two}, get)), " ")[1:] {
			name, value, has := strings.Cut(part, "=")
			name, err := url.PathUnescape(name)
			require.NoError(t, err)
			value, err = url.PathUnescape(value)
			require.NoError(t, err)
			got[name] = "absent"
			if has {
				got[name] = "is " + value
			}
		}
		require.Equal(t, want, got)
	})
}

func asciiLower(s string) string {
	b := []byte(s)
	lower(b)
	return string(b)
}

func TestVariantOfManyNames(t *testing.T) {
	var vary []string
	for c := 'z'; c >= 'a'; c-- {
		vary = append(vary, "X-"+string(c))
	}
	got := string(AppendVariant(nil, vary, func(name string) (string, bool) { return strings.ToLower(name[2:]), true }))
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
			v := string(AppendVariant(nil, []string{name}, single(value)))
			for i := 1; i < len(v); i++ {
				if v[i] <= ' ' || v[i] >= 0x7f {
					t.Fatalf("%q holds a bare %q", v, v[i])
				}
			}
		}
	})
}
