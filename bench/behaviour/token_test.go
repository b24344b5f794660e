package behaviour

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// madeToken is what the API tells of a token.
type madeToken struct {
	Name    string   `json:"name"`
	Scopes  []string `json:"scopes"`
	Created string   `json:"created"`
	Expires string   `json:"expires"`
	By      string   `json:"by"`
	Token   string   `json:"token"`
}

// answered waits until a purge by a token is answered with that status on every
// node.
func answered(t *testing.T, admins []*Admin, nodes []*Node, token string, status int) {
	t.Helper()
	for i, a := range admins {
		Until(t, "another status of the token on "+nodes[i].ID, func() bool {
			return a.As(token).Do(t, "POST", "/v1/purges", `{"select":{"tags":["none"]},"dry_run":true}`).Status == status
		})
	}
}

// TestTokensEverywhere: a token made through one node works on all, one that is
// removed stops on all, both also after kill -9 of all, and nobody can read what a
// token is from anything that is kept.
func TestTokensEverywhere(t *testing.T) {
	state := t.TempDir()
	demo := edged.Demo(t, "--state", state)
	admins := demo.admins(t)
	var kept, gone madeToken
	made := admins[1].Want(t, http.StatusCreated, &kept, "POST", "/v1/tokens", `{"name":"kept","scopes":["purges:write"]}`)
	admins[3].Want(t, http.StatusCreated, &gone, "POST", "/v1/tokens", `{"name":"gone","scopes":["purges:write"]}`)
	require.NotEmpty(t, kept.Token)
	require.Equal(t, "/v1/tokens/kept", made.Header.Get("Location"))
	answered(t, admins, demo.Nodes, kept.Token, http.StatusOK)
	answered(t, admins, demo.Nodes, gone.Token, http.StatusOK)
	require.Equal(t, http.StatusForbidden, admins[0].As(kept.Token).Do(t, "PUT", "/v1/quotas/b2b", `{"rps":1}`).Status, "not its scope")
	require.Equal(t, http.StatusForbidden, admins[0].As(kept.Token).Do(t, "GET", "/v1/tokens", "").Status)

	admins[2].Want(t, http.StatusPreconditionFailed, nil, "DELETE", "/v1/tokens/kept", "", "If-Match", `"other"`)
	admins[4].Want(t, http.StatusNoContent, nil, "DELETE", "/v1/tokens/gone", "")
	answered(t, admins, demo.Nodes, gone.Token, http.StatusUnauthorized)
	answered(t, admins, demo.Nodes, kept.Token, http.StatusOK)
	for i, a := range admins {
		var list struct{ Items []madeToken }
		r := a.Want(t, http.StatusOK, &list, "GET", "/v1/tokens", "")
		require.Len(t, list.Items, 1, demo.Nodes[i].ID)
		require.Equal(t, []string{"kept", "demo"}, []string{list.Items[0].Name, list.Items[0].By})
		require.NotContains(t, string(r.Body), kept.Token)
		require.Equal(t, http.StatusOK, a.Do(t, "GET", "/v1/tokens/kept", "").Status)
	}
	require.True(t, slices.ContainsFunc(audit(t, admins[1]), func(e audited) bool {
		return e.Principal == "demo" && e.Action == "token.create" && e.Target == "kept" && e.Result == "done"
	}))
	require.True(t, slices.ContainsFunc(audit(t, admins[4]), func(e audited) bool {
		return e.Action == "token.delete" && e.Target == "gone" && e.Result == "done"
	}))

	for _, n := range demo.Nodes {
		require.NoError(t, syscall.Kill(n.PID, syscall.SIGKILL))
	}
	demo.Interrupt()
	demo.Wait()
	db, err := os.ReadFile(filepath.Join(state, demo.Nodes[0].ID, "node.db"))
	require.NoError(t, err)
	require.Contains(t, string(db), "token/kept")
	require.NotContains(t, string(db), kept.Token)
	demo = edged.Demo(t, "--state", state)
	admins = demo.admins(t)
	answered(t, admins, demo.Nodes, kept.Token, http.StatusOK)
	answered(t, admins, demo.Nodes, gone.Token, http.StatusUnauthorized)

	// Without a majority of the voters none is made or removed, and those that are
	// there work on.
	kill(t, demo.Nodes[0])
	kill(t, demo.Nodes[2])
	alive, at := []*Admin{admins[1], admins[3], admins[4]}, []*Node{demo.Nodes[1], demo.Nodes[3], demo.Nodes[4]}
	Until(t, "a token to be refused without two voters", func() bool {
		r := admins[1].Do(t, "POST", "/v1/tokens", `{"name":"late","scopes":["read"]}`)
		return r.Status == http.StatusServiceUnavailable && r.Header.Get("Retry-After") != ""
	})
	require.Equal(t, http.StatusServiceUnavailable, admins[3].Do(t, "DELETE", "/v1/tokens/kept", "").Status)
	answered(t, alive, at, kept.Token, http.StatusOK)
}

// TestTokensByCommand: edgectl makes one, which works until it expires or is
// removed.
func TestTokensByCommand(t *testing.T) {
	edgectl := command(t, "edgectl")
	n := edged.Node(t, "http://127.0.0.1:1")
	admin := n.Administer(t)
	at := func(args ...string) Ended {
		return edgectl.Exec(t, append([]string{"--admin", n.Admin, "--token", n.Token, "token"}, args...)...)
	}
	made := at("create", "ci", "--scope", "purges:write", "--scope", "read", "--expires", "4s")
	require.Zero(t, made.Exit, made.Stderr)
	lines := strings.Split(strings.TrimSpace(made.Stdout), "\n")
	secret := lines[len(lines)-1]
	works := func() bool {
		return admin.As(secret).Do(t, "POST", "/v1/purges", `{"select":{"all":true},"dry_run":true}`).Status == http.StatusOK
	}
	require.True(t, works())
	list := at("list")
	require.Contains(t, list.Stdout, "ci")
	require.NotContains(t, list.Stdout, secret)
	refused(t, at("create", "ci", "--scope", "read"), 1, "exists")
	refused(t, at("rm", "absent"), 1, "no such token")
	begin := time.Now()
	Until(t, "the token to expire", func() bool { return !works() })
	require.Less(t, time.Since(begin), 10*time.Second)
	again := at("create", "ci", "--scope", "admin")
	require.Zero(t, again.Exit, "the name is free: %s", again.Stderr)
	lines = strings.Split(strings.TrimSpace(again.Stdout), "\n")
	secret = lines[len(lines)-1]
	require.True(t, works())
	require.Zero(t, at("rm", "ci").Exit)
	require.False(t, works())
	for _, c := range [][2]string{
		{"create", "name"}, {"create ci", "--scope"}, {"create Ci --scope read", "[a-z]"}, {"create ci --scope write", "--scope"},
		{"create ci --scope read,read", "--scope"}, {"create ci --scope read --expires soon", "--expires"},
		{"create ci --scope read --expires -1h", "--expires"}, {"create ci --scope read --expires 2020-01-01T00:00:00Z", "--expires"},
		{"create ci --scope read --expires 200000h", "--expires"}, {"rm", "name"}, {"rm A", "[a-z]"},
	} {
		t.Run(c[0], func(t *testing.T) { refused(t, at(strings.Fields(c[0])...), 2, c[1]) })
	}
}
