package rollout

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func six() []Member {
	var all []Member
	for _, region := range []string{"tokyo", "paris", "lima"} {
		for i := range 2 {
			all = append(all, Member{fmt.Sprintf("%s-%d", region, i+1), region, true})
		}
	}
	return all
}

func digestOf(text string) string { return Digest(map[string][]byte{"f": []byte(text)}) }

// book is records in which trial=42 and core=7 are released.
func book() Book {
	trial, core := Version{ID: "trial", Version: 42, Digest: digestOf("t42"), Rollout: "r0"}, Version{ID: "core", Version: 7, Digest: digestOf("c7"), Rollout: "r0"}
	return Book{
		Documents: map[string]Document{
			"trial": {ID: "trial", Released: &trial, Highest: 42}, "core": {ID: "core", Released: &core, Highest: 7},
		},
		Index: Index{
			"/v1/segments/b2b/ctas/trial":           {Documents: []string{"core", "trial"}, Languages: []string{"en", "ja"}},
			"/v1/segments/b2b/ctas/trial/proofs/p1": {Documents: []string{"p1", "trial"}},
			"/v1/segments/b2b/campaigns/spring":     {Documents: []string{"spring"}},
		},
	}
}

func begun(plan Plan) (Rollout, Shown) {
	r := Rollout{ID: "r1", State: Waiting, Stage: Edge, Stages: []Stage{}, Documents: []Version{{ID: "trial", Version: 43, Digest: digestOf("t43")}}, Plan: plan}
	now := book().Index.changed(nil, Index{"/v1/segments/b2c/ctas/trial": {Documents: []string{"trial"}}})
	before, after := Delta(book().Index, now, r.Has, func(id string) bool { return id == "trial" || id == "core" }, nil)
	return r, Shown{Members: six(), Before: before, After: after}
}

// outcome is the event of an effect that goes well.
func outcome(e Effect, s Shown) Event {
	switch e.Action {
	case Look:
		return s
	case Fill:
		return NodeFilled{e.Stage, e.Node}
	case Verify:
		return NodeVerified{e.Stage, e.Node, "same"}
	case Await:
		return NodeReceived{e.Stage, e.Node}
	case Read:
		return NodeSeen{e.Stage, e.Node, "same"}
	case Soak:
		return Soaked{e.Stage, e.Wave}
	default:
		return NodeRestored{e.Node}
	}
}

func TestAGoodRollout(t *testing.T) {
	r, shown := begun(Plan{Name: "default", Soak: time.Second})
	var story []string
	b := book()
	for !r.Final() {
		effects := Effects(r)
		require.NotEmpty(t, effects, "%+v", r)
		before := r
		for _, e := range effects {
			r, _ = Next(r, outcome(e, shown))
		}
		if s := r.stage(); before.State != r.State || before.stage() == nil || before.stage().State != s.State || before.Stage != r.Stage {
			story = append(story, fmt.Sprint(r.State, " ", r.Stage, " ", s.State, " ", s.Flipped))
		}
		b, _ = Settle(b, r)
	}
	require.Equal(t, []string{
		"running edge filling []",
		"running edge verifying []",
		"running edge flipped [lima-1]",
		"running edge soaking [lima-1]",
		"running regional filling []",
		"running regional verifying []",
		"running regional flipped [lima-2]",
		"running regional soaking [lima-2]",
		"running global filling []",
		"running global verifying []",
		"running global flipped [paris-1 paris-2 tokyo-1 tokyo-2]",
		"running global soaking [paris-1 paris-2 tokyo-1 tokyo-2]",
		"done global done [paris-1 paris-2 tokyo-1 tokyo-2]",
	}, story)
	require.Equal(t, int64(43), b.Documents["trial"].Released.Version)
	require.Equal(t, int64(42), b.Documents["trial"].Former[0].Version)
	require.Nil(t, b.Documents["trial"].Candidate)
	require.Contains(t, b.Index, "/v1/segments/b2c/ctas/trial")
	for _, s := range r.Stages {
		require.Equal(t, StageDone, s.State)
		for _, c := range s.Checks {
			require.Equal(t, CheckPassed, c.Result)
		}
	}

	// And back.
	require.NoError(t, Revert(r, b))
	r, effects := Next(r, Rollback{By: "ops"})
	require.Equal(t, Halted, r.State)
	require.Len(t, effects, 6)
	b, changed := Settle(b, r)
	require.True(t, changed)
	require.Equal(t, int64(42), b.Documents["trial"].Released.Version)
	require.Equal(t, book().Index, b.Index)
	require.Error(t, Revert(r, b))
	for _, e := range effects {
		r, _ = Next(r, outcome(e, shown))
	}
	require.Equal(t, Undone, r.State)
	_, changed = Settle(b, r)
	require.False(t, changed)
}

