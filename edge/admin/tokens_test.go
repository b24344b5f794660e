package admin

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/quota"
)

func TestTokens(t *testing.T) {
	n := start(t)
	made := n.do("POST", "/v1/tokens", root, `{"name":"ci","scopes":["purges:write","tokens:write"],"expires":"2030-01-31T00:00:00Z"}`)
	require.Equal(t, 201, made.status, made.text)
	require.Equal(t, "/v1/tokens/ci", made.header.Get("Location"))
	var ci adminapi.Token
	made.into(t, &ci)
	require.Equal(t, []string{"purges:write", "tokens:write"}, ci.Scopes)
	require.Equal(t, "root", ci.By)
	require.Equal(t, "2030-01-31T00:00:00Z", ci.Expires.Format(time.RFC3339))
	require.Equal(t, 202, n.do("POST", "/v1/purges", ci.Token, `{"select":{"all":true}}`).status)

	// Nobody sees who else there is, but by its own scope; also on loopback.
	for token, want := range map[string]int{"": 401, reader: 403, quotas: 403, ci.Token: 200, root: 200} {
		require.Equal(t, want, n.do("GET", "/v1/tokens", token, "").status, token)
	}
	// A token begets none that may more than itself.
	n.do("POST", "/v1/tokens", ci.Token, `{"name":"x","scopes":["admin"]}`).problem(t, 403)
	n.do("POST", "/v1/tokens", ci.Token, `{"name":"x","scopes":["quotas:write"]}`).problem(t, 403)
	require.Equal(t, 201, n.do("POST", "/v1/tokens", ci.Token, `{"name":"child","scopes":["purges:write"]}`).status)

	for body, pointer := range map[string]string{
		`{"name":"CI","scopes":["read"]}`: "#/name", `{"scopes":["read"]}`: "#/name", `{"name":"x"}`: "#/scopes",
		`{"name":"x","scopes":[]}`: "#/scopes", `{"name":"x","scopes":["read","write"]}`: "#/scopes",
		`{"name":"x","scopes":["read"],"expires":"tomorrow"}`: "#/expires", `{"name":"x","scopes":["read"],"expires":"2020-01-01T00:00:00Z"}`: "#/expires",
		`{"name":"x","scopes":["read"],"token":"mine"}`: "#/token", `{"name":"x","scopes":"read"}`: "#/scopes",
	} {
		require.Equal(t, pointer, n.do("POST", "/v1/tokens", root, body).problem(t, 400).Errors[0].Pointer, body)
	}
	n.do("POST", "/v1/tokens", root, `{"name":"ci","scopes":["read"]}`).problem(t, 409)
	n.do("POST", "/v1/tokens", root, `{"name":"root","scopes":["read"]}`).problem(t, 409)

	var page adminapi.List[adminapi.Token]
	list := n.do("GET", "/v1/tokens", root, "")
	list.into(t, &page)
	require.Equal(t, []string{"child", "ci"}, []string{page.Items[0].Name, page.Items[1].Name})
	require.NotContains(t, list.text, ci.Token)

	n.do("DELETE", "/v1/tokens/ci", root, "", "If-Match", `"other"`).problem(t, 412)
	require.Equal(t, "If-Match", n.do("DELETE", "/v1/tokens/ci", root, "", "If-Match", `other`).problem(t, 400).Errors[0].Header)
	n.do("DELETE", "/v1/tokens/absent", root, "").problem(t, 404)
	n.control.Fail(fmt.Errorf("ask the leader: %w", quota.ErrNoQuorum))
	require.Equal(t, retryAfter, n.do("DELETE", "/v1/tokens/ci", root, "").header.Get("Retry-After"))
	n.do("POST", "/v1/tokens", root, `{"name":"late","scopes":["read"]}`).problem(t, 503)
	require.Equal(t, 200, n.do("GET", "/v1/tokens", ci.Token, "").status, "those that are there work on")
	n.control.Fail(nil)
	require.Equal(t, 204, n.do("DELETE", "/v1/tokens/ci", root, "", "If-Match", made.header.Get("ETag")).status)
	n.do("GET", "/v1/tokens", ci.Token, "").problem(t, 401)
	entries := n.entries()
	require.Contains(t, entries, "root token.create ci done")
	require.Contains(t, entries, "ci token.create child done")
	require.Contains(t, entries, "ci token.create x refused")
	require.Contains(t, entries, "root token.delete ci done")
	require.Contains(t, entries, "root token.delete ci failed")
	log, err := n.log.List(0, 1000)
	require.NoError(t, err)
	for _, e := range log {
		require.NotContains(t, e.Detail, ci.Token)
	}
}
