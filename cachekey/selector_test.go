package cachekey

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSelectorMatches(t *testing.T) {
	texts := []string{
		0: "/v1/segments/b2b/ctas/trial",
		1: "/v1/segments/b2b/ctas/trial?lang=ja",
		2: "/v1/segments/b2b/ctas/trial/proofs/p1",
		3: "/v1/segments/b2b/ctas/trial/summary",
		4: "/v1/segments/b2b/ctas/trial2",
		5: "/v1/segments/b2c/campaigns/spring",
		6: "example.com/docs/a",
		7: "example.com/docs/a?lang=ja",
		8: "example.com:8080/docs/a",
		9: "POST example.com/docs/a",
	}
	for selector, want := range map[string][]int{
		"all":                              {0, 1, 2, 3, 4, 5, 6, 7, 8, 9},
		"segment=b2b":                      {0, 1, 2, 3, 4, 7},
		"segment=b2c":                      {5},
		"segment=b2":                       nil,
		"host=example.com":                 {6, 7, 9},
		"host=example.com:8080":            {8},
		"keys=/v1/segments/b2b/ctas/trial": {0, 1},
		"keys=/v1/segments/b2b/ctas/trial?lang=ja":             {1},
		"keys=/v1/segments/b2b/ctas/trial?lang=en":             nil,
		"keys=/v1/segments/b2b/ctas/trial/summary":             {3},
		"keys=example.com/docs/a":                              {6},
		"keys=example.com/docs/a?lang=ja":                      {7},
		"keys=POST%20example.com/docs/a":                       {9},
		"keys=example.com/x,/v1/segments/b2c/campaigns/spring": {5},
		"prefix=/":                            {0, 1, 2, 3, 4, 5},
		"prefix=/v1/":                         {0, 1, 2, 3, 4, 5},
		"prefix=/v1/segments/b2b/":            {0, 1, 2, 3, 4},
		"prefix=/v1/segments/b2b/ctas/trial/": {2, 3},
		"prefix=example.com/":                 {6, 7, 9},
		"prefix=example.com/docs/":            {6, 7, 9},
		"prefix=example.com/docs/a/":          nil,
		"tags=kind:cta":                       {0, 1, 4},
		"tags=cta:trial":                      {0, 1, 2, 3},
		"tags=proof:p1,campaign:spring":       {2, 5},
		"tags=cta:p1":                         nil,
		"tags=segment:b2b":                    {0, 1, 2, 3, 4, 7},
		"tags=doc:pricing":                    {6},
	} {
		s, err := ParseSelector(selector)
		require.NoError(t, err, selector)
		require.NoError(t, s.Validate())
		var got []int
		for i, text := range texts {
			k := mustText(t, text)
			sub := Subject{Key: &k, Tags: k.AppendTags(nil)}
			switch i {
			case 6:
				sub.Tags = append(sub.Tags, "doc:pricing")
			case 7:
				sub.Tags = append(sub.Tags, "segment:b2b")
			}
			if s.Matches(sub) {
				got = append(got, i)
			}
			bare := sub
			bare.Tags = nil
			if i < 6 {
				require.Equal(t, s.Matches(sub), s.Matches(bare), "implied tags count unlisted: %s", text)
			}
		}
		require.Equal(t, want, got, selector)
	}
}

func TestSelectorMatchesTagsAlone(t *testing.T) {
	sub := Subject{Tags: []string{"a", "segment:b2b"}}
	require.True(t, Selector{Tags: []string{"x", "a"}}.Matches(sub))
	require.True(t, Selector{Segment: "b2b"}.Matches(sub))
	require.False(t, Selector{Segment: "b2"}.Matches(sub))
	require.True(t, Selector{All: true}.Matches(sub))
	for _, s := range []Selector{{Tags: []string{"b"}}, {Keys: []string{"a/"}}, {Prefix: "/"}, {Host: "a"}, {}} {
		require.False(t, s.Matches(sub), s)
	}
}

