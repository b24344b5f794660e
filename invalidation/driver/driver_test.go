package driver

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// in runs a story in a world of its own, where time is simulated.
func in(t *testing.T, story func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) { story(t, newWorld(t)) })
}

func TestAnUpdateGoesEverywhere(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		defer w.lead(1)()
		w.adopt()
		w.shows("core=7, trial=42", "core=7, p1=3, trial=42")
		w.origin.set("trial", 43)
		w.shows("core=7, trial=42", "core=7, p1=3, trial=42")
		r := w.ends(w.push("", version("trial", 43)), rollout.Done)
		w.shows("core=7, trial=43", "core=7, p1=3, trial=43")
		require.Equal(t, uint64(1), r.Term)
		for _, s := range r.Stages {
			require.Len(t, s.Checks, 4)
		}
		done, err := w.board.Submit(t.Context(), Order{Documents: []rollout.Version{version("trial", 43)}})
		require.NoError(t, err)
		require.Equal(t, Submitted{State: Unchanged}, done)

		back, err := w.board.Command(t.Context(), r.ID, rollout.Rollback{By: "ops"})
		require.NoError(t, err)
		require.Equal(t, rollout.Halted, back.State)
		w.ends(r.ID, rollout.Undone)
		w.shows("core=7, trial=42", "core=7, p1=3, trial=42")
		_, err = w.board.Command(t.Context(), r.ID, rollout.Rollback{})
		require.ErrorIs(t, err, rollout.ErrConflict)
	})
}

func TestABadUpdateStopsAtTheFirstNode(t *testing.T) {
	for name, spoil := range map[string]func(cachekey.Key, string) ([]byte, error){
		"fill":         func(cachekey.Key, string) ([]byte, error) { return nil, errors.New("status 500") },
		"schema: ":     func(cachekey.Key, string) ([]byte, error) { return []byte("<html>"), nil },
		"schema: /v1/": func(cachekey.Key, string) ([]byte, error) { return []byte(`{"kind":"cta","segment":"b2c"}`), nil },
	} {
		in(t, func(t *testing.T, w *world) {
			defer w.lead(1)()
			w.adopt()
			w.origin.set("trial", 43)
			w.origin.spoil = spoil
			at := time.Now()
			r := w.ends(w.push("", version("trial", 43)), rollout.Undone)
			require.Less(t, time.Since(at), 5*time.Second)
			require.Equal(t, rollout.Edge, r.Stage)
			require.Contains(t, r.Reason, "stage edge, check "+name[:4])
			w.shows("core=7, trial=42", "core=7, p1=3, trial=42")
			for id, e := range w.edges {
				require.NotContains(t, e.shown, "core=7, trial=43", id)
			}
			// Its number is never used again.
			_, err := w.board.Submit(t.Context(), Order{Documents: []rollout.Version{version("trial", 43)}})
			require.ErrorContains(t, err, "raise it above 43")
		})
	}
}

func TestWaiting(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		defer w.lead(1)()
		w.adopt()
		id := w.push("", version("trial", 43))
		r := w.until(id, time.Second, func(r rollout.Rollout) bool { return r.Reason != "" })
		require.Equal(t, "the origin shows trial=42, and 43 was pushed", r.Reason)
		<-time.After(time.Minute) // in the bubble
		w.shows("core=7, trial=42", "core=7, p1=3, trial=42")
		d, _, err := w.board.Documents("", 10)
		require.NoError(t, err)
		require.Nil(t, d[2].Candidate, "nothing is touched")
		// The very same update is the same rollout.
		require.Equal(t, id, w.push("", version("trial", 43)))
		// Another text under the number is refused with both.
		other := version("trial", 43)
		other.Digest = version("x", 1).Digest
		_, err = w.board.Submit(t.Context(), Order{Documents: []rollout.Version{other}})
		require.ErrorContains(t, err, other.Digest)
		require.ErrorContains(t, err, version("trial", 43).Digest)
		// A later version makes it pointless.
		w.origin.set("trial", 44)
		next := w.push("", version("trial", 44))
		w.ends(id, rollout.Superseded)
		w.ends(next, rollout.Done)
		w.shows("core=7, trial=44", "core=7, p1=3, trial=44")
	})
}

