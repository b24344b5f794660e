package freshness

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/dunglas/httpsfv"
	"github.com/stretchr/testify/require"
)

// verbatim is the lines of one field, as they are.
type verbatim []string

func (v verbatim) Get(string) string { return v[0] }

func (v verbatim) Each(_ string, yield func(string) bool) {
	for _, line := range v {
		if !yield(line) {
			return
		}
	}
}

// CDN-Cache-Control is a dictionary (RFC 9213 §2.1): the public vectors of
// dictionaries parse, or fail, as they must, those of items as a member's value.
// What fails leaves the word to Cache-Control.
func TestStructuredFieldVectors(t *testing.T) {
	f, err := os.Open("../../cachekey/testdata/structured-field-tests/vectors.json.gz")
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	var all map[string][]struct {
		Name              string
		Raw               []string
		HeaderType        string `json:"header_type"`
		Expected          json.RawMessage
		MustFail, CanFail bool
	}
	var generic map[string][]map[string]any
	data := json.NewDecoder(z)
	require.NoError(t, data.Decode(&generic))
	packed, err := json.Marshal(generic)
	require.NoError(t, err)
	packed = []byte(strings.NewReplacer(`"must_fail"`, `"mustfail"`, `"can_fail"`, `"canfail"`).Replace(string(packed)))
	require.NoError(t, json.Unmarshal(packed, &all))
	seen, failing := 0, 0
	for file, of := range all {
		for _, v := range of {
			values := v.Raw
			switch raw := strings.Join(v.Raw, ","); {
			case v.HeaderType == "dictionary":
			case v.HeaderType == "item" && raw != "" && raw == strings.Trim(raw, " ") && !strings.Contains(raw, ","):
				values = []string{"a=" + raw}
			default:
				continue
			}
			seen++
			dict, err := httpsfv.UnmarshalDictionary(values)
			c, targeted := parseTargeted(verbatim(values))
			if v.MustFail {
				failing++
				require.Error(t, err, "%s: %s: %q", file, v.Name, values)
				require.False(t, targeted, "%s: %s: %q", file, v.Name, values)
				require.Equal(t, control{}, c)
				continue
			}
			if err != nil && v.CanFail {
				continue
			}
			require.NoError(t, err, "%s: %s: %q", file, v.Name, values)
			if v.HeaderType == "dictionary" {
				var members []json.RawMessage
				require.NoError(t, json.Unmarshal(v.Expected, &members))
				require.Len(t, dict.Names(), len(members), "%s: %s: %q", file, v.Name, values)
				require.Equal(t, len(members) > 0, targeted)
			}
		}
	}
	require.Greater(t, seen, 1000)
	require.Greater(t, failing, 500)
}