func TestSelectorIsNormalised(t *testing.T) {
	for in, want := range map[string]string{
		`{"keys":["/v1/segments/%62%32b/ctas/trial?utm=1&lang=JA"]}`: "keys=/v1/segments/b2b/ctas/trial?lang=ja",
		`{"keys":["/v1/segments/b2b/ctas/trial?utm=1"]}`:             "keys=/v1/segments/b2b/ctas/trial",
		`{"keys":["EXAMPLE.com:443/a/../%7eb","example.com/~b"]}`:    "keys=example.com/~b",
		`{"keys":["example.com/a%2fb?"]}`:                            "keys=example.com/a%252Fb",
		`{"keys":["OPTIONS example.com*"]}`:                          "keys=OPTIONS%20example.com*",
		`{"prefix":"/%761/"}`:                                        "prefix=/v1/",
		`{"prefix":"Example.com./a/./b/"}`:                           "prefix=example.com/a/b/",
		`{"host":"Example.com:80"}`:                                  "host=example.com",
		`{"host":"[0::1]:81"}`:                                       "host=[::1]:81",
		`{"tags":["a b","c,d","a b","e%"]}`:                          "tags=a%20b,c%2Cd,e%25",
		` { "all" : true } `:                                         "all",
		`{"segment":"b2b"}`:                                          "segment=b2b",
	} {
		var s Selector
		require.NoError(t, json.Unmarshal([]byte(in), &s), in)
		require.Equal(t, want, s.String())
		require.NoError(t, s.Validate())
		back, err := ParseSelector(s.String())
		require.NoError(t, err)
		require.Equal(t, s, back)
		out, err := json.Marshal(s)
		require.NoError(t, err)
		var again Selector
		require.NoError(t, json.Unmarshal(out, &again))
		require.Equal(t, s, again)
	}
}

