package docsorigin

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const goodFront = "id: trial\nkind: cta\nversion: 42\nsegments: [b2b, b2c]\ncta: trial\nuses: [core-message]\nlang: en\ntags: [pricing]\ntitle: Start your trial\n"

func file(front, body string) []byte { return []byte("---\n" + front + "---\n" + body) }

func TestTheContractsExample(t *testing.T) {
	for name, data := range map[string][]byte{
		"as it stands": file(goodFront, "Body.\n"),
		"CRLF":         []byte(strings.ReplaceAll(string(file(goodFront, "Body.\n")), "\n", "\r\n")),
		"comments, block lists, mark": []byte("\ufeff---  \n# note\nid: trial # the id\nkind: \"cta\"\nversion: 42\nsegments:\n  - b2b\n  - b2c\n" +
			"cta: trial\nuses:\n- core-message\nlang: EN\ntags: ['pricing']\ntitle: Start your trial\n---\nBody.\n"),
	} {
		d, err := ParseDocument("trial.md", data)
		require.NoError(t, err, name)
		d.Body = strings.TrimSpace(d.Body)
		require.Equal(t, Document{
			Name: "trial.md", ID: "trial", Kind: CTA, Version: 42, Segments: []string{"b2b", "b2c"}, CTA: "trial",
			Uses: []string{"core-message"}, Lang: "en", Tags: []string{"pricing"}, Title: "Start your trial", Body: "Body.",
		}, d, name)
	}
}

func TestWhatMayBeLeftOut(t *testing.T) {
	d, err := ParseDocument("core.md", file("id: core\nkind: message\nversion: 1\n", ""))
	require.NoError(t, err)
	require.Equal(t, "en", d.Lang)
	d, err = ParseDocument("core.pt-BR.md", []byte("---\nid: core\nkind: rule\nversion: 9007199254740991\n---"))
	require.NoError(t, err)
	require.Equal(t, "pt-br", d.Lang)
	require.EqualValues(t, MaxVersion, d.Version)
}

func TestBadDocuments(t *testing.T) {
	with := func(old, new string) []byte {
		front := strings.Replace(goodFront, old, new, 1)
		return file(front, "Body.\n")
	}
	many := func(n int) string {
		var ids []string
		for i := range n {
			ids = append(ids, fmt.Sprint("s", i))
		}
		return "[" + strings.Join(ids, ", ") + "]"
	}
	for _, c := range []struct {
		data []byte
		want string // "field: part of the reason"
	}{
		{nil, "front matter: must begin"},
		{[]byte("no front matter"), "front matter: must begin"},
		{[]byte("---\nid: trial\n"), "front matter: must begin"},
		{[]byte("----\nid: trial\n----\n"), "front matter: must begin"},
		{[]byte("---\n---\nBody"), "front matter: one list of fields"},
		{file("just text\n", "Body"), "front matter: one list of fields"},
		{file("- id\n- kind\n", "Body"), "front matter: one list of fields"},
		{file("id: [\n", "Body"), "front matter: not valid YAML"},
		{file("title: a: b\n", "Body"), "front matter: not valid YAML"},
		{file("id: 'trial\n", "Body"), "front matter: not valid YAML"},
		{file("title: "+strings.Repeat("x", maxFrontMatterBytes)+"\n", "Body"), "front matter: at most"},
		{file("tags: "+strings.Repeat("[", maxNesting+1)+"\n", "Body"), "front matter: brackets"},
		{[]byte("---\ntitle: \xff\n---\n"), "file: UTF-8"},
		{[]byte("---\ntitle: \x00\n---\n"), "file: control"},
		{with("id: trial\n", ""), "id: required"},
		{with("kind: cta\n", ""), "kind: required"},
		{with("version: 42\n", ""), "version: required"},
		{with("segments: [b2b, b2c]\n", ""), "segments: required"},
		{with("title: Start your trial\n", ""), "title: required"},
		{file(goodFront, " \n\t\n"), "body: empty"},
		{with("kind: cta\nversion: 42\nsegments: [b2b, b2c]\ncta: trial", "kind: proof\nversion: 42\nsegments: [b2b]"), "cta: required"},
		{with("id: trial", "id: Trial"), "id: [a-z]"},
		{with("id: trial", "id: other"), "id: the same"},
		{with("id: trial", "id: 1"), "id: text"},
		{with("id: trial", "id:"), "id: text"},
		{with("id: trial", "id: "+strings.Repeat("a", 65)), "id: [a-z]"},
		{with("kind: cta", "kind: banner"), "kind: campaign"},
		{with("kind: cta", "kind: [cta]"), "kind: text"},
		{with("version: 42", "version: 0"), "version: whole number"},
		{with("version: 42", "version: -1"), "version: whole number"},
		{with("version: 42", "version: 4.2"), "version: whole number"},
		{with("version: 42", "version: 042"), "version: whole number"},
		{with("version: 42", "version: 0x2a"), "version: whole number"},
		{with("version: 42", "version: 4_2"), "version: whole number"},
		{with("version: 42", "version: \"42\""), "version: whole number"},
		{with("version: 42", "version: next"), "version: whole number"},
		{with("version: 42", "version: 9007199254740992"), "version: whole number"},
		{with("version: 42", "version: 99999999999999999999"), "version: whole number"},
		{with("[b2b, b2c]", "b2b"), "segments: list"},
		{with("[b2b, b2c]", "[]"), "segments: at least one"},
		{with("[b2b, b2c]", "[b2b, B2C]"), "segments: [a-z]"},
		{with("[b2b, b2c]", "[b2b, [b2c]]"), "segments: [a-z]"},
		{with("[b2b, b2c]", "[_default]"), "segments: [a-z]"},
		{with("[b2b, b2c]", "[b2b, b2b]"), "segments: twice"},
		{with("[b2b, b2c]", many(maxListItems+1)), "segments: at most"},
		{with("cta: trial", "cta: other"), "cta: own id"},
		{with("kind: cta", "kind: message"), "cta: only a proof"},
		{with("uses: [core-message]", "uses: [trial]"), "uses: itself"},
		{with("uses: [core-message]", "uses: core-message"), "uses: list"},
		{with("lang: en", "lang: e"), "lang: language tag"},
		{with("lang: en", "lang: "+strings.Repeat("abcdefgh-", 4)+"a"), "lang: language tag"},
		{with("[pricing]", "[\"a b\"]"), "tags: must match"},
		{with("[pricing]", "[\"a,b\"]"), "tags: must match"},
		{with("[pricing]", "[7]"), "tags: must match"},
		{with("[pricing]", "[\"segment:b2c\"]"), "tags: must not be one of those that an artifact has by itself"},
		{with("[pricing]", "[\"doc:trial\"]"), "tags: must not be one"},
		{with("[pricing]", "[\"kind:cta\", \"cta:x\"]"), "tags: must not be one"},
		{with("title: Start your trial", "title: ' '"), "title: empty"},
		{with("title: Start your trial", "title: \"a\\nb\""), "title: one line"},
		{with("title: Start your trial", "title: "+strings.Repeat("x", maxTitleBytes+1)), "title: one line"},
		{with("title:", "titel:"), "titel: not a field"},
		{with("title: Start your trial", "title: a\nurl: b"), "url: not a field"},
		{with("title: Start your trial", "title: a\n? [x]\n: b"), "front matter: invalid key"},
		{with("title: Start your trial", "title: a\nid: trial"), "front matter: already defined"},
		{with("segments: [b2b, b2c]\ncta: trial\nuses: [core-message]", "segments: &a [b2b]\nuses: *a"), "segments: list"},
		{with("id: trial", "<<: {id: trial}"), "<<: not a field"},
		{with("id: trial", "id: !!str trial"), "id: text"},
	} {
		_, err := ParseDocument("trial.md", c.data)
		field, reason, _ := strings.Cut(c.want, ": ")
		require.Error(t, err, "%s\n%s", c.want, c.data)
		problems, ok := errors.AsType[Problems](err)
		require.True(t, ok)
		found := false
		for _, p := range problems {
			require.Equal(t, "trial.md", p.File)
			found = found || p.Field == field && strings.Contains(p.Reason, reason)
		}
		require.True(t, found, "want %s\ngot %v", c.want, err)
	}
}

