package docsorigin

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// artifactJSON is the schema front ends rely on (CONTRACT.md).
type artifactJSON struct {
	Kind, Segment, CTA, ID, Lang, Title, HTML string
	ProofIDs                                  []string `json:"proof_ids"`
	Documents                                 map[string]int64
}

func TestEveryArtifactOfTheDemo(t *testing.T) {
	origin, err := New(Options{})
	require.NoError(t, err)
	other, err := New(Options{})
	require.NoError(t, err)
	require.Empty(t, origin.Stats().Problems)

	var index struct {
		Artifacts []struct {
			Path      string
			Documents map[string]int64
			Languages []string
		}
	}
	require.NoError(t, json.Unmarshal(ask(origin, http.MethodGet, "/index.json").Body.Bytes(), &index))
	ids, segments, japanese := map[string]map[string]bool{}, map[string]bool{}, 0
	for _, entry := range index.Artifacts {
		for _, lang := range entry.Languages {
			target := entry.Path + "?lang=" + lang
			w := ask(origin, http.MethodGet, target)
			require.Equal(t, http.StatusOK, w.Code, target)
			require.Equal(t, w.Body.String(), ask(other, http.MethodGet, target).Body.String(), "another process renders the same")

			var a artifactJSON
			dec := json.NewDecoder(w.Body)
			dec.DisallowUnknownFields()
			require.NoError(t, dec.Decode(&a), target)
			for _, field := range []string{a.Kind, a.Segment, a.ID, a.Lang, a.Title, a.HTML} {
				require.NotEmpty(t, field, target)
			}
			require.Equal(t, a.Kind == "campaign", a.CTA == "", target)
			require.Equal(t, lang, a.Lang, target)
			require.Equal(t, entry.Documents, a.Documents, target)
			require.Contains(t, a.Documents, a.ID)
			require.NotContains(t, a.HTML, "<script")
			require.NotContains(t, a.HTML, "style=")
			require.Equal(t, len(a.Documents), strings.Count(w.Header().Get("Docs-Version"), "="))
			if a.Kind == "cta" {
				require.NotEmpty(t, a.ProofIDs, "a demo cta has something to show for itself: %s", target)
			}
			require.True(t, slices.IsSorted(a.ProofIDs))
			for _, p := range a.ProofIDs {
				require.Equal(t, http.StatusOK, ask(origin, http.MethodGet, entry.Path+"/proofs/"+p).Code, entry.Path+" "+p)
			}
			if ids[a.Kind] == nil {
				ids[a.Kind] = map[string]bool{}
			}
			ids[a.Kind][a.ID], segments[a.Segment] = true, true
			if lang == "ja" {
				japanese++
				require.True(t, strings.ContainsFunc(a.Title, func(r rune) bool { return r > 0x3000 }), target)
			}
		}
	}
	require.GreaterOrEqual(t, len(ids["cta"]), 8)
	require.GreaterOrEqual(t, len(ids["proof"]), 24)
	require.GreaterOrEqual(t, len(ids["campaign"]), 3)
	require.GreaterOrEqual(t, japanese, 20)
	require.Equal(t, map[string]bool{"b2b": true, "b2c": true, "enterprise": true}, segments)
	w := ask(origin, http.MethodGet, "/v1/segments/b2c/ctas/trial")
	require.Equal(t, "trial=42, core-message=7", w.Header().Get("Docs-Version"))
}

func TestMaterialize(t *testing.T) {
	for name, dir := range map[string]string{
		"absent": filepath.Join(t.TempDir(), "new", "docs"),
		"empty":  t.TempDir(),
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, Materialize(dir))
			require.NoError(t, Check(dir))
			info, err := os.Stat(dir)
			require.NoError(t, err)
			require.EqualValues(t, 0o755, info.Mode().Perm())
			left, err := filepath.Glob(filepath.Join(filepath.Dir(dir), ".docs-*"))
			require.NoError(t, err)
			require.Empty(t, left)

			// A second time, what was edited or removed stays so.
			require.NoError(t, os.Remove(filepath.Join(dir, "p1.md")))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "trial.md"), []byte("mine"), 0o644))
			require.NoError(t, Materialize(dir))
			require.NoFileExists(t, filepath.Join(dir, "p1.md"))
			data, err := os.ReadFile(filepath.Join(dir, "trial.md"))
			require.NoError(t, err)
			require.Equal(t, "mine", string(data))
		})
	}
	blocked := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o644))
	require.ErrorContains(t, Materialize(blocked), "materialize documents")
	require.ErrorContains(t, Materialize(filepath.Join(blocked, "docs")), "materialize documents")
}

func TestMarkdownLetsNoScriptThrough(t *testing.T) {
	html := newMarkdown().html("<script>a</script>\n\n[x](javascript:alert(1)) <b onclick=x>b</b>\n\n日本\n語\n\n| a |\n|--:|\n| 1 |")
	require.NotContains(t, html, "<script")
	require.NotContains(t, html, "javascript:")
	require.NotContains(t, html, "onclick")
	require.Contains(t, html, "<p>日本語</p>")
	require.Contains(t, html, `<td align="right">1</td>`)
}
