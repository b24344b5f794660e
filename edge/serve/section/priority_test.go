package section

import (
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

// FuzzPriority: what a full parser of structured fields accepts, this one reads in
// the same way.
func FuzzPriority(f *testing.F) {
	for _, v := range []string{"u=1, i", "i;a=b, u=7", "x=(a b);c, u=0", "u=8", "i=?0", "a=\"\\\"\", u=1", "x=:YQ==:,i", "u=1,,i"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		got := ParsePriority(v)
		require.LessOrEqual(t, got.Urgency, uint8(7))
		d, err := httpsfv.UnmarshalDictionary([]string{v})
		if err != nil {
			return
		}
		want := Default()
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
		require.Equal(t, want, got, "%q", v)
	})
}
