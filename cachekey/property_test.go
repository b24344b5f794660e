package cachekey

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Small alphabets, so that what is drawn collides where it can.
func drawID(t *rapid.T, label string) string {
	return rapid.SampledFrom([]string{"a", "b", "ctas", "proofs", "summary", "campaigns", "a-b", "a_b", "lang"}).Draw(t, label)
}

func drawLang(t *rapid.T) string {
	return rapid.SampledFrom([]string{"", "", "ja", "en", "en-us", "EN-us"}).Draw(t, "lang")
}

func drawArtifact(t *rapid.T) Key {
	kind := rapid.SampledFrom([]Kind{CTA, Proof, Summary, Campaign}).Draw(t, "kind")
	segment, cta, id := drawID(t, "segment"), "", ""
	if kind != Campaign {
		cta = drawID(t, "cta")
	}
	if kind == Proof || kind == Campaign {
		id = drawID(t, "id")
	}
	k, err := Artifact(kind, segment, cta, id, drawLang(t))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func drawInput(t *rapid.T) Input {
	piece := rapid.SampledFrom([]string{"a", "b", "A", "/", "/", "//", ".", "..", "/./", "/../", "%2F", "%2f", "%61", "%7e", "%25", "%5C",
		"?", "?", "&", "=", "&q=", "&lang=ja", "*", ":", "@", "v1", "/v1/segments/", "segments/", "b2b/ctas/a", "%zz", "#", " ", "q", "[", "|"})
	return Input{
		Method: rapid.SampledFrom([]string{"GET", "GET", "HEAD", "POST", "OPTIONS", "get", "a"}).Draw(t, "method"),
		Host:   rapid.SampledFrom([]string{"a", "A.", "a:80", "a:81", "post", "get", "[::1]", "[0::1]:443", "v1", "q"}).Draw(t, "host"),
		Target: rapid.SampledFrom([]string{"/", "/", "/v1/segments/", "/v1/segments/b2b/ctas/a", "http://a", "*", ""}).Draw(t, "form") +
			strings.Join(rapid.SliceOfN(piece, 0, 8).Draw(t, "target"), ""),
	}
}

func anyKeyer(t require.TestingT, rule QueryRule) *Keyer {
	k, err := NewKeyer([]Pattern{{Query: rule}})
	require.NoError(t, err)
	return k
}

// identity is what a key must tell apart, in a form that cannot collide.
func identity(k Key) string {
	method, _, _ := strings.Cut(k.Text, " ")
	if strings.ContainsAny(method, "/*") {
		method = ""
	}
	b, _ := json.Marshal([]string{k.Kind.String(), k.Segment, k.CTA, k.ID, k.Lang, method, k.Host, k.Path, k.Query})
	return string(b)
}

func TestPropertyArtifactTextsAreInjective(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawArtifact(t), drawArtifact(t)
		if (identity(a) == identity(b)) != (a.Text == b.Text) {
			t.Fatalf("%+v and %+v", a, b)
		}
	})
}

