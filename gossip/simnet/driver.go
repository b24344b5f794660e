package simnet

import (
	"maps"
	"slices"
	"time"

	"github.com/letteros/letteredge/invalidation"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// effect is a rollout's effect that a leader has begun.
type effect struct {
	rollout string
	rollout.Effect
}

// The driver's patience, as of invalidation/driver and cmd/edged.
const (
	jobAgain  = 1500 * time.Millisecond
	reportsIn = 6 * time.Second
	silentFor = 6 * time.Second
)

// drive carries out what the rollouts want next, while this voter leads.
func (p *process) drive() {
	if !p.leads() {
		clear(p.effects)
		return
	}
	facts := p.facts()
	for _, id := range slices.Sorted(maps.Keys(facts.Rollouts)) {
		r := facts.Rollouts[id]
		if r.Final() {
			continue
		}
		for _, e := range rollout.Effects(r) {
			key := effect{id, e}
			begun, known := p.effects[key]
			switch {
			case e.Action == rollout.Await || e.Action == rollout.Confirm:
				if !known {
					begun = p.world.now
					p.effects[key] = begun
				}
				p.await(facts, r, e, begun)
			case !known || p.world.now.Sub(begun) > jobAgain && e.Action != rollout.Soak:
				p.effects[key] = p.world.now
				p.carryOut(facts, r, e)
			}
		}
	}
}

// facts are those of this process's records.
func (p *process) facts() rollout.Facts {
	facts, err := p.targets.Facts()
	if err != nil {
		p.world.fail("%s: %v", p.id, err)
	}
	return facts
}

// tell writes what has happened, if this is still the leader.
func (p *process) tell(id string, e rollout.Event) {
	if p.leads() {
		p.world.write(id, e)
	}
}

func (p *process) carryOut(facts rollout.Facts, r rollout.Rollout, e rollout.Effect) {
	w := p.world
	switch e.Action {
	case rollout.Look:
		w.after(w.between(10*time.Millisecond, 200*time.Millisecond), func() {
			if p.node.process == p {
				p.inbox(func() { p.look(r) })
			}
		})
	case rollout.Soak:
		w.after(e.For, func() {
			if p.node.process == p {
				p.inbox(func() { p.tell(r.ID, rollout.Soaked{Stage: e.Stage, Wave: e.Wave}) })
			}
		})
	default:
		if p.silent(e.Node) {
			p.tell(r.ID, rollout.NodeFenced{Node: e.Node})
			return
		}
		if w.guards.BlindStages && e.Action == rollout.Read {
			p.tell(r.ID, rollout.NodeSeen{Stage: e.Stage, Node: e.Node, Digest: r.Digest})
			return
		}
		to := w.find(e.Node)
		index := p.records.Index()
		w.carry(p.node, to, func() {
			to.process.job(r.ID, e, index, 0, func(event rollout.Event) {
				w.carry(to, p.node, func() {
					if p.node.process == p {
						p.tell(r.ID, event)
					}
				})
			})
		})
	}
}

// look begins a rollout, unless another is in its way.
func (p *process) look(r rollout.Rollout) {
	facts := p.facts()
	managed := func(id string) bool { d := facts.Documents[id]; return d.Released != nil || d.Candidate != nil }
	r.Before, r.After = rollout.Delta(facts.Index, artifacts(), r.Has, managed, nil)
	for _, o := range facts.Rollouts {
		if o.ID != r.ID && o.Started() && !o.Final() && r.Meets(o) {
			return
		}
	}
	var members []rollout.Member
	for _, n := range p.known() {
		members = append(members, rollout.Member{ID: n.ID, Region: n.Region, Alive: !p.silent(n.ID)})
	}
	p.tell(r.ID, rollout.Shown{Members: members, Before: r.Before, After: r.After})
}

// await looks whether a node has said that it has a flip, or an undo.
func (p *process) await(facts rollout.Facts, r rollout.Rollout, e rollout.Effect, begun time.Time) {
	index := uint64(0)
	for _, v := range r.Documents {
		rec, _ := p.records.Get(rollout.DocumentKey + v.ID)
		index = max(index, rec.Index)
	}
	received := p.heard[e.Node].index >= index
	if e.Node == p.id {
		received = p.Index() >= index
	}
	var event rollout.Event
	switch {
	case received || p.world.guards.BlindStages && e.Action == rollout.Await:
		event = rollout.NodeReceived{Stage: e.Stage, Node: e.Node}
		if e.Action == rollout.Confirm {
			event = rollout.NodeRestored{Node: e.Node}
		}
	case p.isFenced(e.Node, index):
		event = rollout.NodeFenced{Node: e.Node}
	case e.Action == rollout.Await && p.world.now.Sub(begun) > reportsIn:
		event = rollout.NodeFailed{Stage: e.Stage, Node: e.Node, Check: rollout.Check{Name: "receipts"}}
	default:
		return
	}
	p.tell(r.ID, event)
}

// silent reports whether a node has said nothing for so long that nobody waits for it
// while a stage is prepared.
func (p *process) silent(node string) bool {
	if node == p.id {
		return false
	}
	held, with := p.replica.Held(p.world.now)
	return with && held > silentFor && p.world.now.Sub(p.heard[node].at) > silentFor
}

// isFenced reports whether a node that has not the records up to an index marks what
// it shows by now.
func (p *process) isFenced(node string, index uint64) bool {
	since, known := p.replica.Majority(index)
	return node != p.id && known && since > invalidation.FenceAfter
}
