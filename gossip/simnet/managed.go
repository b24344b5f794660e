package simnet

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/letteros/letteredge/invalidation/rollout"
)

// slotID names a slot: by vector, or by role where the run goes without.
type slotID struct{ path, name string }

// rendered is an artifact as the origin renders it.
type rendered struct {
	vector string // the versions that it was rendered from
	bad    bool
}

// changed notes what this process is to show now.
func (p *process) changed() {
	p.targets.Follow()
	snapshot := p.targets.Snapshot()
	if snapshot == p.seen {
		return
	}
	p.seen = snapshot
	for _, d := range documents() {
		if v, ok := snapshot.Version(d); ok && p.shown[d] != v {
			p.shown[d] = v
			p.world.flips(p, d, v)
		}
	}
}

// slot names the slot of an artifact that a snapshot wants.
func (p *process) slot(path, vector string, snapshot *rollout.Snapshot) slotID {
	if !p.world.guards.RoleSlots {
		return slotID{path, vector}
	}
	for _, d := range documents() {
		rec, _ := p.records.Get(rollout.DocumentKey + d)
		doc, err := rollout.ReadDocument(rec)
		v, ok := snapshot.Version(d)
		if err == nil && ok && doc.Candidate != nil && strings.Contains(vector, d+"=") && doc.Candidate.Version.Version == v {
			return slotID{path, "candidate"}
		}
	}
	return slotID{path, "released"}
}

// obtain gets an artifact by a snapshot: from its slot, or from the origin with
// the wanted versions named; nil if it cannot be had. anew does not look into the
// slot.
func (p *process) obtain(path string, snapshot *rollout.Snapshot, anew bool, then func(*rendered)) {
	vector, m := snapshot.Target(artifact(path))
	if m != rollout.AtTarget {
		then(nil)
		return
	}
	id := p.slot(path, vector, snapshot)
	if c := p.slots[id]; c != nil && !anew {
		then(c)
		return
	}
	w := p.world
	slow := time.Duration(0)
	if !w.calm && w.rand.IntN(15) == 0 {
		slow = w.between(0, 5*time.Second)
	}
	w.after(w.between(time.Millisecond, 60*time.Millisecond), func() {
		c := w.render(path, vector)
		w.after(slow+w.between(time.Millisecond, 250*time.Millisecond), func() {
			if p.node.process != p {
				return
			}
			p.inbox(func() {
				if c.bad || c.vector != vector {
					then(nil) // refused: it is not what is to be shown
					return
				}
				p.slots[id] = c
				then(c)
			})
		})
	})
}

// render is the origin: it mostly heeds which versions are asked for.
func (w *World) render(path, vector string) *rendered {
	if w.rand.IntN(10) == 0 {
		var parts []string
		for _, d := range artifacts()[path].Documents {
			parts = append(parts, fmt.Sprintf("%s=%d", d, w.docs[d]))
		}
		vector = strings.Join(parts, ", ")
	}
	c := &rendered{vector: vector}
	for d, v := range versions(vector) {
		if p := w.brought(d, v); p != nil && p.bad {
			c.bad = true
		}
	}
	return c
}

// readManaged is a reader's request for a managed artifact.
func (p *process) readManaged() {
	path := []string{ctaPath, proofPath, summaryPath, otherPath}[p.world.rand.IntN(4)]
	snapshot := p.targets.Snapshot()
	want, m := snapshot.Target(artifact(path))
	if m != rollout.AtTarget {
		return
	}
	b := p.expect()
	if path != summaryPath {
		p.obtain(path, snapshot, false, func(c *rendered) { p.showManaged(path, want, c, b) })
		return
	}
	p.obtain(ctaPath, snapshot, false, func(cta *rendered) {
		if p.world.guards.SplitSnapshot {
			snapshot = p.targets.Snapshot()
		}
		p.obtain(proofPath, snapshot, false, func(proof *rendered) {
			if cta != nil && proof != nil {
				p.showManaged(path, want, &rendered{vector: cta.vector + ", " + proof.vector}, b)
			}
		})
	})
}

// job does on this node what a rollout asks of it, once it has the records.
func (p *process) job(id string, e rollout.Effect, index uint64, tries int, back func(rollout.Event)) {
	if p.targets.Follow() < index {
		if tries < 20 {
			p.world.after(50*time.Millisecond, func() {
				if p.node.process == p {
					p.inbox(func() { p.job(id, e, index, tries+1, back) })
				}
			})
		}
		return
	}
	facts := p.facts()
	r, push := facts.Rollouts[id], p.world.pushOf(id)
	shown := facts.Snapshot(p.id, id)
	failed := rollout.NodeFailed{Stage: e.Stage, Node: e.Node, Check: rollout.Check{Name: string(e.Action)}}
	digest := ""
	var paths []string
	for _, it := range rollout.Items(r, shown) {
		digest += it.Key.Text + it.Vector
		if it.Key.ArtifactPath() != summaryPath {
			paths = append(paths, it.Key.ArtifactPath())
		}
	}
	switch e.Action {
	case rollout.Fill:
		left, ok := len(paths), true
		for _, path := range paths {
			p.obtain(path, shown, true, func(c *rendered) {
				left--
				ok = ok && c != nil
				switch {
				case left > 0:
				case ok:
					back(rollout.NodeFilled{Stage: e.Stage, Node: e.Node})
				default:
					back(failed)
				}
			})
		}
	case rollout.Verify:
		for _, path := range paths {
			vector, _ := shown.Target(artifact(path))
			if c := p.slots[p.slot(path, vector, shown)]; c == nil || c.vector != vector {
				back(failed)
				return
			}
		}
		if push.badAt == p.id {
			back(failed)
			return
		}
		push.passed[p.id] = true
		back(rollout.NodeVerified{Stage: e.Stage, Node: e.Node, Digest: digest})
	case rollout.Read:
		for _, v := range r.Documents {
			if now, ok := p.targets.Snapshot().Version(v.ID); !ok || now != v.Version {
				back(failed)
				return
			}
		}
		back(rollout.NodeSeen{Stage: e.Stage, Node: e.Node, Digest: digest})
	}
}

// versions reads a vector.
func versions(vector string) map[string]int64 {
	all := map[string]int64{}
	for part := range strings.SplitSeq(vector, ", ") {
		var v int64
		id, text, _ := strings.Cut(part, "=")
		if _, err := fmt.Sscan(text, &v); err == nil {
			all[id] = v
		}
	}
	return all
}

// sortedVector writes versions as a snapshot does.
func sortedVector(all map[string]int64) string {
	var parts []string
	for _, id := range slices.Sorted(maps.Keys(all)) {
		parts = append(parts, fmt.Sprintf("%s=%d", id, all[id]))
	}
	return strings.Join(parts, ", ")
}
