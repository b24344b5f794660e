package docsorigin

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLanguages(t *testing.T) {
	d := newDesk(t, nil)
	d.write("trial.zh-Hant.md", "kind: cta\nversion: 43\nsegments: [b2b, b2c]\ntitle: 試用", "試用。")
	d.raise(42, 43, "Try it")
	for _, c := range []struct{ query, accept, lang, vary string }{
		{"", "", "en", "Accept-Language"},
		{"", "ja", "ja", "Accept-Language"},
		{"", "JA-jp", "ja", "Accept-Language"},
		{"", "fr, ja;q=0.8", "ja", "Accept-Language"},
		{"", "ja;q=0.5, en;q=0.9", "en", "Accept-Language"},
		{"", "ja;q=0, fr", "en", "Accept-Language"},
		{"", "*", "en", "Accept-Language"},
		{"", "*, ja;q=0.1", "ja", "Accept-Language"},
		{"", "zh-Hant-x-private-TW", "zh-hant", "Accept-Language"},
		{"", "zh", "en", "Accept-Language"}, // look-up never lengthens a range
		{"", "ja;q=x, ;;, -, ja;level=1, \x80", "en", "Accept-Language"},
		{"", " ja ; Q=1.000 ", "ja", "Accept-Language"},
		{"?lang=ja", "en", "ja", ""},
		{"?lang=JA-JP", "", "ja", ""},
		{"?lang=fr", "ja", "en", ""},
		{"?utm_source=x", "ja", "ja", "Accept-Language"},
	} {
		w := d.get(trialPath+c.query, "Accept-Language: "+c.accept)
		require.Equal(t, http.StatusOK, w.Code)
		require.Equal(t, c.lang, w.Header().Get("Content-Language"), "%s %s", c.query, c.accept)
		require.Contains(t, w.Body.String(), `"lang":"`+c.lang+`"`)
		require.Equal(t, c.vary, w.Header().Get("Vary"), "%s %s", c.query, c.accept)
	}
	one := d.get(trialPath+"/proofs/p1", "Accept-Language: ja")
	require.Empty(t, one.Header().Get("Vary"), "one language leaves nothing to negotiate")
	require.Equal(t, "en", one.Header().Get("Content-Language"))
	require.NotEqual(t, d.get(trialPath+"?lang=ja").Header().Get("ETag"), d.get(trialPath+"?lang=en").Header().Get("ETag"))
}

func TestTheLanguageOfTheFirstFileRules(t *testing.T) {
	d := newDesk(t, nil)
	d.write("haiku.md", "kind: campaign\nversion: 1\nsegments: [b2c]\nlang: ja\ntitle: 俳句", "古池や")
	d.write("haiku.en.md", "kind: campaign\nversion: 1\nsegments: [b2c]\ntitle: Haiku", "The old pond")
	const path = "/v1/segments/b2c/campaigns/haiku"
	require.Equal(t, "ja", d.get(path).Header().Get("Content-Language"))
	require.Equal(t, "ja", d.get(path, "Accept-Language: fr").Header().Get("Content-Language"))
	require.Equal(t, "en", d.get(path, "Accept-Language: en-GB").Header().Get("Content-Language"))
}

func TestShorten(t *testing.T) { // the example of RFC 4647 §3.4
	var all []string
	for r := "zh-hant-cn-x-private1-private2"; r != ""; r = shorten(r) {
		all = append(all, r)
	}
	require.Equal(t, []string{"zh-hant-cn-x-private1-private2", "zh-hant-cn-x-private1", "zh-hant-cn", "zh-hant", "zh"}, all)
}

func TestManyRangesAreCut(t *testing.T) {
	require.Len(t, languageRanges(strings.Repeat("en,", 1000)), maxLanguageRanges)
	require.Empty(t, languageRanges(strings.Repeat("e", maxAcceptLanguageBytes+1)))
}

func FuzzAcceptLanguage(f *testing.F) {
	f.Add("ja, en;q=0.8, *;q=0.1")
	f.Add("zh-Hant-x-a-TW;q=1.0000, ,;")
	e := &edition{lang: "en", texts: map[string]text{"en": {}, "ja": {}, "zh-hant": {}}}
	f.Fuzz(func(t *testing.T, field string) {
		ranges := languageRanges(field)
		require.LessOrEqual(t, len(ranges), maxLanguageRanges)
		require.Contains(t, e.texts, lookUp(ranges, e))
	})
}

func FuzzIfNoneMatch(f *testing.F) {
	f.Add(`"a,b", W/"c"`)
	f.Add(`,W/"`)
	f.Fuzz(func(t *testing.T, list string) {
		if etagListed(list, `"c"`) {
			require.True(t, strings.Contains(list, `"c"`) || strings.Contains(list, "*"))
		}
	})
}
