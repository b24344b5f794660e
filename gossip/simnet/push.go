package simnet

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// The documents, and what is rendered from them: a CTA and its Proof, which are a
// Summary together, and another CTA.
const (
	ctaPath     = "/v1/segments/s/ctas/c"
	proofPath   = ctaPath + "/proofs/p"
	summaryPath = ctaPath + "/summary"
	otherPath   = "/v1/segments/s/ctas/e"
)

func documents() []string { return []string{"d0", "d1", "d2"} }

func artifacts() rollout.Index {
	return rollout.Index{ctaPath: {Documents: []string{"d0"}}, proofPath: {Documents: []string{"d1"}}, otherPath: {Documents: []string{"d2"}}}
}

// push is a docs update as the world remembers it.
type push struct {
	id       string
	versions map[string]int64
	bad      bool   // whatever the origin renders from it is refused
	badAt    string // the node that finds fault with it

	passed  map[string]bool // who has shown it unseen
	flipped map[string]bool // who has ever been at it
	fenced  map[string]bool // who was passed by, for once
	done    map[string]bool // who said so, once it was done; nil before, and after a rollback
	undone  map[string]bool // who said that it is taken back
}

// author changes documents at the origin, and pushes most of what has changed.
func (w *World) author() {
	if w.calm {
		return
	}
	pick := [][]string{{"d0", "d1"}, {"d0", "d1"}, {"d0"}, {"d1", "d2"}, {"d2"}}[w.rand.IntN(5)]
	for _, d := range pick {
		w.docs[d]++
	}
	if w.rand.IntN(5) > 0 {
		w.after(w.between(0, time.Second), func() { w.submit(pick, rollout.Plan{Name: "default", Soak: 100 * time.Millisecond}) })
	}
	w.after(w.between(500*time.Millisecond, 5*time.Second), w.author)
}

// submit takes an update in, through whichever node reaches the log.
func (w *World) submit(ids []string, plan rollout.Plan) {
	if !slices.ContainsFunc(w.nodes, func(n *node) bool { return n.runs() && n.process.majority() }) {
		return
	}
	u := rollout.Update{Plan: plan}
	p := &push{
		id: fmt.Sprintf("r%d", len(w.pushes)), versions: map[string]int64{}, passed: map[string]bool{},
		flipped: map[string]bool{}, fenced: map[string]bool{},
	}
	for _, d := range ids {
		u.Documents = append(u.Documents, rollout.Version{ID: d, Version: w.docs[d], Digest: "sha256-" + d})
		p.versions[d] = w.docs[d]
	}
	switch w.rand.IntN(5) {
	case 0:
		p.bad = !plan.Adopt
	case 1:
		p.badAt = w.nodes[w.rand.IntN(len(w.nodes))].id
	}
	facts := w.facts()
	var known []rollout.Rollout
	for _, id := range slices.Sorted(maps.Keys(facts.Rollouts)) {
		known = append(known, facts.Rollouts[id])
	}
	a, err := rollout.Accept(u, p.id, w.now, facts.Documents, known)
	if err != nil || a.Rollout.ID != p.id {
		return // nothing new, or it does not fit what is under way
	}
	puts, err := rollout.Puts(a.Rollout, rollout.Book{Documents: facts.Documents}, rollout.Book{Documents: a.Documents})
	for _, o := range a.Overtaken {
		more, e := rollout.Puts(o, rollout.Book{}, rollout.Book{})
		if err = e; err == nil {
			puts = append(puts, more[0])
		}
		for d := range w.pushOf(o.ID).versions {
			if !o.Has(d) || o.State == rollout.Superseded { // another brings it now
				delete(w.pushOf(o.ID).versions, d)
			}
		}
	}
	if err != nil {
		w.fail("push %s: %v", p.id, err)
		return
	}
	for _, id := range slices.Sorted(maps.Keys(facts.Rollouts)) { // few are kept
		old := facts.Rollouts[id]
		if push := w.pushOf(id); old.Final() && slices.Index(w.pushes, push) < len(w.pushes)-4 {
			puts = append(puts, gossip.Put{Key: rollout.RolloutKey + id, Delete: true})
		}
	}
	w.pushes = append(w.pushes, p)
	w.append(gossip.Txn{Puts: puts})
}

// meddler aborts rollouts, and rolls them back.
func (w *World) meddler() {
	if w.calm {
		return
	}
	facts := w.facts()
	for _, id := range slices.Sorted(maps.Keys(facts.Rollouts)) {
		r := facts.Rollouts[id]
		switch {
		case w.rand.IntN(3) > 0:
		case r.State == rollout.Waiting || r.State == rollout.Running:
			w.write(id, rollout.Abort{})
		case r.State == rollout.Done && !r.Plan.Adopt:
			busy := slices.ContainsFunc(slices.Collect(maps.Values(facts.Rollouts)), func(o rollout.Rollout) bool {
				return o.ID != id && o.Started() && !o.Final() && r.Meets(o)
			})
			if !busy && rollout.Revert(r, rollout.Book{Documents: facts.Documents, Index: facts.Index}) == nil {
				w.write(id, rollout.Rollback{})
			}
		}
		facts = w.facts()
	}
	w.after(w.between(time.Second, 6*time.Second), w.meddler)
}

// facts are the log's.
func (w *World) facts() rollout.Facts {
	facts, err := w.reader.Facts()
	if err != nil {
		w.fail("records: %v", err)
	}
	return facts
}

// write applies an event to a rollout, as the driver does.
func (w *World) write(id string, e rollout.Event) {
	rec, _ := w.truth.Get(rollout.RolloutKey + id)
	before, err := rollout.ReadRollout(rec)
	if err != nil {
		w.fail("rollout %s: %v", id, err)
		return
	}
	after, _ := rollout.Next(before, e)
	puts, err := rollout.Write(before, &after, w.term, w.of(before.Keys()))
	if errors.Is(err, rollout.ErrNotYet) || err == nil && len(puts) == 0 {
		return
	}
	if err != nil {
		w.fail("rollout %s: %v", id, err)
		return
	}
	w.append(gossip.Txn{Puts: puts})
	w.note(before, after, e)
}

// find the push that a rollout carries out.
func (w *World) pushOf(id string) *push {
	for _, p := range w.pushes {
		if p.id == id {
			return p
		}
	}
	return nil
}

// brought is the push that brought a document's version; nil if none did.
func (w *World) brought(document string, version int64) *push {
	for _, p := range w.pushes {
		if p.versions[document] == version {
			return p
		}
	}
	return nil
}

func artifact(path string) cachekey.Key {
	return parse(path)
}
