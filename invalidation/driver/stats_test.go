package driver

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// A good update and a bad one are counted by what became of them, and told.
func TestRolloutsAreCountedAndTold(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		var lines bytes.Buffer
		w.logger = slog.New(slog.NewTextHandler(&lines, nil))
		stop := w.lead(1)
		w.adopt()
		before := w.driver.Stats()
		require.Zero(t, before.Failed)
		fills := func() (done, failed uint64) {
			for _, e := range w.edges {
				d, f := e.worker.Filled()
				done, failed = done+d, failed+f
			}
			return done, failed
		}
		filled, failed := fills()
		require.Zero(t, failed)
		w.origin.set("trial", 43)
		w.ends(w.push("", version("trial", 43)), rollout.Done)
		after := w.driver.Stats()
		require.Equal(t, before.Transitions[rollout.Done]+1, after.Transitions[rollout.Done])
		require.Equal(t, before.Transitions[rollout.Running]+1, after.Transitions[rollout.Running])
		more, _ := fills()
		require.Greater(t, more, filled)

		w.origin.set("trial", 44)
		w.origin.spoil = func(cachekey.Key, string) ([]byte, error) { return []byte("<html>"), nil }
		w.ends(w.push("", version("trial", 44)), rollout.Undone)
		last := w.driver.Stats()
		require.Equal(t, after.Transitions[rollout.Undone]+1, last.Transitions[rollout.Undone])
		require.Positive(t, last.Failed)

		// A failure after a flip takes time to undo.
		w.origin.set("trial", 45)
		w.origin.spoil = nil
		late := w.edges["lima-2"]
		late.mu.Lock()
		late.broken = true
		late.mu.Unlock()
		w.ends(w.push("", version("trial", 45)), rollout.Undone)
		require.Equal(t, last.Transitions[rollout.Halted]+1, w.driver.Stats().Transitions[rollout.Halted])
		_, failed = fills()
		require.Positive(t, failed)
		stop()

		states := map[string]string{}
		for line := range strings.Lines(lines.String()) {
			if !strings.Contains(line, "msg=rollout ") {
				continue
			}
			for _, s := range []string{"running", "done", "halted", "undone"} {
				if strings.Contains(line, "state="+s) {
					_, level, _ := strings.Cut(line, "level=")
					level, _, _ = strings.Cut(level, " ")
					states[s] += level + " "
				}
			}
		}
		require.Equal(t, map[string]string{"running": "INFO INFO INFO ", "done": "INFO INFO ", "halted": "WARN ", "undone": "WARN INFO "}, states)
	})
}

func TestRetriesAreCounted(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		defer w.lead(1)()
		w.adopt()
		before := w.driver.Stats().Retried
		w.kill("lima-2")
		w.origin.set("trial", 43)
		w.ends(w.push("", version("trial", 43)), rollout.Done)
		require.Greater(t, w.driver.Stats().Retried, before, "a dead node is asked again until it is fenced")
	})
}
