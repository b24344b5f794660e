package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestChooseVoters(t *testing.T) {
	for nodes, want := range map[string]string{
		"":                                 "",
		"a1":                               "a1",
		"a1 a2":                            "a1",
		"a1 a2 a3":                         "a1 a2 a3",
		"a1 a2 a3 a4":                      "a1 a2 a3",
		"a1 b1":                            "a1",
		"a1 a2 b1 b2":                      "a1 b1 a2",
		"a1 a2 b1 b2 c1 c2":                "a1 b1 c1",
		"a1 b1 c1 d1":                      "a1 b1 c1",
		"a1 b1 c1 d1 d2":                   "a1 b1 c1 d1 d2",
		"a1 b1 c1 d1 e1 f1 g1 h1 i1 j1 k1": "a1 b1 c1 d1 e1 f1 g1 h1 i1",
	} {
		var list []Voter
		for _, id := range strings.Fields(nodes) {
			list = append(list, Voter{ID: id, Region: id[:1]})
		}
		var got []string
		for _, v := range ChooseVoters(list) {
			got = append(got, v.ID)
		}
		require.Equal(t, want, strings.Join(got, " "), nodes)
	}
}
