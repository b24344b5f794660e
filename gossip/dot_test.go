package gossip

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestDotText(t *testing.T) {
	for text, want := range map[string]Dot{
		"tokyo-1.00000000075bcd15.42": {"tokyo-1", 123456789, 42},
		"n.0000000000000000.0":        {"n", 0, 0},
		"a.b.c.00000000000000ff.1":    {"a.b.c", 255, 1},
		strings.Repeat("n", 64) + ".ffffffffffffffff.18446744073709551615": {strings.Repeat("n", 64), math.MaxUint64, math.MaxUint64},
	} {
		got, err := ParseDot(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got)
		require.Equal(t, text, want.String())
	}
}

func TestParseDotRefuses(t *testing.T) {
	for _, text := range []string{
		"", ".", "..", "tokyo-1", "tokyo-1.42", "tokyo-1.75bcd15.42",
		"tokyo-1.00000000075BCD15.42",                   // upper case
		"tokyo-1.00000000075bcd15.042",                  // leading zero
		"tokyo-1.00000000075bcd15.+42",                  // sign
		"tokyo-1.+0000000075bcd15.42",                   // sign
		"tokyo-1.00000000075bcd15.",                     // no number
		"tokyo-1.00000000075bcd15.-1",                   // negative
		"tokyo-1.00000000075bcd15.18446744073709551616", // overflow
		"tokyo-1.g0000000075bcd15.1",                    // no hexadecimal digit
		".00000000075bcd15.42",                          // no node
		"-a.00000000075bcd15.42",                        // a node that begins with -
		"a/b.00000000075bcd15.42",                       // a node that is no path segment
		"a b.00000000075bcd15.42", "é.00000000075bcd15.42",
		strings.Repeat("n", 65) + ".00000000075bcd15.42",
		strings.Repeat("n", 10_000),
	} {
		_, err := ParseDot(text)
		require.ErrorContains(t, err, "must be node.incarnation.seq", text)
		require.Less(t, len(err.Error()), 300)
	}
}

func TestDotInJSON(t *testing.T) {
	type holder struct {
		Purge Dot         `json:"purge"`
		Seen  map[Dot]int `json:"seen"`
	}
	d := Dot{"tokyo-1", 1, 2}
	in := holder{d, map[Dot]int{d: 3}}
	data, err := json.Marshal(in)
	require.NoError(t, err)
	require.JSONEq(t, `{"purge":"tokyo-1.0000000000000001.2","seen":{"tokyo-1.0000000000000001.2":3}}`, string(data))
	var out holder
	require.NoError(t, json.Unmarshal(data, &out))
	require.Equal(t, in, out)

	data, err = json.Marshal(Dot{})
	require.NoError(t, err)
	require.Equal(t, `""`, string(data))
	require.NoError(t, json.Unmarshal(data, &d))
	require.True(t, d.IsZero())

	require.Error(t, json.Unmarshal([]byte(`"x"`), &d))
	_, err = json.Marshal(Dot{Node: "a b", Seq: 1})
	require.ErrorContains(t, err, "letters, digits")
}

func TestPropertyDotTextIsInjective(t *testing.T) {
	dot := rapid.Custom(func(t *rapid.T) Dot {
		return Dot{
			Node:        rapid.StringMatching(`[a-c0][a-c0.-]{0,4}`).Draw(t, "node"),
			Incarnation: rapid.Uint64().Draw(t, "incarnation"),
			Seq:         rapid.Uint64().Draw(t, "seq"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		d, e := dot.Draw(t, "d"), dot.Draw(t, "e")
		require.Equal(t, d == e, d.String() == e.String())
		back, err := ParseDot(d.String())
		require.NoError(t, err)
		require.Equal(t, d, back)
	})
}

func FuzzParseDot(f *testing.F) {
	for _, text := range []string{"tokyo-1.00000000075bcd15.42", "a.b.0000000000000000.0", "", "a.1.1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDot(text)
		if err != nil {
			require.True(t, d.IsZero())
			return
		}
		require.Equal(t, text, d.String())
		require.True(t, ValidNode(d.Node))
	})
}