// An origin whose list is ahead of its pages: nothing is begun, and no number used up.
func TestAListThatIsAhead(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		defer w.lead(1)()
		w.adopt()
		w.origin.set("trial", 43)
		w.origin.renders(map[string]int64{"trial": 42})
		id := w.push("", version("trial", 43))
		r := w.until(id, 5*time.Second, func(r rollout.Rollout) bool { return r.Reason != "" })
		require.Equal(t, rollout.Waiting, r.State)
		require.Equal(t, "the origin lists trial=43, and still answers "+ctaPath+" with trial=42", r.Reason)
		w.origin.renders(nil)
		w.ends(id, rollout.Done)
	})
}

// An origin that takes the request and does not answer is found out in time, and it
// is the origin of which that is told.
func TestAnOriginThatHangs(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		defer w.lead(1)()
		w.adopt()
		w.origin.set("trial", 43)
		w.origin.hangs.Store(true)
		began := time.Now()
		id := w.push("", version("trial", 43))
		r := w.until(id, time.Minute, rollout.Rollout.Final)
		require.Equal(t, rollout.Undone, r.State)
		require.Contains(t, r.Reason, "check fill")
		require.Contains(t, r.Reason, "not within "+askWithin.String())
		require.LessOrEqual(t, time.Since(began), 6*time.Second) // of the bubble's time
	})
}

func TestAbort(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		defer w.lead(1)()
		w.adopt()
		w.origin.set("trial", 43)
		id := w.push("", version("trial", 43))
		w.until(id, 8*time.Second, func(r rollout.Rollout) bool { return r.Stage == rollout.Regional && r.FlippedOn("lima-2") })
		r, err := w.board.Command(t.Context(), id, rollout.Abort{By: "ops"})
		require.NoError(t, err)
		require.Equal(t, "aborted by ops", r.Reason)
		require.Equal(t, []string{"lima-1", "lima-2"}, w.ends(id, rollout.Aborted).Undo.Confirmed)
		w.shows("core=7, trial=42", "core=7, p1=3, trial=42")
	})
}

func TestRolloutsThatMeetQueue(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		defer w.lead(1)()
		w.adopt()
		w.origin.set("trial", 43)
		first := w.push("", version("trial", 43))
		w.until(first, time.Second, func(r rollout.Rollout) bool { return r.State == rollout.Running })
		w.origin.set("core", 8)
		second := w.push("", version("core", 8))
		r := w.until(second, time.Second, func(r rollout.Rollout) bool { return r.Reason != "" })
		require.Equal(t, "waits for rollout "+first+", which concerns the same artifacts", r.Reason)
		w.ends(first, rollout.Done)
		w.ends(second, rollout.Done)
		w.shows("core=8, trial=43", "core=8, p1=3, trial=43")
	})
}

func TestAnEditThatNobodyPushed(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		defer w.lead(1)()
		w.adopt()
		w.origin.noPins = true
		w.origin.set("trial", 43)
		w.origin.set("core", 8)
		id := w.push("", version("trial", 43))
		r := w.until(id, time.Second, func(r rollout.Rollout) bool { return r.Reason != "" })
		require.Contains(t, r.Reason, "core=8, which was not pushed")
		w.push("", version("trial", 43)) // the same
		both, err := w.board.Command(t.Context(), id, rollout.Abort{})
		require.NoError(t, err)
		require.Equal(t, rollout.Aborted, both.State)
		w.origin.set("trial", 44)
		w.ends(w.push("", version("trial", 44), version("core", 8)), rollout.Done)
	})
}

