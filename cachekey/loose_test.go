package cachekey

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestLooseVariants(t *testing.T) {
	loose := func(name, value string) string {
		return string(AppendLooseVariant(nil, []string{name}, single(value)))
	}
	for _, same := range [][]string{
		{"Accept-Language", "en, de", "de, en", " DE ,   en", "de;q=1, en;q=1.0", "en,,de"},
		{"Accept-Language", "fr, en;q=0.5, de;q=0.5", "fr, de;q=0.5, en;q=0.5", "en;q=0.5, fr, de;q=0.5"},
		{"Accept-Encoding", "gzip, br", "br,gzip"},
		{"Foo", "1,2", " 1, 2 ", "1 ,2", "1\t,\t2"},
		{"Foo", `"a, b",c`, `"a, b" , c`},
		{"Foo", "a b", "a  b"},
	} {
		for _, other := range same[2:] {
			require.Equal(t, loose(same[0], same[1]), loose(same[0], other), "%s: %s", same[0], other)
		}
	}
	for _, differ := range [][3]string{
		{"Accept-Language", "en, de", "de, en;q=0.9"},
		{"Accept-Language", "en, de", "en, de;q=0.9"},
		{"Accept-Language", "en, de", "en, de;q=0"},
		{"Accept-Language", "en, de", "en"},
		{"Accept-Language", "en|de", "en, de"},
		{"Foo", `"a, b"`, `"a,b"`},
		{"Foo", `"\", b"`, `"\",b"`},
		{"Foo", "a b", "ab"},
		{"Foo", "1,2", "12"},
	} {
		require.NotEqual(t, loose(differ[0], differ[1]), loose(differ[0], differ[2]), "%v", differ)
	}
}

func TestMostWanted(t *testing.T) {
	for value, want := range map[string]string{
		"fr;q=0.5, de;q=1.0": "DE", "de": "de", "de, en;q=0.9, *;q=0.1": "de",
		"": "", "de, en": "", "de;q=0": "", "*": "", "de;q=2": "",
	} {
		for _, tag := range []string{"de", "DE", "en", "fr", "de-CH", "*", ""} {
			require.Equal(t, want != "" && (tag == "de" || tag == "DE"), MostWanted(value, tag), "%q %q", value, tag)
		}
	}
}

func TestSameButFor(t *testing.T) {
	vary := []string{"Accept-Language", "Foo", "A"}
	text := func(lang, foo string) string {
		return string(AppendLooseVariant(nil, vary, fields(http.Header{"Accept-Language": {lang}, "Foo": {foo}, "A": {"1 2"}})))
	}
	require.True(t, SameButFor(text("en", "x"), text("de", "x"), "Accept-Language"))
	require.True(t, SameButFor(text("en", "x"), text("en", "x"), "Accept-Language"))
	require.False(t, SameButFor(text("en", "x"), text("de", "y"), "Accept-Language"))
	require.False(t, SameButFor(" foo=1", " foo=1", "Accept-Language"))
	require.False(t, SameButFor(" accept-language=a", " accept-language=a foo=1", "Accept-Language"))
	require.False(t, SameButFor("", "", "Accept-Language"))
}

// TestLooseIsCoarser: what the strict text holds for equal, the loose one does too,
// but for languages, whose weights it minds.
func TestLooseIsCoarser(t *testing.T) {
	values := rapid.StringMatching(`[a ,"\\\t]{0,12}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := values.Draw(t, "a"), values.Draw(t, "b")
		strict := func(v string) string { return string(NormalizeField(nil, "Foo", v)) }
		loose := func(v string) string { return string(appendLoose(nil, "Foo", v)) }
		if strict(a) == strict(b) {
			require.Equal(t, loose(a), loose(b))
		}
		require.Equal(t, loose(a), loose(loose(a)), "idempotent")
	})
}