func TestAProblemNamesTheLine(t *testing.T) {
	_, err := ParseDocument("trial.md", file("id: trial\nkind: cta\nversion: soon\n", "Body"))
	require.EqualError(t, err, "trial.md:4: version: must be a whole number from 1 to 9007199254740991, in plain digits")
	_, err = ParseDocument("trial.md", file("id: trial\nkind: cta\ntitle: a: b\nversion: 1\n", "Body"))
	require.ErrorContains(t, err, "trial.md:4: front matter: is not valid YAML")
}

func TestFileNames(t *testing.T) {
	for _, name := range []string{"trial", "Trial.md", "trial.md.md.md", "trial.e.md", ".md", "a/trial.md", "../trial.md", "trial.ja.fr.md", "1.md"} {
		_, err := ParseDocument(name, file(goodFront, "Body"))
		require.ErrorContains(t, err, "file: ", name)
	}
	_, err := ParseDocument("trial.ja.md", file(goodFront, "Body"))
	require.ErrorContains(t, err, "lang: is \"en\", but the file is named trial.ja.md")
}

func FuzzParseDocument(f *testing.F) {
	f.Add("trial.md", file(goodFront, "Body."))
	f.Add("trial.ja.md", file("id: trial\nkind: rule\nversion: 1\n", ""))
	f.Add("trial.md", file("id: &a [[*a, {b: !!set {}}]]\n? >-\n  x\n: |\n  y\n<<: *a\n", "---\n"))
	f.Add("trial.md", file("id: \"\\u0000\\\n", "\r\n---"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		d, err := ParseDocument(name, data)
		if err != nil {
			require.IsType(t, Problems{}, err)
			require.NotEmpty(t, err.Error())
			return
		}
		require.True(t, validID(d.ID) && d.Kind.valid() && validLang(d.Lang), "%+v", d)
		require.True(t, d.Version >= 1 && d.Version <= MaxVersion)
		require.NotContains(t, d.Title, "\n")
		newMarkdown().html(d.Body)
	})
}

func FuzzFrontMatter(f *testing.F) {
	f.Add(goodFront)
	f.Add("id: trial\nkind: rule\nversion: 1\nuses:\n- a\n- b\n")
	f.Add("? a\n: - b\n  - {c: d, e: [f]}\n")
	f.Add("title: >-\n  a\n\n  b\nid: \"\\u2028\"\n%YAML 1.2\n...\n")
	f.Add("id: !!binary x\nkind: &a !t *a\n<<: [*a]\n")
	f.Fuzz(func(t *testing.T, front string) {
		var ps Problems
		fields := parseFields("trial.md", front, &ps)
		if len(ps) > 0 {
			require.NotEmpty(t, ps.Error())
			return
		}
		require.True(t, validID(fields.text["id"]) && Kind(fields.text["kind"]).valid() && fields.version > 0)
	})
}