func TestDeletion(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		defer w.lead(1)()
		w.adopt()
		id := w.push("", rollout.Version{ID: "p1", Version: 4, Deleted: true})
		r := w.until(id, time.Second, func(r rollout.Rollout) bool { return r.Reason != "" })
		require.Contains(t, r.Reason, "renders "+proofPath+" from p1 still")
		w.origin.mu.Lock()
		delete(w.origin.index, proofPath)
		w.origin.mu.Unlock()
		w.ends(id, rollout.Done)
		for _, e := range w.edges {
			rep, err := e.Get(t.Context(), proofPath, "")
			require.NoError(t, err)
			require.Equal(t, 404, rep.Status)
		}
		w.shows("core=7, trial=42", "core=7, trial=42")
	})
}

func TestANodeThatDiesIsNamedAndPassed(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		defer w.lead(1)()
		w.adopt()
		w.origin.set("trial", 43)
		w.kill("tokyo-2")
		id := w.push("", version("trial", 43))
		r := w.until(id, 4*time.Second, func(r rollout.Rollout) bool { return r.Reason != "" })
		require.Equal(t, rollout.Running, r.State)
		require.Equal(t, "stage global waits for tokyo-2 to fetch the new version; who stays silent is passed by", r.Reason)
		r = w.until(id, 12*time.Second, rollout.Rollout.Final)
		require.Equal(t, rollout.Done, r.State)
		require.Empty(t, r.Reason)
		require.Equal(t, rollout.Passed, r.Stages[2].Steps["tokyo-2"])
		require.Contains(t, r.Stages[2].Checks[0].Detail, "fenced: tokyo-2")
	})
}

func TestTheLeaderDies(t *testing.T) {
	for _, at := range []rollout.StageState{rollout.StageFilling, rollout.StageVerifying, rollout.StageFlipped, rollout.StageSoaking} {
		in(t, func(t *testing.T, w *world) {
			stop := w.lead(1)
			w.adopt()
			w.origin.set("trial", 43)
			id := w.push("", version("trial", 43))
			w.until(id, 8*time.Second, func(r rollout.Rollout) bool { return len(r.Stages) > 0 && r.Stages[1].State == at })
			stop()
			<-time.After(time.Minute) // in the bubble
			defer w.lead(2)()
			require.Equal(t, uint64(2), w.ends(id, rollout.Done).Term)
			w.shows("core=7, trial=43", "core=7, p1=3, trial=43")
		})
	}
}

// A leader that was frozen wakes after another has gone on.
func TestAnOldLeaderWritesNothing(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		stop := w.lead(2)
		w.adopt()
		w.origin.set("trial", 43)
		id := w.push("careful", version("trial", 43))
		w.edges["lima-1"].broken = true
		r := w.until(id, 8*time.Second, func(r rollout.Rollout) bool { return r.State == rollout.Paused })
		require.Contains(t, r.Reason, "disk on fire")
		stop()
		w.edges["lima-1"].broken = false
		_, err := w.board.Command(t.Context(), id, rollout.Promote{By: "ops"})
		require.NoError(t, err)
		old := w.lead(1)
		<-time.After(time.Minute) // in the bubble
		now, err := w.board.Get(id)
		require.NoError(t, err)
		require.Equal(t, rollout.StageFilling, now.Stages[0].State)
		require.Equal(t, uint64(2), now.Term)
		old()
		defer w.lead(3)()
		w.ends(id, rollout.Done)
	})
}

func TestWithoutAnIndex(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		defer w.lead(1)()
		w.origin.noIndex = true
		id := w.push("", version("trial", 42))
		r := w.until(id, time.Second, func(r rollout.Rollout) bool { return r.Reason != "" })
		require.Contains(t, r.Reason, "names no artifacts")
		_, err := w.board.Command(t.Context(), id, rollout.Abort{})
		require.NoError(t, err)
		w.origin.set("trial", 43)
		done, err := w.board.Submit(t.Context(), Order{Documents: []rollout.Version{version("trial", 43)}, Artifacts: []string{ctaPath}})
		require.NoError(t, err)
		w.ends(done.Rollout, rollout.Done)
		rep, err := w.edges["tokyo-1"].Get(t.Context(), ctaPath, "")
		require.NoError(t, err)
		require.Equal(t, "trial=43", rep.Versions)
	})
}