// The texts of requests differ exactly where their tuples do, also with the
// variants behind them.
func TestPropertyTextsAreInjective(t *testing.T) {
	keyer := anyKeyer(t, QueryRule{Names: []string{"*"}})
	const absent = "\xff"
	value := rapid.SampledFrom([]string{absent, "", "a", "a b", "a=b", "%", "%20", " a=", "b c=d", "a\x00", "gzip", "é"})
	vary := rapid.SliceOfN(rapid.SampledFrom([]string{"A", "a", "B", "c", "Accept-Encoding"}), 0, 3)
	type drawn struct{ text, tuple string }
	draw := func(t *rapid.T) (drawn, bool) {
		var s Scratch
		key, err := keyer.Key(drawInput(t), &s)
		if err != nil {
			return drawn{}, false
		}
		var names, values []string
		for _, name := range vary.Draw(t, "vary") {
			names = append(names, strings.ToLower(name))
		}
		slices.Sort(names)
		names = slices.Compact(names)
		all := map[string]string{}
		for _, name := range names {
			v := value.Draw(t, name)
			all[name] = v
			if v == absent && negotiates(name) {
				v = ""
			}
			if v != absent {
				v = string(NormalizeField(nil, name, v))
			}
			values = append(values, v)
		}
		text := AppendVariant([]byte(key.Text), names, func(name string) (string, bool) {
			v := all[strings.ToLower(name)]
			return strings.TrimPrefix(v, absent), v != absent
		})
		tuple, _ := json.Marshal([]any{identity(key), names, values})
		return drawn{string(text), string(tuple)}, true
	}
	rapid.Check(t, func(t *rapid.T) {
		tuples, texts := map[string]string{}, map[string]string{}
		for range 40 {
			d, ok := draw(t)
			if !ok {
				continue
			}
			if tuple, ok := tuples[d.text]; ok && tuple != d.tuple {
				t.Fatalf("%q names %s and %s", d.text, tuple, d.tuple)
			}
			if text, ok := texts[d.tuple]; ok && text != d.text {
				t.Fatalf("%s has %q and %q", d.tuple, text, d.text)
			}
			tuples[d.text], texts[d.tuple] = d.tuple, d.text
		}
	})
}

// Variants differ exactly where the requests' fields do, absent ones among them.
func TestPropertyVariantsAreInjective(t *testing.T) {
	const absent = "\xff"
	names := []string{"a", "b", "a=b", "accept-encoding", "accept-language"}
	value := rapid.SampledFrom([]string{absent, absent, "", "", "a", "b", "a b=", "%", "gzip"})
	rapid.Check(t, func(t *rapid.T) {
		texts, tuples := map[string]string{}, map[string]string{}
		for range 20 {
			var vary, values []string
			request := map[string]string{}
			for _, name := range names[:rapid.IntRange(1, len(names)).Draw(t, "names")] {
				v := value.Draw(t, name)
				request[name] = v
				if v == absent && negotiates(name) {
					v = ""
				}
				if v != absent {
					v = "is " + string(NormalizeField(nil, name, v))
				}
				vary, values = append(vary, name), append(values, v)
			}
			text := string(AppendVariant(nil, vary, func(name string) (string, bool) {
				v := request[strings.ToLower(name)]
				return strings.TrimPrefix(v, absent), v != absent
			}))
			tuple, _ := json.Marshal(values)
			if other, ok := tuples[text]; ok && other != string(tuple) {
				t.Fatalf("%q is of %s and %s", text, other, tuple)
			}
			if other, ok := texts[string(tuple)]; ok && other != text {
				t.Fatalf("%s has %q and %q", tuple, other, text)
			}
			tuples[text], texts[string(tuple)] = string(tuple), text
		}
	})
}

func checkKey(t require.TestingT, keyer *Keyer, in Input) {
	var s Scratch
	key, err := keyer.Key(in, &s)
	if err != nil {
		require.Equal(t, Key{}, key)
		return
	}
	key = key.Clone()

	// Its text says everything that it does.
	back, err := ParseText(key.Text)
	require.NoError(t, err, key.Text)
	want := key
	if !want.IsArtifact() {
		want.Route = 0
	}
	require.Equal(t, want, back)

	// Normalising is idempotent: to ask for the canonical form is to ask for
	// the same.
	if method, _, ok := strings.Cut(key.Text, " "); ok {
		require.Equal(t, in.Method, method)
	}
	host := key.Host
	if key.IsArtifact() {
		host = in.Host
	}
	again, err := keyer.Key(Input{in.Method, host, key.OriginTarget()}, new(Scratch))
	require.NoError(t, err, key.Text)
	require.Equal(t, key, again)

	// It is selected by what names it, and by each of its prefixes.
	if len(key.Text) <= MaxKey {
		selected(t, Selector{Keys: []string{key.Text}}, key)
	}
	for _, prefix := range prefixes(key) {
		if len(prefix) <= MaxKey {
			selected(t, Selector{Prefix: prefix}, key)
		}
	}
	if key.IsArtifact() {
		selected(t, Selector{Keys: []string{key.ArtifactPath()}}, key)
		selected(t, Selector{Segment: key.Segment}, key)
		require.True(t, strings.HasPrefix(key.Text, artifactRoot))
	} else {
		selected(t, Selector{Host: key.Host}, key)
		require.False(t, strings.HasPrefix(key.Path, artifactRoot))
	}
	for _, tag := range key.AppendTags(nil) {
		selected(t, Selector{Tags: []string{tag}}, key)
	}
}

