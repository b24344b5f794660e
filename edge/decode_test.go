package edge

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
)

func TestDocsVersionTable(t *testing.T) {
	for value, want := range map[string]string{
		"pricing=42, core-message=7": "pricing=42 core-message=7 ",
		"a=1":                        "a=1 ",
		"a=1,\tb=2":                  "a=1 b=2 ",
		"":                           "",
		"a":                          "",
		"a=":                         "",
		"a=0":                        "",
		"a=-1":                       "",
		"a=+1":                       "",
		"a=1.5":                      "",
		"A=1":                        "",
		"a=1,":                       "",
		"a=99999999999999999999":     "",
		"a = 1":                      "",
	} {
		var got strings.Builder
		err := eachVersion(value, func(id string, v int64) {
			fmt.Fprintf(&got, "%s=%d ", id, v)
		})
		if want == "" {
			require.ErrorContains(t, err, "Docs-Version", "%q", value)
			continue
		}
		require.NoError(t, err, "%q", value)
		require.Equal(t, want, got.String())
	}
}

func FuzzDocsVersion(f *testing.F) {
	f.Add("pricing=42, core-message=7")
	f.Add("a=1,,b=2")
	f.Fuzz(func(t *testing.T, value string) {
		err := eachVersion(value, func(id string, v int64) {
			if !cachekey.ValidID(id) || v <= 0 {
				t.Fatalf("%q yields %q=%d", value, id, v)
			}
		})
		_ = err // an error may follow members that were good: callers drop them all
	})
}

func FuzzRange(f *testing.F) {
	for _, s := range []string{"bytes=0-1", "bytes=-5", "bytes=9-", "bytes=0-0,2-3", "bytes=18446744073709551616-", "BYTES = 1-2"} {
		f.Add(s, int64(10))
	}
	f.Fuzz(func(t *testing.T, spec string, size int64) {
		if size < 0 || size > 1<<40 {
			return
		}
		parts, result := parseRanges(nil, spec, size)
		if (result == rangePart) != (len(parts) > 0) {
			t.Fatalf("%q of %d gives %v, %v", spec, size, result, parts)
		}
		for _, p := range parts {
			if p.first < 0 || p.last < p.first || p.last >= size {
				t.Fatalf("%q of %d gives %v", spec, size, parts)
			}
		}
	})
}

func FuzzIfNoneMatch(f *testing.F) {
	for _, s := range []string{`"a"`, `W/"a"`, `"x", "a"`, "*", `"a`, `a"`, `"x" "a"`, ",,\"a\""} {
		f.Add(s, "a")
	}
	f.Fuzz(func(t *testing.T, list, opaque string) {
		if strings.ContainsAny(opaque, "\"\\") {
			return
		}
		tag := `"` + opaque + `"`
		got := matchesAny(list, tag, false)
		if matchesAny(list, tag, true) && !got {
			t.Fatalf("%q matches %q strongly and not weakly", list, tag)
		}
		if got && !strings.Contains(list, tag) && strings.TrimSpace(list) != "*" {
			t.Fatalf("%q is said to name %q", list, tag)
		}
		if !matchesAny(`"other", W/`+tag, tag, false) {
			t.Fatalf("a list that names %q is not recognised", tag)
		}
	})
}

// Whatever an origin sends, what passes the check names the key's own artifact.
func FuzzCheckArtifact(f *testing.F) {
	f.Add("application/json", "trial=1", `{"kind":"cta","segment":"b2b","cta":"trial","id":"trial","lang":"en","title":"t","html":"h","documents":{"trial":1}}`)
	f.Add("application/json", "trial=1", `{"kind":"cta","segment":"b2b","\u017fegment":"b2c","cta":"trial","id":"trial","lang":"en","title":"t","html":"h","documents":{"trial":1}}`)
	f.Add("application/json", "trial=1", `{"kind":"cta","segment":"b2b","cta":"trial","id":"trial","lang":"en","title":"t","html":"h","documents":{"trial":1},"\u212aind":"proof"}`)
	f.Add("text/html", "", "<html>")
	f.Add("application/json; charset=utf-8", "a=1, b=2", `{"kind":"cta","documents":{"a":1}}`)
	key, err := cachekey.Artifact(cachekey.CTA, "b2b", "trial", "trial", "")
	require.NoError(f, err)
	other, err := cachekey.Artifact(cachekey.CTA, "b2c", "trial", "trial", "")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, contentType, versions, body string) {
		fields := fieldLines{{"Content-Type", contentType}, {"Docs-Version", versions}}
		if checkArtifact(key, fields, []byte(body)) == nil && checkArtifact(other, fields, []byte(body)) == nil {
			t.Fatalf("one body passes for two segments: %q", body)
		}
		if checkArtifact(key, fields, []byte(body)) == nil {
			var read struct{ Kind, Segment, CTA, ID string } // as a careless reader does
			if err := json.Unmarshal([]byte(body), &read); err != nil || read.Kind != "cta" || read.Segment != "b2b" || read.CTA != "trial" || read.ID != "trial" {
				t.Fatalf("it passes, and is read as %+v: %q", read, body)
			}
		}
	})
}

func FuzzNamed(f *testing.F) {
	for _, s := range []string{"/x", "//evil/x", "http://edge.test/x", "https://edge.test:8443/x", "x", "../y?z", "?q", "#f", "http://edge.test", "http://a@edge.test/", "\\evil"} {
		f.Add(s)
	}
	keyer, err := cachekey.NewKeyer([]cachekey.Pattern{{Query: cachekey.QueryRule{Names: []string{"*"}}}})
	require.NoError(f, err)
	c := &Core{cfg: Config{Keyer: keyer}}
	f.Fuzz(func(t *testing.T, ref string) {
		x := &Exchange{Req: Request{Host: "edge.test", Fields: fieldLines(nil)}}
		key, err := keyer.Key(cachekey.Input{Method: "GET", Host: "edge.test", Target: "/a/b"}, &x.scratch)
		require.NoError(t, err)
		if other, ok := c.named(x, key, ref); ok && other.Host != "edge.test" && !other.IsArtifact() {
			t.Fatalf("%q resolves to %q", ref, other.Text)
		}
	})
}
