package cachekey

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValidTag(t *testing.T) {
	for _, tag := range []string{"a", "doc:pricing", "a b", "a,b", "%", "~!", strings.Repeat("a", MaxTag)} {
		require.True(t, ValidTag(tag), tag)
	}
	for _, tag := range []string{"", " a", "a ", "a\"b", `a\b`, "a\tb", "a\n", "é", "\x7f", strings.Repeat("a", MaxTag+1)} {
		require.False(t, ValidTag(tag), tag)
	}
}

func TestAppendTagList(t *testing.T) {
	for _, c := range []struct {
		field, value string
		want         []string
	}{
		{"Cache-Groups", `"segment:b2b", "cta:trial", "doc:pricing"`, []string{"segment:b2b", "cta:trial", "doc:pricing"}},
		{"cache-groups", `"a b","c,d"`, []string{"a b", "c,d"}},
		{"Cache-Groups", `"a";x;y=1;z="q, r", "b"`, []string{"a", "b"}},
		{"Cache-Groups", `  "a"	,	"b"  `, []string{"a", "b"}},
		{"Cache-Groups", `token, 12, -1.5, ?1, :YWI=:, @1659578233, %"f%c3%bc", ("x" "y");p, "a"`, []string{"a"}},
		{"Cache-Groups", `()`, nil},
		{"Cache-Groups", ``, nil},
		{"Cache-Groups", `"a\"b", "c\\d", "e"`, []string{"e"}},
		{"Cache-Groups", `"a", "a"`, []string{"a"}},
		{"Cache-Groups", `""`, nil},
		// No list: nothing of it counts.
		{"Cache-Groups", `"a", "b`, nil},
		{"Cache-Groups", `"a",`, nil},
		{"Cache-Groups", `"a" "b"`, nil},
		{"Cache-Groups", `"a", "b\c"`, nil},
		{"Cache-Groups", `"a", "é"`, nil},
		{"Cache-Groups", `"a", (b`, nil},
		{"Cache-Groups", `"a", ("b""c")`, nil},
		{"Cache-Groups", `"a";X`, nil},
		{"Cache-Groups", `"a";x=`, nil},
		{"Cache-Groups", `"a", 1234567890123456`, nil},
		{"Cache-Groups", `"a", 1.`, nil},
		{"Cache-Groups", `"a", 1234567890123.1`, nil},
		{"Cache-Groups", `"a", ?2`, nil},
		{"Cache-Groups", `"a", :YW*:`, nil},
		{"Cache-Groups", `"a", =`, nil},
		{"Cache-Tag", "a, b b ,,\tc,a", []string{"a", "b b", "c"}},
		{"Cache-Tag", `"a",b`, []string{"b"}},
		{"Surrogate-Key", "a  b\tc,d a ", []string{"a", "b", "c,d"}},
		{"surrogate-key", "é a", []string{"a"}},
		{"Vary", "a, b", nil},
	} {
		want := append([]string{}, c.want...)
		require.Equal(t, want, AppendTagList([]string{}, c.field, c.value), "%s: %s", c.field, c.value)
	}
}

func TestAppendTagListKeepsWhatWasThere(t *testing.T) {
	had := []string{"x"}
	require.Equal(t, []string{"x", "a"}, AppendTagList(had, "Cache-Groups", `"a", "x"`))
	require.Equal(t, []string{"x"}, AppendTagList(had, "Cache-Groups", `"a", "x`))
}

func TestAppendTagListIsBounded(t *testing.T) {
	var b strings.Builder
	for i := range 2 * MaxTags {
		b.WriteString("t" + strconv.Itoa(i) + " ")
	}
	got := AppendTagList(nil, "Surrogate-Key", b.String())
	require.Len(t, got, MaxTags)
	require.Len(t, AppendTagList(got, "Cache-Tag", "one-more"), MaxTags)
}

func FuzzAppendTagList(f *testing.F) {
	for _, v := range []string{`"segment:b2b", "cta:trial";x=1`, `("a" b);c, :YQ==:, 1.5`, "a, b,c", "a b c", `"\"", %"a"`, `@-1`} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, field := range []string{"Cache-Groups", "Cache-Tag", "Surrogate-Key", "Other"} {
			tags := AppendTagList([]string{"first"}, field, value)
			require.Equal(t, "first", tags[0])
			for i, tag := range tags {
				require.True(t, ValidTag(tag), tag)
				require.False(t, slices.Contains(tags[:i], tag), tag)
			}
			// What was read can be written and read again.
			again := AppendTagList(nil, "Cache-Groups", `"`+strings.Join(tags, `", "`)+`"`)
			require.Equal(t, tags, again)
		}
	})
}

func TestImpliedTags(t *testing.T) {
	for _, tag := range []string{"segment:b2b", "cta:", "kind:x", "proof:p1", "campaign:c", "doc:trial"} {
		require.True(t, ImpliedTag(tag), tag)
	}
	for _, tag := range []string{"segment", "Segment:b2b", "pricing", "brand:x", "docs:trial", ":", ""} {
		require.False(t, ImpliedTag(tag), tag)
	}
}