func selected(t require.TestingT, s Selector, key Key) {
	require.NoError(t, s.Validate(), s.String())
	require.True(t, s.Matches(Subject{Key: &key}), "%s does not match %s", s, key.Text)
}

func TestPropertyKey(t *testing.T) {
	whole := anyKeyer(t, QueryRule{Names: []string{"*"}})
	named := anyKeyer(t, QueryRule{Names: []string{"q", "a", "lang"}})
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		checkKey(t, whole, in)
		checkKey(t, named, in)
	})
}

// The order of differently named parameters does not matter, that of equally
// named ones does.
func TestPropertyParameterOrder(t *testing.T) {
	keyer := anyKeyer(t, QueryRule{Names: []string{"a", "b", "c"}})
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 1, 8).Draw(t, "names")
		params := make([]string, len(names))
		byName := map[string][]string{}
		for i, name := range names {
			params[i] = name + "=" + rapid.SampledFrom([]string{"1", "2"}).Draw(t, "value")
			if name != "d" {
				byName[name] = append(byName[name], params[i])
			}
		}
		want := strings.Join(slices.Concat(byName["a"], byName["b"], byName["c"]), "&")
		var s Scratch
		key, err := keyer.Key(Input{"GET", "h", "/?" + strings.Join(params, "&")}, &s)
		require.NoError(t, err)
		require.Equal(t, want, key.Query)
	})
}

func FuzzKey(f *testing.F) {
	for _, target := range []string{
		"/", "*", "/v1/segments/b2b/ctas/trial?lang=ja", "/v1/segments/b2b/ctas/trial/proofs/p1", "/v1/%73egments/b2b/campaigns/c",
		"/a/../b//c/%2e%2e/d%2Fe?x=1&q=%41&a", "http://a:80/x?y", "//v1/segments/b2b", "/v1//..//segments/x", "/?q=1&a=2&q=%zz",
	} {
		f.Add("GET", "a", target)
	}
	f.Add("POST", "[::1]:8080", "/x")
	f.Add("OPTIONS", "A.", "*")
	whole := anyKeyer(f, QueryRule{Names: []string{"*"}})
	named := anyKeyer(f, QueryRule{Names: []string{"q", "a", "lang"}, Others: Drop})
	f.Fuzz(func(t *testing.T, method, host, target string) {
		checkKey(t, whole, Input{method, host, target})
		checkKey(t, named, Input{method, host, target})
	})
}

func FuzzParseText(f *testing.F) {
	for _, text := range []string{
		"/v1/segments/b2b/ctas/trial?lang=ja", "/v1/segments/b2b/campaigns/c", "example.com/a?b=c", "POST [::1]:81/a//b/", "OPTIONS a*",
		"GET a/", "a:80/", "A/", "a/%2f", "a/?", "a/..", "x y/z", "a/v1/segments/b2b",
	} {
		f.Add(text)
	}
	keyer := anyKeyer(f, QueryRule{Names: []string{"*"}})
	f.Fuzz(func(t *testing.T, text string) {
		k, err := ParseText(text)
		if err != nil {
			return
		}
		require.Equal(t, text, k.Text)
		require.Equal(t, k, k.Clone())
		// Some request has it.
		method, _, ok := strings.Cut(text, " ")
		if !ok {
			method = "GET"
		}
		host := k.Host
		if k.IsArtifact() {
			host = "any"
		}
		again, err := keyer.Key(Input{method, host, k.OriginTarget()}, new(Scratch))
		if len(k.OriginTarget()) > MaxTarget {
			return
		}
		require.NoError(t, err)
		require.Equal(t, k, again)
	})
}
