package behaviour

import (
	"fmt"
	"net/http"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRequestsSentAgain: a client whose node died, or whose answer was lost, sends
// again through another node with the same Idempotency-Key, and gets the same
// answer; the key with another body is a 422 on every node, also after a kill -9
// of all of them.
func TestRequestsSentAgain(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	demo := edged.Demo(t, "--state", state)
	allReady(t, demo)
	update := func(id string, version int) string {
		return fmt.Sprintf(`{"documents":[{"id":%q,"version":%d,"digest":"sha256-%s="}]}`, id, version, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	}
	const purge, other = `{"select":{"tags":["doc:trial"]}}`, `{"select":{"segment":"b2b"}}`
	answers := map[string]string{}
	sent := func(when string, d *Demo) {
		t.Helper()
		for i, a := range d.admins(t) {
			where := when + ", " + d.Nodes[i].ID
			for path, bodies := range map[string][2]string{"/v1/docs/updates": {update("iaa", 5), update("ibb", 5)}, "/v1/purges": {purge, other}} {
				r := a.Want(t, http.StatusAccepted, nil, "POST", path, bodies[0], "Idempotency-Key", "k1")
				if answers[path] == "" {
					answers[path] = string(r.Body)
				}
				require.Equal(t, answers[path], string(r.Body), where)
				r = a.Want(t, http.StatusUnprocessableEntity, nil, "POST", path, bodies[1], "Idempotency-Key", "k1")
				require.Contains(t, string(r.Body), "Idempotency-Key", where)
			}
		}
	}
	sent("first", demo)

	// The number is used up by the time it is sent again: it is the same update.
	admins := demo.admins(t)
	var made struct{ Rollout string }
	first := admins[1].Want(t, http.StatusAccepted, &made, "POST", "/v1/docs/updates", update("icc", 7), "Idempotency-Key", "k2")
	admins[4].Want(t, http.StatusAccepted, nil, "POST", "/v1/rollouts/"+made.Rollout+"/abort", "")
	again := admins[2].Want(t, http.StatusAccepted, nil, "POST", "/v1/docs/updates", update("icc", 7), "Idempotency-Key", "k2")
	require.Equal(t, string(first.Body), string(again.Body))

	kill(t, demo.Nodes[0])
	for _, i := range []int{1, 5} {
		require.Equal(t, answers["/v1/purges"], string(admins[i].Want(t, http.StatusAccepted, nil, "POST", "/v1/purges", purge, "Idempotency-Key", "k1").Body))
	}
	for _, n := range demo.Nodes[1:] {
		require.NoError(t, syscall.Kill(n.PID, syscall.SIGKILL))
	}
	demo.Interrupt()
	demo.Wait()
	demo = edged.Demo(t, "--state", state)
	allReady(t, demo)
	sent("after a kill -9 of all", demo)
}
