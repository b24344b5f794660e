package cachekey

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// vector is one of httpwg/structured-field-tests; see its README beside the file.
type vector struct {
	Name     string          `json:"name"`
	Raw      []string        `json:"raw"`
	Type     string          `json:"header_type"`
	Expected json.RawMessage `json:"expected"`
	MustFail bool            `json:"must_fail"`
	CanFail  bool            `json:"can_fail"`
}

const vectorsSum = "7dafdd66f1c8e552887fc0b3a52175f2a736e6651dadde115014b8fe7477bdba"

func vectors(t *testing.T) map[string][]vector {
	t.Helper()
	packed, err := os.ReadFile("testdata/structured-field-tests/vectors.json.gz")
	require.NoError(t, err)
	sum := sha256.Sum256(packed)
	require.Equal(t, vectorsSum, hex.EncodeToString(sum[:]))
	z, err := gzip.NewReader(bytes.NewReader(packed))
	require.NoError(t, err)
	var all map[string][]vector
	require.NoError(t, json.NewDecoder(z).Decode(&all))
	return all
}

// Cache-Groups is a list: each list of the public vectors parses as it must, or
// fails as it must, and gives its strings. An item is a list of one member, where
// no comma makes it a longer one.
func TestStructuredFieldVectors(t *testing.T) {
	seen, failing := 0, 0
	for file, of := range vectors(t) {
		for _, v := range of {
			raw := strings.Join(v.Raw, ", ")
			end := raw[len(strings.TrimRight(raw, " \t")):] // a list may end in a tab, an item may not
			if v.Type == "dictionary" || v.Type == "item" && (strings.Contains(raw, ",") || strings.Trim(raw, " ") == "" || strings.Contains(end, "\t")) {
				continue
			}
			seen++
			members, ok := parseList(raw)
			if v.MustFail {
				failing++
				require.False(t, ok, "%s: %s: %q", file, v.Name, v.Raw)
				continue
			}
			if !ok && v.CanFail {
				continue
			}
			require.True(t, ok, "%s: %s: %q", file, v.Name, v.Raw)
			want := v.Expected
			if v.Type == "item" {
				want = json.RawMessage("[" + string(want) + "]")
			}
			var list []json.RawMessage
			require.NoError(t, json.Unmarshal(want, &list))
			require.Len(t, members, len(list), "%s: %s: %q", file, v.Name, v.Raw)
			for i, m := range members {
				var pair []json.RawMessage
				require.NoError(t, json.Unmarshal(list[i], &pair))
				var text string
				isString := json.Unmarshal(pair[0], &text) == nil
				require.Equal(t, isString, m.isString, "%s: %s: %q", file, v.Name, v.Raw)
				if isString {
					require.Equal(t, text, strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(m.text), "%s: %s: %q", file, v.Name, v.Raw)
				}
			}
		}
	}
	require.Greater(t, seen, 1000)
	require.Greater(t, failing, 500)
}
