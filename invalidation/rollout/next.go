package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Next returns what a rollout is after an event, and what is to be done then. It
// is a pure function: a leader that takes over from the record gets the same
// effects. r is not changed.
func Next(r Rollout, e Event) (Rollout, []Effect) {
	next := r.clone()
	e.apply(&next)
	next.advance()
	return next, Effects(next)
}

func (e Hidden) apply(r *Rollout) {
	if r.State == Waiting {
		r.Reason = e.Reason
	}
}

func (e Shown) apply(r *Rollout) {
	if r.State != Waiting || e.Documents != nil && !sameVersions(e.Documents, r.Documents) {
		return
	}
	stages := stagesOf(e.Members, r.Plan)
	if stages == nil {
		r.Reason = "no node can be reached that could go first"
		return
	}
	r.State, r.Reason, r.Stages, r.Stage = Running, "", stages, Edge
	r.Before, r.After = e.Before, e.After
	if r.Plan.Adopt {
		r.finish()
		return
	}
	r.Stages[0].State = StageFilling
}

// finish ends a rollout well.
func (r *Rollout) finish() {
	r.State, r.Reason = Done, ""
	r.Stage = Global
	for i := range r.Stages {
		r.Stages[i].State = StageDone
	}
}

// stagesOf divides nodes among the stages: the canary is the first that is alive,
// in order of id. It returns nil if there is none.
func stagesOf(members []Member, p Plan) []Stage {
	members = slices.Clone(members)
	slices.SortFunc(members, func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
	at := slices.IndexFunc(members, func(m Member) bool { return m.Alive })
	if at < 0 {
		return nil
	}
	canary := members[at]
	var regional []string
	others := map[string][]string{}
	var regions []string
	for _, m := range members {
		switch {
		case m.ID == canary.ID:
		case m.Region == canary.Region:
			regional = append(regional, m.ID)
		default:
			region := m.Region
			if !p.RegionByRegion {
				region = ""
			}
			if others[region] == nil {
				regions = append(regions, region)
			}
			others[region] = append(others[region], m.ID)
		}
	}
	slices.Sort(regions)
	global := Stage{Stage: Global, State: StagePending, Waves: [][]string{}}
	for _, region := range regions {
		global.Waves = append(global.Waves, others[region])
	}
	first := Stage{Stage: Edge, State: StagePending, Waves: [][]string{{canary.ID}}}
	second := Stage{Stage: Regional, State: StagePending, Waves: [][]string{}}
	if regional != nil {
		second.Waves = append(second.Waves, regional)
	}
	return []Stage{first, second, global}
}

// at returns the stage that is under way if it is that one, in that state, and
// the node is of its wave.
func (r *Rollout) at(name StageName, state StageState, node string) *Stage {
	if r.State != Running || r.Stage != name {
		return nil
	}
	s := r.stage()
	if s == nil || s.State != state || !slices.Contains(s.current(), node) {
		return nil
	}
	return s
}

// step takes a node from one step to the next.
func (s *Stage) step(node string, from, to Step) {
	if s.Steps[node] != from {
		return
	}
	if s.Steps == nil {
		s.Steps = map[string]Step{}
	}
	s.Steps[node] = to
}

func (e NodeFilled) apply(r *Rollout) {
	if s := r.at(e.Stage, StageFilling, e.Node); s != nil {
		s.step(e.Node, "", Filled)
	}
}

func (e NodeVerified) apply(r *Rollout) {
	if s := r.at(e.Stage, StageVerifying, e.Node); s != nil && s.Steps[e.Node] == Filled && r.sameDigest(s, e.Node, e.Digest) {
		s.step(e.Node, Filled, Verified)
	}
}

func (e NodeReceived) apply(r *Rollout) {
	if s := r.at(e.Stage, StageFlipped, e.Node); s != nil && actionOf(s.State, s.Steps[e.Node]) == Await {
		s.step(e.Node, s.Steps[e.Node], Received)
	}
}

func (e NodeSeen) apply(r *Rollout) {
	if s := r.at(e.Stage, StageFlipped, e.Node); s != nil && s.Steps[e.Node] == Received && r.sameDigest(s, e.Node, e.Digest) {
		s.step(e.Node, Received, Seen)
	}
}

// sameDigest holds what a node showed against what the canary did, and fails the
// stage where it differs.
func (r *Rollout) sameDigest(s *Stage, node, digest string) bool {
	if r.Digest == "" {
		r.Digest = digest
	}
	if r.Digest == digest {
		return true
	}
	r.fail(s, node, Check{Name: "digest", Detail: "shows other bytes than the node that went first"})
	return false
}

func (e Late) apply(r *Rollout) {
	if r.State != Running || r.Stage != e.Stage {
		return
	}
	s := r.stage()
	if s == nil || actionOf(s.State, s.Steps[e.Node]) == "" || !slices.Contains(s.current(), e.Node) {
		return
	}
	var late []string
	for _, n := range s.current() {
		if a := actionOf(s.State, s.Steps[n]); a != "" {
			late = append(late, fmt.Sprintf("%s to %s", n, doing(a)))
		}
	}
	r.Reason = fmt.Sprintf("stage %s waits for %s; who stays silent is passed by", s.Stage, strings.Join(late, ", "))
}

// doing is what a node is waited for to do, as an operator reads it.
func doing(a Action) string {
	switch a {
	case Fill:
		return "fetch the new version"
	case Verify:
		return "show it unseen"
	case Await:
		return "receive the change"
	case Read:
		return "show it to a reader"
	}
	return string(a)
}

func (e NodeFailed) apply(r *Rollout) {
	for _, state := range []StageState{StageFilling, StageVerifying, StageFlipped} {
		if s := r.at(e.Stage, state, e.Node); s != nil && s.Steps[e.Node] != Passed && s.Steps[e.Node] != Seen {
			r.fail(s, e.Node, e.Check)
			return
		}
	}
}

// fail ends a stage badly.
func (r *Rollout) fail(s *Stage, node string, c Check) {
	c.Result = CheckFailed
	c.Detail = node + ": " + c.Detail
	s.Checks = append(s.Checks, c)
	s.State = StageFailed
	reason := fmt.Sprintf("stage %s, check %s: %s", s.Stage, c.Name, c.Detail)
	if r.Plan.Pause {
		r.State, r.Reason = Paused, reason
		return
	}
	r.undo(Halted, reason)
}

// undo takes everything back.
func (r *Rollout) undo(state State, reason string) {
	r.State, r.Reason = state, reason
	u := &Undo{Nodes: []string{}}
	for i := range r.Stages {
		s := &r.Stages[i]
		if len(s.Flipped) > 0 {
			u.Nodes = append(u.Nodes, s.Flipped...)
			s.Flipped, s.State = nil, StageUndone
		}
	}
	r.Undo = u
}

func (e NodeFenced) apply(r *Rollout) {
	if r.Undo != nil {
		restored(r, e.Node)
		return
	}
	if r.State != Running {
		return
	}
	s := r.stage()
	if s == nil || !slices.Contains(s.current(), e.Node) || s.Steps[e.Node] == Passed || s.Steps[e.Node] == Seen {
		return
	}
	if s.Stage == Edge && s.State != StageFlipped {
		r.replaceCanary(s, e.Node)
		return
	}
	if s.State != StageFilling && s.State != StageVerifying && s.State != StageFlipped {
		return
	}
	if s.Steps == nil {
		s.Steps = map[string]Step{}
	}
	s.Steps[e.Node] = Passed
}

// replaceCanary has another node go first: a canary that says nothing has proven
// nothing. The next of its region takes its place.
func (r *Rollout) replaceCanary(s *Stage, node string) {
	if s.State != StageFilling && s.State != StageVerifying {
		return
	}
	regional := &r.Stages[1]
	for w, wave := range regional.Waves {
		for i, other := range wave {
			if regional.Steps[other] == Passed {
				continue
			}
			regional.Waves[w][i] = node
			if regional.Steps == nil {
				regional.Steps = map[string]Step{}
			}
			regional.Steps[node] = Passed
			s.Waves, s.Steps, s.State, r.Reason = [][]string{{other}}, nil, StageFilling, ""
			return
		}
	}
	r.fail(s, node, Check{Name: "reachable", Detail: "cannot be reached, and no other of its region can go first"})
}

func (e Soaked) apply(r *Rollout) {
	if s := r.stage(); r.State == Running && r.Stage == e.Stage && s.State == StageSoaking && s.Wave == e.Wave {
		s.Wave++
		s.State = StageFilling
	}
}

func (e NodeRestored) apply(r *Rollout) { restored(r, e.Node) }

func restored(r *Rollout, node string) {
	if r.Undo != nil && slices.Contains(r.Undo.Nodes, node) && !slices.Contains(r.Undo.Confirmed, node) {
		r.Undo.Confirmed = append(r.Undo.Confirmed, node)
		slices.Sort(r.Undo.Confirmed)
	}
}

func (e Abort) apply(r *Rollout) {
	switch r.State {
	case Waiting, Running, Paused:
		r.undo(Aborted, "aborted"+by(e.By))
	}
}

func (e Promote) apply(r *Rollout) {
	if r.State != Paused {
		return
	}
	s := r.stage()
	r.State, r.Reason = Running, ""
	if len(s.Flipped) == 0 || !slices.ContainsFunc(s.current(), func(n string) bool { return slices.Contains(s.Flipped, n) }) {
		s.State = StageFilling
		for _, n := range s.current() {
			delete(s.Steps, n)
		}
		return
	}
	// It is shown already: what is tried again is how readers see it.
	s.State = StageFlipped
	for _, n := range s.current() {
		if s.Steps[n] != Passed {
			s.Steps[n] = Verified
		}
	}
}

func (e Rollback) apply(r *Rollout) {
	if r.State != Done || r.Plan.Adopt {
		return
	}
	r.undo(Halted, "rolled back"+by(e.By))
}

func (e Overtaken) apply(r *Rollout) {
	if r.State != Waiting {
		return
	}
	var kept, lost []Version
	for _, v := range r.Documents {
		if slices.Contains(e.Documents, v.ID) {
			v.Rollout = e.By
			lost = append(lost, v)
		} else {
			kept = append(kept, v)
		}
	}
	switch {
	case len(lost) == 0:
	case len(kept) == 0:
		r.State, r.Reason = Superseded, "superseded by "+e.By
	default:
		r.Documents, r.Overtaken = kept, slices.Concat(r.Overtaken, lost)
	}
}

func by(name string) string {
	if name == "" {
		return ""
	}
	return " by " + name
}

// advance goes on as far as r can by itself.
func (r *Rollout) advance() {
	for r.State == Running && r.advanceStage() {
		r.Reason = "" // whoever was waited for
	}
	if r.State == Halted && r.Undo.complete() {
		r.State = Undone
	}
}

// advanceStage takes the stage that is under way one state further, and reports
// whether it did.
func (r *Rollout) advanceStage() bool {
	s := r.stage()
	if s == nil {
		return false
	}
	all := func(step Step) bool {
		return !slices.ContainsFunc(s.current(), func(n string) bool { return s.Steps[n] != step && s.Steps[n] != Passed })
	}
	switch s.State {
	case StageFilling:
		if s.Wave >= len(s.Waves) {
			s.State = StageDone
			return true
		}
		if !all(Filled) {
			return false
		}
		s.pass("fill")
		s.State = StageVerifying
	case StageVerifying:
		if !all(Verified) {
			return false
		}
		s.pass("preview")
		s.State = StageFlipped
		s.Flipped = append(s.Flipped, s.current()...)
		for _, n := range s.current() { // who was passed by may be back by now
			if s.Steps[n] == Passed {
				delete(s.Steps, n)
			}
		}
	case StageFlipped:
		if !all(Seen) {
			return false
		}
		s.pass("receipts")
		s.pass("readers")
		s.State = StageSoaking
		return r.Plan.Soak > 0 || r.soaked(s)
	case StageDone:
		i := slices.IndexFunc(r.Stages, func(t Stage) bool { return t.Stage == s.Stage })
		if i+1 == len(r.Stages) {
			r.finish()
			return false
		}
		r.Stage, r.Stages[i+1].State = r.Stages[i+1].Stage, StageFilling
	default:
		return false
	}
	return true
}

func (r *Rollout) soaked(s *Stage) bool {
	Soaked{s.Stage, s.Wave}.apply(r)
	return true
}

// pass notes that the nodes of the current wave have passed a check, but for the
// fenced ones, which are named.
func (s *Stage) pass(name string) {
	passed, fenced := 0, ""
	for _, n := range s.current() {
		if s.Steps[n] == Passed {
			fenced += " " + n
		} else {
			passed++
		}
	}
	c := Check{Name: name, Result: CheckPassed, Detail: fmt.Sprintf("%d of %d nodes", passed, len(s.current()))}
	if fenced != "" {
		c.Detail += "; fenced:" + fenced
		if passed == 0 {
			c.Result = Inconclusive
		}
	}
	for i, old := range s.Checks {
		if old.Name == name && old.Result != CheckFailed && s.Wave == 0 {
			s.Checks[i] = c
			return
		}
	}
	s.Checks = append(s.Checks, c)
}