func TestRegionsOneAfterAnother(t *testing.T) {
	r, shown := begun(Plan{RegionByRegion: true})
	r, _ = Next(r, shown)
	require.Equal(t, [][]string{{"paris-1", "paris-2"}, {"tokyo-1", "tokyo-2"}}, r.Stages[2].Waves)
	seen := 0
	for !r.Final() {
		for _, e := range Effects(r) {
			r, _ = Next(r, outcome(e, shown))
		}
		if r.Stage == Global && r.FlippedOn("paris-1") && !r.FlippedOn("tokyo-1") {
			seen++
		}
	}
	require.Equal(t, Done, r.State)
	require.Positive(t, seen)
}

func TestAFailedCheckHalts(t *testing.T) {
	for _, pause := range []bool{false, true} {
		r, shown := begun(Plan{Pause: pause})
		r, _ = Next(r, shown)
		r, _ = Next(r, NodeFilled{Edge, "lima-1"})
		r, effects := Next(r, NodeFailed{Edge, "lima-1", Check{Name: "status", Detail: "answers 500"}})
		require.Empty(t, effects)
		require.Equal(t, StageFailed, r.Stages[0].State)
		require.Equal(t, "stage edge, check status: lima-1: answers 500", r.Reason)
		require.Equal(t, Check{"status", CheckFailed, "lima-1: answers 500"}, r.Stages[0].Checks[1])
		if !pause {
			require.Equal(t, Undone, r.State, "nothing was flipped")
			continue
		}
		require.Equal(t, Paused, r.State)
		r, effects = Next(r, Promote{})
		require.Equal(t, []Effect{{Action: Fill, Stage: Edge, Node: "lima-1"}}, effects)
		for !r.Final() {
			for _, e := range Effects(r) {
				r, _ = Next(r, outcome(e, shown))
			}
		}
		require.Equal(t, Done, r.State)
	}
}

func TestANodeThatShowsOtherBytes(t *testing.T) {
	r, shown := begun(Plan{})
	r, _ = Next(r, shown)
	for r.Stage == Edge {
		for _, e := range Effects(r) {
			r, _ = Next(r, outcome(e, shown))
		}
	}
	r, _ = Next(r, NodeFilled{Regional, "lima-2"})
	r, effects := Next(r, NodeVerified{Regional, "lima-2", "other"})
	require.Equal(t, Halted, r.State)
	require.Equal(t, []Effect{{Action: Confirm, Node: "lima-1"}}, effects)
	r, _ = Next(r, NodeRestored{"lima-1"})
	require.Equal(t, Undone, r.State)
	require.Equal(t, []StageState{StageUndone, StageFailed, StagePending}, []StageState{r.Stages[0].State, r.Stages[1].State, r.Stages[2].State})
}