func TestSelectorRefuses(t *testing.T) {
	list := func(n int) string { return `["` + strings.TrimSuffix(strings.Repeat(`t","`, n), `","`) + `"]` }
	deep := strings.Repeat("a/", MaxPrefixes)
	for in, says := range map[string]string{
		`{}`:                            "select: must have one of tags, keys, prefix, host, segment, all",
		`[]`:                            "select: must be a JSON object",
		`"all"`:                         "select: must be a JSON object",
		`{"all":true,"segment":"b2b"}`:  "select: must have only one of all, segment",
		`{"all":false,"segment":"b2b"}`: "all: must be true",
		`{"tags":["a"],"tags":["b"]}`:   "tags: is given twice",
		`{"tag":["a"]}`:                 `select: has the unknown field "tag"`,
		`{"Tags":["a"]}`:                `select: has the unknown field "Tags"`,
		`{"":["a"]}`:                    `select: has the unknown field ""`,
		`{"all":false}`:                 "all: must be true",
		`{"all":"yes"}`:                 "all: must be true",
		`{"all":null}`:                  "all: must be true",
		`{"tags":[]}`:                   "tags: must be a list of 1 to 256 strings",
		`{"tags":null}`:                 "tags: must be a list",
		`{"tags":"a"}`:                  "tags: must be a list",
		`{"tags":[1]}`:                  "tags: must be a list",
		`{"tags":[null]}`:               "tags[0]: must not be empty",
		`{"tags":[""]}`:                 "tags[0]: must not be empty",
		`{"tags":["a"," b"]}`:           "tags[1]: must have 1 to 256",
		`{"tags":["` + strings.Repeat("a", MaxTag+1) + `"]}`:           "tags[0]: must have 1 to 256",
		`{"tags":` + list(MaxSelected+1) + `}`:                         "tags: must be at most 256",
		`{"keys":` + list(MaxSelected+1) + `}`:                         "keys: must be at most 256",
		`{"keys":[]}`:                                                  "keys: must be a list",
		`{"keys":["example.com/` + strings.Repeat("a", MaxKey) + `"]}`: "keys[0]: must not be longer than 2048 bytes",
		`{"keys":["/v1/segments/B2B/ctas/x"]}`:                         "keys[0]: must match [a-z]",
		`{"keys":["/v1/segments/b2b/ctas/x","/v1/segments/b2b/x"]}`:    "keys[1]: below /v1/segments/{segment}/ there are",
		`{"keys":["/v1/segments/b2b/../b2c/ctas/x"]}`:                  "keys[0]: must not hold dot segments",
		`{"keys":["/v1/segments/b2b//ctas/x"]}`:                        "keys[0]: must not hold //",
		`{"keys":["/v1/segments/b2b%2fctas/x"]}`:                       "keys[0]: must not hold an encoded slash",
		`{"keys":["/v1/segments/b2b/ctas/x?lang=x_y"]}`:                "keys[0]: must be one language",
		`{"keys":["/docs/a"]}`:                                         "keys[0]: artifacts live below /v1/segments/",
		`{"keys":["example.com"]}`:                                     "keys[0]: must be host/path, or an artifact's path such as /v1/segments/b2b/ctas/trial",
		`{"keys":["https://example.com/a"]}`:                           "keys[0]: is written without a scheme",
		`{"keys":["example.com/v1/segments/b2b/ctas/x"]}`:              "keys[0]: that of an artifact is written without a host",
		`{"keys":["example.com/v1//segments/b2b/ctas/x"]}`:             "keys[0]: only becomes an artifact's",
		`{"keys":["GET example.com/a"]}`:                               "keys[0]: is left out for GET",
		`{"keys":["example.com/a b"]}`:                                 "keys[0]: must be a token",
		`{"keys":["example.com/a%"]}`:                                  "keys[0]: a % must be followed",
		`{"keys":["example.com/a#b"]}`:                                 "keys[0]: a fragment",
		`{"prefix":""}`:                                                "prefix: must be a string that is not empty",
		`{"prefix":7}`:                                                 "prefix: must be a string",
		`{"prefix":"/v1"}`:                                             "prefix: must end in /",
		`{"prefix":"example.com"}`:                                     "prefix: must end in /",
		`{"prefix":"example.com/a"}`:                                   "prefix: must end in /",
		`{"prefix":"example.com/a?b/"}`:                                "prefix: must end in /",
		`{"prefix":"POST example.com/a/"}`:                             "prefix: must not have a method",
		`{"prefix":"example.com/v1/segments/b2b/"}`:                    "prefix: that of an artifact",
		`{"prefix":"http://example.com/"}`:                             "prefix: is written without a scheme",
		`{"prefix":"example.com/` + deep + `"}`:                        "prefix: must not be deeper than 16",
		`{"prefix":"/docs/"}`:                                          "prefix: artifacts live below",
		`{"prefix":"/v1/segments/B2B/"}`:                               "prefix: each id in it must match",
		`{"prefix":"/v1/segments/b2b/ctas/Trial/"}`:                    "prefix: each id in it must match",
		`{"prefix":"/v1/segments/b2b/proofs/"}`:                        "prefix: no artifact lies below it",
		`{"prefix":"/v1/segments/b2b/campaigns/spring/"}`:              "prefix: no artifact lies below it",
		`{"prefix":"/v1/segments/b2b/ctas/trial/summary/"}`:            "prefix: no artifact lies below it",
		`{"prefix":"/v1/segments/b2b/ctas/trial/proofs/p1/"}`:          "prefix: no artifact lies below it",
		`{"prefix":"/v1/segments/b2b/../"}`:                            "prefix: must not hold dot segments",
		`{"prefix":"//"}`:                                              "prefix: must not hold //",
		`{"host":"example.com/"}`:                                      "host: may hold letters",
		`{"host":"*.example.com"}`:                                     "host: may hold letters",
		`{"host":null}`:                                                "host: must be a string",
		`{"segment":"B2B"}`:                                            "segment: must match",
		`{"segment":"_default"}`:                                       "segment: must match",
	} {
		s := Selector{Host: "before"}
		err := json.Unmarshal([]byte(in), &s)
		require.ErrorContains(t, err, says, in)
		var e *Error
		require.ErrorAs(t, err, &e, in)
		require.Equal(t, 400, e.Status)
		require.Less(t, len(e.Error()), 300, in)
		require.Equal(t, Selector{Host: "before"}, s, "half-applied")
	}
}

