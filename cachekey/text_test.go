package cachekey

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseTextRefusesWhatIsNotCanonical(t *testing.T) {
	for text, says := range map[string]string{
		"":                                       "path: must be host/path",
		"example.com":                            "path: must be host/path",
		"Example.com/":                           `key: is not canonical: write "example.com/"`,
		"example.com:80/":                        "key: is not canonical",
		"example.com/a?":                         "key: is not canonical",
		"example.com/%61":                        "key: is not canonical",
		"example.com/a/../b":                     "key: is not canonical",
		"GET example.com/a":                      "method: is left out",
		"HEAD example.com/a":                     "method: is left out",
		" example.com/a":                         "method: must have",
		"POST  example.com/a":                    "host: may hold",
		"POST /v1/segments/b2b/ctas/x":           "host: is missing",
		"example.com*":                           "target: * goes with OPTIONS",
		"OPTIONS example.com*x":                  "target: must begin with /",
		"example.com/v1/segments/b2b/ctas/trial": "path: that of an artifact",
		"example.com/a accept-encoding=gzip":     "method: must be a token",
		"/docs/a":                                "key: artifacts live below",
		"/v1/segments/b2b/ctas/Trial":            "key: must match",
		"/v1/segments/b2b/ctas/%62":              "key: must match",
		"/v1/segments/b2b/ctas/trial?":           "key: only ?lang=",
		"/v1/segments/b2b/ctas/trial?lang=JA":    "key: only ?lang=",
		"/v1/segments/b2b/ctas/trial?lang=":      "key: only ?lang=",
		"/v1/segments/b2b/ctas/trial?a=b":        "key: only ?lang=",
		"/v1/segments/b2b/ctas/trial a=":         "key: must match",
		"a/" + strings.Repeat("a", MaxText):      "key: must not be longer",
	} {
		_, err := ParseText(text)
		require.ErrorContains(t, err, says, text[:min(len(text), 40)])
	}
}