func TestFencedNodesCountNamed(t *testing.T) {
	r, shown := begun(Plan{})
	shown.Members[1].Alive = false
	r, _ = Next(r, shown)
	require.Equal(t, "lima-1", r.Stages[0].Nodes()[0])
	r, _ = Next(r, NodeFenced{"lima-1"})
	require.Equal(t, []string{"lima-2"}, r.Stages[0].Nodes(), "another goes first")
	require.Equal(t, []string{"lima-1"}, r.Stages[1].Nodes())
	for !r.Final() {
		for _, e := range Effects(r) {
			if e.Node == "tokyo-1" && e.Action == Await {
				r, _ = Next(r, NodeFenced{e.Node})
				continue
			}
			r, _ = Next(r, outcome(e, shown))
		}
	}
	require.Equal(t, Done, r.State)
	require.True(t, r.FlippedOn("lima-1"), "it gets its target when it comes back")
	require.Equal(t, Seen, r.Stages[1].Steps["lima-1"], "it came back before its flip, and was looked at")
	require.Equal(t, Passed, r.Stages[2].Steps["tokyo-1"])
	require.Contains(t, r.Stages[2].Checks[3].Detail, "fenced: tokyo-1")
	require.Equal(t, Inconclusive, r.Stages[1].Checks[0].Result)

	// Who is waited for is told while it is, and no longer.
	r, _ = begun(Plan{})
	r, _ = Next(r, shown)
	r, _ = Next(r, Late{Edge, "tokyo-1"})
	require.Empty(t, r.Reason, "it is of no wave that is under way")
	r, _ = Next(r, Late{Edge, r.Stages[0].Nodes()[0]})
	require.Equal(t, "stage edge waits for "+r.Stages[0].Nodes()[0]+" to fetch the new version; who stays silent is passed by", r.Reason)
	r, _ = Next(r, NodeFilled{Edge, r.Stages[0].Nodes()[0]})
	require.Empty(t, r.Reason)
	r, _ = Next(r, Late{Regional, "lima-2"})
	require.Empty(t, r.Reason)

	// And he alone, not those of the wave who have done their part.
	r, _ = begun(Plan{})
	r, _ = Next(r, shown)
	for !(r.Stage == Global && len(r.stage().current()) > 1 && len(Effects(r)) > 1) {
		require.False(t, r.Final(), "no wave of two")
		for _, e := range Effects(r)[:1] {
			r, _ = Next(r, outcome(e, shown))
		}
	}
	wave := r.stage().current()
	r, _ = Next(r, outcome(Effects(r)[0], shown))
	r, _ = Next(r, Late{Global, wave[1]})
	require.Contains(t, r.Reason, wave[1])
	require.NotContains(t, r.Reason, wave[0])

	// A region that is away altogether.
	r, _ = begun(Plan{})
	for i := range shown.Members {
		shown.Members[i].Alive = false
	}
	r, _ = Next(r, shown)
	require.Equal(t, Waiting, r.State)
	require.NotEmpty(t, r.Reason)
}

func TestAdopt(t *testing.T) {
	r, shown := begun(Plan{Adopt: true})
	r.Documents = []Version{{ID: "p1", Version: 1, Digest: digestOf("p")}}
	r, effects := Next(r, shown)
	require.Empty(t, effects)
	require.Equal(t, Done, r.State)
	b, _ := Settle(Book{Documents: map[string]Document{"p1": {ID: "p1"}}}, r)
	require.Equal(t, int64(1), b.Documents["p1"].Released.Version)
	require.NotEmpty(t, b.Index)
	again, _ := Next(r, Rollback{})
	require.Equal(t, r, again)
}

// anyEvent draws an event that may come at any time, in any order.
func anyEvent(t *rapid.T, shown Shown) Event {
	node := rapid.SampledFrom(six()).Draw(t, "node").ID
	stage := rapid.SampledFrom([]StageName{Edge, Regional, Global}).Draw(t, "stage")
	switch rapid.IntRange(0, 14).Draw(t, "event") {
	case 0:
		return shown
	case 1:
		return Hidden{"not yet"}
	case 2, 3:
		return NodeFilled{stage, node}
	case 4, 5:
		return NodeVerified{stage, node, "same"}
	case 6, 7:
		return NodeReceived{stage, node}
	case 8, 9:
		return NodeSeen{stage, node, "same"}
	case 10:
		return Soaked{stage, 0}
	case 11:
		return NodeRestored{node}
	case 12:
		return rapid.SampledFrom([]Event{Abort{}, Promote{}, Rollback{}, Overtaken{[]string{"trial"}, "r9"}, Overtaken{[]string{"other"}, "r9"}}).Draw(t, "command")
	case 13:
		return NodeFenced{node}
	default:
		return rapid.SampledFrom([]Event{
			NodeFailed{stage, node, Check{Name: "status"}}, NodeVerified{stage, node, "other"}, NodeSeen{stage, node, "other"},
		}).Draw(t, "failure")
	}
}

