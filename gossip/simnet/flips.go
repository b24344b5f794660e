package simnet

import (
	"slices"

	"github.com/letteros/letteredge/invalidation/rollout"
)

// flips checks the moment at which a process begins to show a version: every node
// of the stages before its own has been at it, and it has itself shown it unseen;
// those that were fenced were named.
func (w *World) flips(p *process, document string, version int64) {
	push := w.brought(document, version)
	if push == nil {
		w.fail("%s is to show %s=%d, which nobody pushed", p.id, document, version)
		return
	}
	first := !push.flipped[p.id]
	push.flipped[p.id] = true
	rec, _ := w.truth.Get(rollout.RolloutKey + push.id)
	r, err := rollout.ReadRollout(rec)
	if err != nil || r.ID == "" || r.Plan.Adopt || !first || r.State == rollout.Done || push.done != nil {
		return // what is released is there for all
	}
	own := slices.IndexFunc(r.Stages, func(s rollout.Stage) bool { return slices.Contains(s.Nodes(), p.id) })
	if own < 0 {
		w.fail("%s shows %s=%d, and is in no stage of %s", p.id, document, version, push.id)
		return
	}
	if !push.passed[p.id] && !push.fenced[p.id] {
		w.fail("%s shows %s=%d, and has not shown it unseen", p.id, document, version)
	}
	for _, s := range r.Stages[:own] {
		for _, n := range s.Nodes() {
			if !push.flipped[n] && !push.fenced[n] {
				w.fail("%s, of stage %s, shows %s=%d before %s of stage %s", p.id, r.Stages[own].Stage, document, version, n, s.Stage)
			}
		}
	}
}

// note remembers how a rollout has gone on.
func (w *World) note(before, after rollout.Rollout, e rollout.Event) {
	push := w.pushOf(after.ID)
	if f, ok := e.(rollout.NodeFenced); ok {
		push.fenced[f.Node] = true
	}
	seen := func() map[string]bool {
		all := map[string]bool{}
		for _, s := range after.Stages {
			for _, n := range s.Nodes() {
				all[n] = s.Steps[n] == rollout.Seen || s.Steps[n] == rollout.Passed
			}
		}
		return all
	}
	switch {
	case before.State != rollout.Done && after.State == rollout.Done:
		push.done = seen()
		w.Done++
	case before.State == rollout.Done && after.State != rollout.Done:
		push.done = nil
		push.fenced = map[string]bool{}
	}
	if (after.State == rollout.Undone || after.State == rollout.Aborted && after.Final()) && push.undone == nil && after.Undo != nil {
		push.undone = map[string]bool{}
		for _, n := range after.Undo.Confirmed {
			push.undone[n] = true
		}
		w.Undone++
	}
}

// expected is what a reader of a node may get of the documents, as of when its
// request came.
type expected struct {
	isolated bool // then it is told
	least    map[string]int64
	undone   []*push
}

func (p *process) expect() expected {
	x := expected{isolated: p.replica.Isolated(p.world.now) || !p.replica.Ready(), least: map[string]int64{}}
	for _, push := range p.world.pushes {
		if push.undone[p.id] {
			x.undone = append(x.undone, push)
		}
		if push.done[p.id] {
			for d, v := range push.versions {
				x.least[d] = max(x.least[d], v)
			}
		}
	}
	return x
}

// showManaged checks an answer.
func (p *process) showManaged(path, want string, c *rendered, x expected) {
	if c == nil {
		return // an error: "held"
	}
	w := p.world
	w.Answers++
	has := versions(c.vector)
	if c.bad || sortedVector(has) != want {
		w.fail("%s shows %s with %s (bad: %v), its target is %s", p.id, path, c.vector, c.bad, want)
	}
	for d, v := range has {
		push := w.brought(d, v)
		if push == nil || push.bad {
			w.fail("%s shows %s with %s=%d, which should be seen by nobody", p.id, path, d, v)
		}
		if x.isolated {
			continue
		}
		if v < x.least[d] {
			w.fail("%s shows %s with %s=%d, though %d is released and it has said so", p.id, path, d, v, x.least[d])
		}
		if push != nil && slices.Contains(x.undone, push) {
			w.fail("%s shows %s with %s=%d, which is undone, and it has said so", p.id, path, d, v)
		}
	}
}

// agreed checks that all nodes show the same in the end, as the log has it.
func (w *World) agreed() {
	facts := w.facts()
	for _, n := range w.nodes {
		for _, d := range documents() {
			want := rollout.Target(facts.Documents[d], n.id)
			got, ok := n.process.targets.Snapshot().Version(d)
			if want == nil && ok || want != nil && got != want.Version {
				w.fail("%s is to show %s=%d in the end, the log says %+v", n.id, d, got, want)
			}
		}
	}
}