func TestParseSelectorRefuses(t *testing.T) {
	for in, says := range map[string]string{
		"":              "select: must be all, tags=",
		"All":           "select: must be all, tags=",
		"all=true":      "select: must be all, tags=",
		"tag=a":         "select: must be all, tags=",
		"tags=":         "tags[0]: must not be empty",
		"tags=a,":       "tags[1]: must not be empty",
		"keys=":         "keys[0]: must not be empty",
		"host=":         "host: must be one value",
		"host=a,b":      "host: must be one value",
		"tags=%zz":      "tags: a % must be followed",
		"segment=B":     "segment: must match",
		"prefix=/docs/": "prefix: artifacts live below",
		"tags=a" + strings.Repeat(",a", MaxSelected):                 "tags: must be at most 256",
		"tags=a" + strings.Repeat(",a", maxSelectorText):             "select: must not be longer",
		"keys=/v1/segments/b2b/ctas/x," + strings.Repeat("a", 3_000): "keys[1]: must not be longer",
	} {
		_, err := ParseSelector(in)
		require.ErrorContains(t, err, says, in[:min(len(in), 40)])
	}
}

func TestValidateRefusesOtherSpellings(t *testing.T) {
	for _, c := range []struct {
		s    Selector
		says string
	}{
		{Selector{Host: "Example.com"}, `host: is not canonical: write "example.com"`},
		{Selector{Prefix: "/%761/"}, `prefix: is not canonical: write "/v1/"`},
		{Selector{Keys: []string{"a/", "a/%41"}}, "keys[1]: is not canonical"},
		{Selector{Keys: []string{"a/", "a/"}}, "keys[1]: is not canonical, or stands there twice"},
		{Selector{Tags: []string{"a", "a"}}, "tags: must not hold a tag twice"},
		{Selector{}, "select: must have one of"},
		{Selector{All: true, Host: "a"}, "select: must have only one of host, all"},
	} {
		require.ErrorContains(t, c.s.Validate(), c.says)
	}
	require.NoError(t, Selector{Keys: []string{"a/"}}.Validate())
}

func FuzzSelector(f *testing.F) {
	for _, v := range []string{
		`{"all":true}`, `{"tags":["a","b c"]}`, `{"keys":["/v1/segments/b2b/ctas/trial?lang=ja","example.com/a%2fb?x"]}`,
		`{"prefix":"/v1/segments/b2b/"}`, `{"host":"[::1]:80"}`, `{"segment":"b2b"}`, "all", "tags=a,b%2Cc", "keys=OPTIONS%20a*",
	} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var s Selector
		if json.Unmarshal([]byte(text), &s) != nil {
			var err error
			if s, err = ParseSelector(text); err != nil {
				return
			}
		}
		require.NoError(t, s.Validate())
		back, err := ParseSelector(s.String())
		require.NoError(t, err)
		require.Equal(t, s, back)
		data, err := json.Marshal(s)
		require.NoError(t, err)
		var again Selector
		require.NoError(t, json.Unmarshal(data, &again))
		require.Equal(t, s, again)
		// A key that is selected is one that can exist, and is matched.
		for _, text := range s.Keys {
			k, err := ParseText(text)
			require.NoError(t, err)
			require.True(t, s.Matches(Subject{Key: &k}))
		}
	})
}