// TestWhateverComes: whatever happens in whatever order, flips follow the order of
// stages, undoing restores, ends are ends, and the record is all that a next
// leader needs.
func TestWhateverComes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plan := Plan{Pause: rapid.Bool().Draw(t, "pause"), RegionByRegion: rapid.Bool().Draw(t, "waves")}
		if rapid.Bool().Draw(t, "soak") {
			plan.Soak = time.Second
		}
		r, shown := begun(plan)
		original := book()
		b := original
		b.Documents = map[string]Document{"trial": original.Documents["trial"]}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			var e Event
			if effects := Effects(r); len(effects) > 0 && rapid.IntRange(0, 3).Draw(t, "good") > 0 {
				e = outcome(rapid.SampledFrom(effects).Draw(t, "effect"), shown)
			} else {
				e = anyEvent(t, shown)
			}
			frozen := text(t, r)
			next, effects := Next(r, e)
			require.Equal(t, frozen, text(t, r), "Next changed its argument")

			// Deterministic, and the same from the record.
			var recorded Rollout
			require.NoError(t, json.Unmarshal([]byte(frozen), &recorded))
			again, sameEffects := Next(recorded, e)
			require.Equal(t, text(t, next), text(t, again))
			require.Equal(t, effects, sameEffects)
			require.Equal(t, effects, Effects(next))

			// Idempotent, but for people's commands, which are asked for.
			switch e.(type) {
			case Promote, NodeFenced:
			default:
				twice, _ := Next(next, e)
				require.Equal(t, text(t, next), text(t, twice), "%T", e)
			}

			inOrder(t, next)
			switch r.State {
			case Undone, Superseded, Aborted:
				require.Equal(t, r.State, next.State)
			case Done:
				if _, back := e.(Rollback); !back {
					require.Equal(t, frozen, text(t, next))
				}
			case Halted:
				require.Contains(t, []State{Halted, Undone}, next.State)
			}
			b, _ = Settle(b, next)
			settled, changed := Settle(b, next)
			require.False(t, changed)
			require.Equal(t, settled.Index, b.Index)
			switch next.State {
			case Waiting, Halted, Undone, Aborted, Superseded:
				require.Equal(t, original.Index, b.Index)
				require.Equal(t, original.Documents["trial"].Released, b.Documents["trial"].Released)
				require.Nil(t, b.Documents["trial"].Candidate)
				for _, m := range six() {
					require.Equal(t, snapshotOf(original, Rollout{}, m.ID), snapshotOf(b, next, m.ID))
				}
			case Running, Paused:
				for _, m := range six() {
					require.Equal(t, next.FlippedOn(m.ID), Target(b.Documents["trial"], m.ID).Version == 43)
				}
			}
			r = next
		}
	})
}

func text(t require.TestingT, r Rollout) string {
	b, err := json.Marshal(r)
	require.NoError(t, err)
	return string(b)
}

func snapshotOf(b Book, r Rollout, node string) map[string]string {
	f := Facts{Index: b.Index, Documents: map[string]Document{"core": book().Documents["core"], "trial": b.Documents["trial"]}, Rollouts: map[string]Rollout{r.ID: r}}
	return f.Snapshot(node, "").vectors
}

// inOrder: a stage is flipped only once the one before is through on every node.
func inOrder(t require.TestingT, r Rollout) {
	for i, s := range r.Stages {
		if len(s.Flipped) == 0 {
			continue
		}
		for _, before := range r.Stages[:i] {
			require.Equal(t, StageDone, before.State)
			for _, n := range before.Nodes() {
				require.Contains(t, []Step{Seen, Passed}, before.Steps[n])
			}
		}
		for _, n := range s.Flipped {
			require.Contains(t, []Step{Verified, Received, Seen, Passed, ""}, s.Steps[n]) // "": it was fenced before the flip
			require.Contains(t, s.Nodes(), n)
		}
	}
	var nodes []string
	for _, s := range r.Stages {
		nodes = append(nodes, s.Nodes()...)
	}
	if r.State == Done {
		for _, n := range nodes {
			require.True(t, r.FlippedOn(n))
		}
	}
	slices.Sort(nodes)
	require.Equal(t, nodes, slices.Compact(slices.Clone(nodes)), "a node is in one stage")
}