func TestNoQuorum(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		defer w.lead(1)()
		w.adopt()
		w.origin.set("trial", 43)
		id := w.push("", version("trial", 43))
		w.until(id, 8*time.Second, func(r rollout.Rollout) bool { return r.Stage == rollout.Regional })
		w.log.mu.Lock()
		w.log.down = true
		w.log.mu.Unlock()
		_, err := w.board.Submit(t.Context(), Order{Documents: []rollout.Version{version("trial", 44)}})
		require.ErrorIs(t, err, errDown)
		<-time.After(time.Minute) // in the bubble
		w.log.mu.Lock()
		w.log.down = false
		w.log.mu.Unlock()
		w.ends(id, rollout.Done)
	})
}

func TestRefused(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		defer w.lead(1)()
		w.adopt()
		good := version("trial", 43)
		for want, o := range map[string]Order{
			"plan must be one of adopt, careful, default": {Documents: []rollout.Version{good}, Plan: "canary"},
			"documents must name 1 to 500":                {},
			"documents[0].id must match":                  {Documents: []rollout.Version{{ID: "Trial", Version: 1}}},
			"documents[0].version must be a whole number": {Documents: []rollout.Version{{ID: "trial"}}},
			"documents[0].digest must be sha256-":         {Documents: []rollout.Version{{ID: "trial", Version: 43, Digest: "md5-x"}}},
			"documents[0].digest must be absent":          {Documents: []rollout.Version{{ID: "trial", Version: 43, Digest: good.Digest, Deleted: true}}},
			"documents[1].id is there twice":              {Documents: []rollout.Version{good, good}},
			"artifacts[0] must be the path of a CTA":      {Documents: []rollout.Version{good}, Artifacts: []string{"/x"}},
			"version 41 is not above 42":                  {Documents: []rollout.Version{version("trial", 41)}},
		} {
			_, err := w.board.Submit(t.Context(), o)
			require.ErrorContains(t, err, want)
		}
		before, _ := w.board.List("", 10)
		dry, err := w.board.Submit(t.Context(), Order{Documents: []rollout.Version{good}, DryRun: true})
		require.NoError(t, err)
		require.Equal(t, Submitted{State: "waiting"}, dry)
		after, _ := w.board.List("", 10)
		require.Equal(t, before, after)
		_, err = w.board.Get("x")
		require.ErrorIs(t, err, rollout.ErrUnknown)
		_, err = w.board.Command(t.Context(), "x", rollout.Abort{})
		require.ErrorIs(t, err, rollout.ErrUnknown)
		require.NotEmpty(t, fmt.Sprint(after[0].ID))
	})
}

// What a carrier sees may be old; what it writes is held against the record.
func TestAnOldTermIsRefusedByTheTransaction(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		id := w.push("", version("trial", 43))
		d, err := New(Config{}, Deps{Records: w.log.records, Ledger: w.log, Nodes: w, Cluster: w, Origin: w.origin})
		require.NoError(t, err)
		r, err := w.board.Get(id)
		require.NoError(t, err)
		_, _, err = d.update(t.Context(), r, 2, []rollout.Event{rollout.Hidden{Reason: "new"}})
		require.NoError(t, err)
		_, _, err = d.update(t.Context(), r, 1, []rollout.Event{rollout.Hidden{Reason: "old"}})
		require.ErrorIs(t, err, errDeposed)
		r, err = w.board.Get(id)
		require.NoError(t, err)
		require.Equal(t, "new", r.Reason)
	})
}
