package cachekey

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func mustArtifact(t testing.TB, kind Kind, segment, cta, id, lang string) Key {
	t.Helper()
	k, err := Artifact(kind, segment, cta, id, lang)
	require.NoError(t, err)
	return k
}

func mustText(t testing.TB, text string) Key {
	t.Helper()
	k, err := ParseText(text)
	require.NoError(t, err)
	return k
}

func TestArtifact(t *testing.T) {
	for _, c := range []struct {
		kind                   Kind
		segment, cta, id, lang string
		want                   Key
		tags                   []string
	}{
		{CTA, "b2b", "trial", "", "", Key{Kind: CTA, Segment: "b2b", CTA: "trial", ID: "trial", Text: "/v1/segments/b2b/ctas/trial"},
			[]string{"kind:cta", "segment:b2b", "cta:trial"}},
		{CTA, "b2b", "trial", "trial", "JA", Key{Kind: CTA, Segment: "b2b", CTA: "trial", ID: "trial", Lang: "ja", Text: "/v1/segments/b2b/ctas/trial?lang=ja"},
			[]string{"kind:cta", "segment:b2b", "cta:trial"}},
		{Proof, "b2b", "trial", "p1", "", Key{Kind: Proof, Segment: "b2b", CTA: "trial", ID: "p1", Text: "/v1/segments/b2b/ctas/trial/proofs/p1"},
			[]string{"kind:proof", "segment:b2b", "cta:trial", "proof:p1"}},
		{Summary, "b2b", "trial", "", "", Key{Kind: Summary, Segment: "b2b", CTA: "trial", ID: "trial", Text: "/v1/segments/b2b/ctas/trial/summary"},
			[]string{"kind:summary", "segment:b2b", "cta:trial"}},
		{Campaign, "b2b", "", "spring", "en", Key{Kind: Campaign, Segment: "b2b", ID: "spring", Lang: "en", Text: "/v1/segments/b2b/campaigns/spring?lang=en"},
			[]string{"kind:campaign", "segment:b2b", "campaign:spring"}},
	} {
		c.want.Route = -1
		got := mustArtifact(t, c.kind, c.segment, c.cta, c.id, c.lang)
		require.Equal(t, c.want, got)
		require.Equal(t, got, mustText(t, got.Text))
		require.Equal(t, got.Text, got.OriginTarget())
		require.Equal(t, c.tags, got.AppendTags(nil))
		for _, tag := range c.tags {
			require.True(t, got.implies(tag), tag)
		}
		require.True(t, got.IsArtifact())
	}
}

func TestImpliedTagsAreOfTheKeysOwnKind(t *testing.T) {
	proof := mustArtifact(t, Proof, "b2b", "trial", "p1", "")
	campaign := mustArtifact(t, Campaign, "b2b", "", "spring", "")
	summary := mustArtifact(t, Summary, "b2b", "trial", "", "")
	for tag, key := range map[string]Key{
		"campaign:p1": proof, "proof:spring": campaign, "cta:spring": campaign, "cta:": campaign, "campaign:": proof,
		"kind:cta": summary, "summary:trial": summary, "segment": proof, "doc:p1": proof,
	} {
		require.False(t, key.implies(tag), tag)
	}
}

func TestArtifactRefuses(t *testing.T) {
	for _, c := range []struct {
		kind                   Kind
		segment, cta, id, lang string
		field                  string
	}{
		{CTA, "B2B", "trial", "", "", "segment"},
		{CTA, "", "trial", "", "", "segment"},
		{CTA, "b2b", "trial/summary", "", "", "cta"},
		{CTA, "b2b", "trial?lang=en", "", "", "cta"},
		{CTA, "b2b/ctas/x", "trial", "", "", "segment"},
		{CTA, "b2b", "trial", "other", "", "id"},
		{Proof, "b2b", "trial", "", "", "id"},
		{Proof, "b2b", "trial", "p/q", "", "id"},
		{Summary, "b2b", "trial", "p1", "", "id"},
		{Campaign, "b2b", "trial", "spring", "", "cta"},
		{Campaign, "b2b", "", "", "", "id"},
		{CTA, "b2b", "trial", "", "ja jp", "lang"},
		{Other, "b2b", "trial", "x", "", "kind"},
		{Kind(9), "b2b", "trial", "x", "", "kind"},
	} {
		_, err := Artifact(c.kind, c.segment, c.cta, c.id, c.lang)
		var e *Error
		require.ErrorAs(t, err, &e, "%+v", c)
		require.Equal(t, c.field, e.Field, "%+v", c)
	}
}

func TestArtifactPathIsWithoutLanguage(t *testing.T) {
	require.Equal(t, "/v1/segments/b2b/ctas/trial", mustText(t, "/v1/segments/b2b/ctas/trial?lang=ja").ArtifactPath())
	require.Empty(t, mustText(t, "example.com/a?lang=ja").ArtifactPath())
}

func TestGeneralKey(t *testing.T) {
	k := mustText(t, "POST example.com:81/a/b?c=d?e")
	require.Equal(t, Key{Host: "example.com:81", Path: "/a/b", Query: "c=d?e", Text: k.Text}, k)
	require.Equal(t, "/a/b?c=d?e", k.OriginTarget())
	require.Empty(t, k.AppendTags(nil))
	require.False(t, k.implies("kind:other"))
	require.Equal(t, "*", mustText(t, "OPTIONS example.com*").OriginTarget())
}

// prefixes are all by which a key can be purged, the shortest first.
func prefixes(k Key) (all []string) {
	text, from := k.prefixed(), 0
	if !k.IsArtifact() {
		from = len(k.Host)
	}
	for i := from; i < len(text) && len(all) < MaxPrefixes; i++ {
		if text[i] == '/' {
			all = append(all, text[:i+1])
		}
	}
	return all
}

func TestCloneOutlivesScratch(t *testing.T) {
	k := testKeyer(t)
	for _, in := range []Input{
		{"GET", "example.com", "/v1/segments/b2b/ctas/trial/proofs/p1?lang=ja"},
		{"GET", "example.com", "/v1/segments/b2b/campaigns/spring"},
		{"POST", "example.com", "/a/b?c"},
		{"OPTIONS", "example.com", "*"},
	} {
		var s Scratch
		key, err := k.Key(in, &s)
		require.NoError(t, err)
		want := mustText(t, string([]byte(key.Text)))
		want.Route = key.Route
		require.Equal(t, want, key)
		clone := key.Clone()
		for i := range s.buf[:cap(s.buf)] {
			s.buf[:cap(s.buf)][i] = 0xDB
		}
		require.Equal(t, want, clone)
	}
	require.Equal(t, Key{}, Key{}.Clone())
}

func TestKindString(t *testing.T) {
	for kind, want := range map[Kind]string{Other: "other", CTA: "cta", Proof: "proof", Summary: "summary", Campaign: "campaign", 9: "kind(9)"} {
		require.Equal(t, want, kind.String())
	}
}
