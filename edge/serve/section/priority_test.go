package section

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/dunglas/httpsfv"
	"github.com/stretchr/testify/require"
)

func TestPriority(t *testing.T) {
	for v, want := range map[string]Importance{
		"":                     {3, false},
		"u=0":                  {0, false},
		"u=7, i":               {7, true},
		"i, u=5":               {5, true},
		"i=?0":                 {3, false},
		"i=?1":                 {3, true},
		"u=8":                  {3, false},
		"u=-1":                 {3, false},
		"u=1.5":                {3, false},
		"u=\"1\"":              {3, false},
		"u":                    {3, false},
		"i=1":                  {3, false},
		"u=1,i":                {1, true},
		"u=1;x=2, i;y":         {1, true},
		"x=(a \")\" b), u=2":   {2, false},
		"x=:YWJj:, u=2":        {2, false},
		"u=1, u=2":             {2, false},
		"u=1,":                 {3, false},
		"U=1":                  {3, false},
		", u=1":                {3, false},
		"u=1 i":                {3, false},
		"u=":                   {3, false},
		"u=0,u":                {3, false},
		"u=007":                {7, false},
		"u=-0":                 {0, false},
		"i,i=?0":               {3, false},
		"x=\"unended, u=1":     {3, false},
		"  u=4":                {4, false},
		"u=2 \t, \t i":         {2, true},
		"foo;bar=\"a\\\"b\",i": {3, true},
	} {
		require.Equal(t, want, ParsePriority(v), "%q", v)
	}
}

// FuzzPriority: what browsers send is read as the full parser of structured fields
// reads it, and nothing that it refuses counts.
func FuzzPriority(f *testing.F) {
	for _, v := range []string{"u=1, i", "i;a=b, u=7", "x=(a b);c, u=0", "u=8", "i=?0", "a=\"\\\"\", u=1", "x=:YQ==:,i", "u=1,,i"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		require.Equal(t, readInFull(v), ParsePriority(v), "%q", v)
	})
}

// readInFull reads a Priority by the full parser and nothing else.
func readInFull(v string) Importance {
	want := Default()
	d, err := httpsfv.UnmarshalDictionary([]string{v})
	if err != nil {
		return want
	}
	if m, ok := d.Get("u"); ok {
		if item, ok := m.(httpsfv.Item); ok {
			if n, ok := item.Value.(int64); ok && n >= 0 && n <= 7 {
				want.Urgency = uint8(n)
			}
		}
	}
	if m, ok := d.Get("i"); ok {
		if item, ok := m.(httpsfv.Item); ok {
			if b, ok := item.Value.(bool); ok {
				want.Incremental = b
			}
		}
	}
	return want
}

// Priority is a dictionary: the public vectors of dictionaries, and those of items
// as a member's value, with an urgency beside it. What must fail gives the default.
func TestStructuredFieldVectors(t *testing.T) {
	f, err := os.Open("../../../cachekey/testdata/structured-field-tests/vectors.json.gz")
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	var all map[string][]struct {
		Name     string   `json:"name"`
		Raw      []string `json:"raw"`
		Type     string   `json:"header_type"`
		MustFail bool     `json:"must_fail"`
		CanFail  bool     `json:"can_fail"`
	}
	require.NoError(t, json.NewDecoder(z).Decode(&all))
	seen, failing := 0, 0
	for file, of := range all {
		for _, v := range of {
			raw := strings.Trim(strings.Join(v.Raw, ","), " ")
			switch {
			case v.Type == "dictionary" && raw != "":
			case v.Type == "item" && raw != "" && raw == strings.Join(v.Raw, ",") && !strings.Contains(raw, ","):
				raw = "x=" + raw
			default:
				continue
			}
			seen++
			whole := raw + ",u=1"
			if strings.HasSuffix(raw, "\t") { // which is allowed before a comma
				whole = "u=1," + raw
			}
			got := ParsePriority(whole)
			if v.MustFail {
				failing++
				require.Equal(t, Default(), got, "%s: %s: %q", file, v.Name, raw)
			} else if !v.CanFail && !strings.Contains(raw, "u") && !strings.Contains(raw, "i") {
				require.Equal(t, Importance{Urgency: 1}, got, "%s: %s: %q", file, v.Name, raw)
			}
		}
	}
	require.Greater(t, seen, 1000)
	require.Greater(t, failing, 500)
}
