package origin

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/invalidation/driver"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// folder is an origin that answers every path with one answer.
func folder(t *testing.T, status int, body string, header ...string) *Origin {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if pin := r.Header.Get("Docs-Pin"); pin != "" {
			w.Header().Set("Docs-Version", pin)
		}
		for i := 0; i < len(header) && r.Header.Get("Docs-Pin") == ""; i += 2 {
			w.Header().Add(header[i], header[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	return connect(t, Config{URL: server.URL})
}

func TestIndex(t *testing.T) {
	o := folder(t, 200, `{"artifacts":[
		{"path":"/v1/segments/b2b/ctas/trial","documents":{"trial":42,"core":7}},
		{"documents":{"p1":1},"languages":["en","ja"],"path":"/v1/segments/b2b/ctas/trial/proofs/p1"}]}`)
	index, err := o.Index(context.Background())
	require.NoError(t, err)
	require.Equal(t, map[string]driver.Listed{
		"/v1/segments/b2b/ctas/trial":           {Documents: map[string]int64{"trial": 42, "core": 7}},
		"/v1/segments/b2b/ctas/trial/proofs/p1": {Documents: map[string]int64{"p1": 1}, Languages: []string{"en", "ja"}},
	}, index)

	index, err = folder(t, 200, `{"artifacts":[]}`).Index(context.Background())
	require.NoError(t, err)
	require.Empty(t, index)

	for _, status := range []int{404, 410} {
		_, err = folder(t, status, "").Index(context.Background())
		require.ErrorIs(t, err, driver.ErrNoIndex)
	}
	_, err = folder(t, 500, "").Index(context.Background())
	require.ErrorIs(t, err, ErrStatus)
	require.NotErrorIs(t, err, driver.ErrNoIndex)
}

func TestIndexIsStrict(t *testing.T) {
	one := `{"path":"/v1/segments/b2b/ctas/trial","documents":{"trial":42}}`
	many := make([]string, 0, maxIndexDocuments+1)
	for i := range maxIndexDocuments + 1 {
		many = append(many, fmt.Sprintf(`"d%d":1`, i))
	}
	for body, says := range map[string]string{
		``:                                "object",
		`<html>`:                          "object",
		`[]`:                              "object",
		`{}`:                              "artifacts",
		`{"artifacts":null}`:              "array",
		`{"artifacts":[` + one:            "EOF",
		`{"artifacts":[]} {}`:             "more than one",
		`{"artifacts":[],"artifacts":[]}`: "twice",
		`{"artifacts":[` + one + `,` + one + `]}`:                                                                                    "twice",
		`{"artifacts":[{"path":"/v1/segments/b2b/ctas/trial"}]}`:                                                                     "required",
		`{"artifacts":[{"path":"/v1/segments/b2b/ctas/trial","documents":{}}]}`:                                                      "required",
		`{"artifacts":[` + strings.Replace(one, `42`, `0`, 1) + `]}`:                                                                 "trial",
		`{"artifacts":[` + strings.Replace(one, `42`, `1.5`, 1) + `]}`:                                                               "trial",
		`{"artifacts":[` + strings.Replace(one, `42`, `42,"trial":43`, 1) + `]}`:                                                     "twice",
		`{"artifacts":[` + strings.Replace(one, `"trial"`, `"TRIAL"`, 1) + `]}`:                                                      "TRIAL",
		`{"artifacts":[` + strings.Replace(one, `ctas/trial`, `ctas/%74`, 1) + `]}`:                                                  "path",
		`{"artifacts":[` + strings.Replace(one, `trial"`, `trial/summary"`, 1) + `]}`:                                                "path",
		`{"artifacts":[` + strings.Replace(one, `trial"`, `trial?lang=ja"`, 1) + `]}`:                                                "path",
		`{"artifacts":[` + strings.Replace(one, `/v1`, `example.com/v1`, 1) + `]}`:                                                   "path",
		`{"artifacts":[` + strings.Replace(one, `"trial":42`, strings.Join(many, ","), 1) + `]}`:                                     "at most",
		`{"artifacts":[` + strings.Replace(one, `42`, `9007199254740992`, 1) + `]}`:                                                  "trial",
		`{"artifacts":[` + strings.Replace(one, `}`, `},"languages":null`, 1) + `]}`:                                                 "array",
		`{"artifacts":[` + strings.Replace(one, `}`, `},"languages":[7]`, 1) + `]}`:                                                  "languages",
		`{"artifacts":[` + strings.Replace(one, `}`, `},"languages":[""]`, 1) + `]}`:                                                 "languages",
		`{"artifacts":[` + strings.Replace(one, `}`, `},"languages":["`+strings.Repeat("x", 36)+`"]`, 1) + `]}`:                      "languages",
		`{"artifacts":[` + strings.Replace(one, `}`, `},"languages":[`+strings.Repeat(`"en",`, maxIndexLanguages)+`"en"]`, 1) + `]}`: "at most",
	} {
		_, err := parseIndex([]byte(body))
		require.ErrorContains(t, err, says, body)
	}
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"artifacts":[{"path":"/v1/segments/b2b/ctas/trial","documents":{"trial":42}}]}`))
	f.Add([]byte(`{"artifacts":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		index, err := parseIndex(body)
		if err != nil {
			require.Nil(t, index)
		}
		for path, listed := range index {
			_, ok := rollout.Path(path)
			require.True(t, ok, path)
			require.NotEmpty(t, listed.Documents)
		}
	})
}

func TestShows(t *testing.T) {
	path := "/v1/segments/b2b/ctas/trial"
	o := folder(t, 200, "{}", "Docs-Version", "trial=42", "Docs-Version", "core=7")
	shows, err := o.Shows(context.Background(), path, "")
	require.NoError(t, err)
	require.Equal(t, driver.Shown{Status: 200, Documents: map[string]int64{"trial": 42, "core": 7}}, shows)
	shows, err = o.Shows(context.Background(), path, "core=7, trial=41")
	require.NoError(t, err)
	require.Equal(t, driver.Shown{Status: 200, Documents: map[string]int64{"trial": 41, "core": 7}}, shows)
	for _, status := range []int{404, 410, 503} {
		shows, err = folder(t, status, "").Shows(context.Background(), path, "")
		require.NoError(t, err)
		require.Equal(t, driver.Shown{Status: status}, shows)
	}
	for _, bad := range []string{"", "trial", "trial=42, trial=43", "trial=x"} {
		_, err = folder(t, 200, "{}", "Docs-Version", bad).Shows(context.Background(), path, "")
		require.ErrorContains(t, err, "Docs-Version", bad)
	}
}
