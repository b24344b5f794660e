package driver

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/invalidation/rollout"
)

// brings lists what a rollout brings, as id=version.
func brings(r rollout.Rollout) (list []string) {
	for _, v := range r.Documents {
		list = append(list, fmt.Sprint(v.ID, "=", v.Version))
	}
	return list
}

func (w *world) get(id string) rollout.Rollout {
	w.t.Helper()
	r, err := w.board.Get(id)
	require.NoError(w.t, err)
	return r
}

// A rollout that waits for what the origin will never show, as a later push has
// brought something newer, does not wait for ever: what the later one brings is
// the later one's, and the rest goes on by itself.
func TestALaterPushTakesWhatItBrings(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		defer w.lead(1)()
		w.adopt()
		first := w.push("", version("trial", 43), version("core", 8))
		w.until(first, time.Second, func(r rollout.Rollout) bool { return r.Reason != "" })
		w.origin.set("trial", 60)
		second := w.push("", version("trial", 60))
		r := w.get(first)
		require.Equal(t, []string{"core=8"}, brings(r))
		require.Equal(t, []rollout.Version{{ID: "trial", Version: 43, Digest: version("trial", 43).Digest, Rollout: second}}, r.Overtaken)
		w.ends(second, rollout.Done)
		w.shows("core=7, trial=60", "core=7, p1=3, trial=60")
		r = w.until(first, time.Second, func(r rollout.Rollout) bool { return r.Reason == "the origin shows core=7, and 8 was pushed" })
		require.Equal(t, rollout.Waiting, r.State)
		w.origin.set("core", 8)
		w.ends(first, rollout.Done)
		w.shows("core=8, trial=60", "core=8, p1=3, trial=60")
	})
}

// The next push of a folder brings what has changed since, and again what still
// waits: it is one rollout then.
func TestAPushOfWhatWaitsAndMore(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		defer w.lead(1)()
		w.adopt()
		first := w.push("", version("trial", 43), version("core", 8))
		second := w.push("", version("trial", 43), version("core", 9))
		require.Equal(t, "superseded by "+second, w.ends(first, rollout.Superseded).Reason)
		require.Equal(t, second, w.push("", version("trial", 43), version("core", 9)), "the very same again")
		third := w.push("", version("trial", 43))
		require.Equal(t, []string{"core=9"}, brings(w.get(second)))
		w.origin.set("trial", 43)
		w.origin.set("core", 9)
		w.ends(second, rollout.Done)
		w.ends(third, rollout.Done)
		w.shows("core=9, trial=43", "core=9, p1=3, trial=43")
		// What runs is not taken.
		w.origin.set("trial", 44)
		w.origin.set("core", 10)
		running := w.push("", version("trial", 44), version("core", 10))
		w.until(running, time.Second, func(r rollout.Rollout) bool { return r.State == rollout.Running })
		_, err := w.board.Submit(t.Context(), Order{Documents: []rollout.Version{version("trial", 44), version("core", 11)}})
		require.ErrorContains(t, err, "wait for it, or abort it")
		w.ends(running, rollout.Done)
	})
}

// Who took a push in may not have known yet of one that waits: the driver finds
// out.
func TestADriverFindsWhatWasOvertaken(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.adoptAlone()
		stop := w.lead(1)
		first := w.push("", version("trial", 43), version("core", 8))
		alone := w.push("", version("p1", 4))
		w.until(first, time.Second, func(r rollout.Rollout) bool { return r.Reason != "" })
		stop()
		w.origin.set("trial", 44)
		w.origin.set("p1", 5)
		unknown := map[string]bool{first: true, alone: true}
		second := w.pushNotKnowing(unknown, version("trial", 44), version("p1", 5))
		require.Len(t, w.get(first).Documents, 2)
		defer w.lead(2)()
		w.ends(second, rollout.Done)
		w.ends(alone, rollout.Superseded)
		r := w.until(first, time.Second, func(r rollout.Rollout) bool { return len(r.Documents) == 1 })
		require.Equal(t, []string{"core=8"}, brings(r))
		w.origin.set("core", 8)
		w.ends(first, rollout.Done)
		w.shows("core=8, trial=44", "core=8, p1=5, trial=44")
	})
}

// An origin that does not go back when asked shows all that was pushed or nothing:
// rollouts that wait for each other there become one.
func TestRolloutsMergeWhereTheOriginDoesNotGoBack(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		defer w.lead(1)()
		w.adopt()
		w.origin.noPins = true
		w.origin.set("trial", 43)
		w.origin.set("core", 8)
		w.origin.set("p1", 4)
		first := w.push("", version("trial", 43))
		w.until(first, time.Second, func(r rollout.Rollout) bool { return r.Reason != "" })
		<-time.After(time.Second) // in the bubble: created later
		second := w.push("", version("core", 8))
		r := w.until(second, time.Second, func(r rollout.Rollout) bool { return len(r.Documents) == 2 })
		require.ElementsMatch(t, []string{"core=8", "trial=43"}, brings(r))
		require.Equal(t, "superseded by "+second, w.ends(first, rollout.Superseded).Reason)
		require.Contains(t, w.until(second, time.Second, func(r rollout.Rollout) bool { return r.Reason != "" }).Reason, "p1=4, which was not pushed")
		<-time.After(time.Second)
		third := w.push("", version("p1", 4))
		w.ends(third, rollout.Done)
		w.ends(second, rollout.Superseded)
		w.shows("core=8, trial=43", "core=8, p1=4, trial=43")
		for _, v := range w.get(third).Documents {
			require.Equal(t, third, v.Rollout)
		}
		// What was taken over is known as the taker's.
		done, err := w.board.Submit(t.Context(), Order{Documents: []rollout.Version{version("trial", 43), version("core", 8)}})
		require.NoError(t, err)
		require.Equal(t, Unchanged, done.State)
	})
}
