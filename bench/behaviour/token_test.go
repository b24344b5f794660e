package behaviour

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTokensEverywhere: a token that is made through one node is good on all of
// them, for its scopes and no others, also after kill -9 of all, until it is taken
// back.
func TestTokensEverywhere(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	demo := edged.Demo(t, "--state", state)
	allReady(t, demo)
	var made struct{ Token string }
	root := demo.Nodes[3].Administer(t)
	root.Want(t, http.StatusCreated, &made, "POST", "/v1/tokens", `{"name":"ci","scopes":["purges:write","tokens:write"]}`)
	require.NotEmpty(t, made.Token)
	root.Want(t, http.StatusConflict, nil, "POST", "/v1/tokens", `{"name":"ci","scopes":["read"]}`)
	for body, field := range map[string]string{
		`{"name":"X","scopes":["read"]}`:                                  "/name",
		`{"name":"x","scopes":["everything"]}`:                            "/scopes",
		`{"name":"x","scopes":[]}`:                                        "/scopes",
		`{"name":"x","scopes":["read"],"expires":"2001-01-01T00:00:00Z"}`: "/expires",
		`{"name":"x","scopes":["read"],"expires":"tomorrow"}`:             "/expires",
		`{"name":"x","scopes":["read"],"secret":"mine"}`:                  "/secret",
	} {
		require.Contains(t, string(root.Want(t, http.StatusBadRequest, nil, "POST", "/v1/tokens", body).Body), field, body)
	}
	known := func(d *Demo) {
		for i, a := range d.admins(t) {
			ci := a.As(made.Token)
			Until(t, "the token on "+d.Nodes[i].ID, func() bool { return ci.Do(t, "GET", "/v1/tokens", "").Status == http.StatusOK })
			require.Equal(t, http.StatusAccepted, ci.Do(t, "POST", "/v1/purges", `{"select":{"tags":["x"]}}`).Status)
			require.Equal(t, http.StatusForbidden, ci.Do(t, "PUT", "/v1/quotas/b2b", `{"rps":1}`).Status)
			require.Equal(t, http.StatusForbidden, ci.Do(t, "POST", "/v1/tokens", `{"name":"more","scopes":["admin"]}`).Status, "no more than it has")
		}
	}
	known(demo)
	for _, n := range demo.Nodes {
		kill(t, n)
	}
	demo.Interrupt()
	demo.Wait()
	demo = edged.Demo(t, "--state", state)
	known(demo)

	// Without a majority none is made or taken back, and those that are there work.
	one, two := demo.Nodes[0], demo.Nodes[2]
	kill(t, one)
	kill(t, two)
	left := demo.Nodes[1].Administer(t)
	Until(t, "a token to be refused without two voters", func() bool {
		r := left.Do(t, "POST", "/v1/tokens", `{"name":"late","scopes":["read"]}`)
		return r.Status == http.StatusServiceUnavailable && r.Header.Get("Retry-After") != ""
	})
	require.Equal(t, http.StatusServiceUnavailable, left.Do(t, "DELETE", "/v1/tokens/ci", "").Status)
	require.Equal(t, http.StatusAccepted, left.As(made.Token).Do(t, "POST", "/v1/purges", `{"select":{"tags":["x"]}}`).Status)
	byHand(t, one)
	byHand(t, two)
	allReady(t, demo)

	demo.Nodes[0].Administer(t).Want(t, http.StatusPreconditionFailed, nil, "DELETE", "/v1/tokens/ci", "", "If-Match", `"other"`)
	demo.Nodes[0].Administer(t).Want(t, http.StatusNoContent, nil, "DELETE", "/v1/tokens/ci", "")
	demo.Nodes[0].Administer(t).Want(t, http.StatusNotFound, nil, "DELETE", "/v1/tokens/ci", "")
	for i, a := range demo.admins(t) {
		ci := a.As(made.Token)
		Until(t, "no token on "+demo.Nodes[i].ID, func() bool {
			return ci.Do(t, "POST", "/v1/purges", `{"select":{"tags":["x"]}}`).Status == http.StatusUnauthorized
		})
	}
}
