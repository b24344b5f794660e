package rollout

import (
	"maps"
	"slices"
	"time"
)

// State is how a rollout stands.
type State string

// The states of a rollout.
const (
	// Waiting: the origin does not show the candidate yet, or another rollout of
	// the same artifacts comes first. Nothing is touched.
	Waiting State = "waiting"
	Running State = "running"
	// Paused: a check failed, and the plan says that people decide.
	Paused State = "paused"
	Done   State = "done"
	// Halted: a check failed, or a done rollout is rolled back; the nodes flip
	// back. It ends as Undone.
	Halted State = "halted"
	Undone State = "undone"
	// Aborted: somebody stopped it; what had been flipped flips back.
	Aborted State = "aborted"
	// Superseded: later ones bring all its documents.
	Superseded State = "superseded"
)

// StageName names a stage.
type StageName string

// The stages, in their order.
const (
	Edge     StageName = "edge"     // one node, the canary
	Regional StageName = "regional" // the rest of its region
	Global   StageName = "global"   // the other regions
)

// StageState is how a stage stands.
type StageState string

// The states of a stage.
const (
	StagePending   StageState = "pending"
	StageFilling   StageState = "filling"   // the candidate is put in its slots
	StageVerifying StageState = "verifying" // and looked at unseen
	StageFlipped   StageState = "flipped"   // it is shown; receipts and readers' eyes are awaited
	StageSoaking   StageState = "soaking"   // it is watched
	StageDone      StageState = "done"
	StageFailed    StageState = "failed"
	StageUndone    StageState = "undone" // it was shown, and has been taken back
)

// Step is how far a node has come in its stage.
type Step string

// The steps of a node, in their order; a node that has taken none has no entry.
const (
	Filled   Step = "filled"
	Verified Step = "verified"
	Received Step = "received" // its report covers the flip
	Seen     Step = "seen"     // a reader sees the candidate there
	// Passed: the node is fenced. Whatever it has not done counts as done, and it
	// is named; it gets its target when it comes back. Once its stage is flipped it
	// is looked at anew: it may have come back before, and show its former target
	// with good reason.
	Passed Step = "fenced"
)

// Result is what a check said.
type Result string

// The results of checks.
const (
	CheckPassed  Result = "passed"
	CheckFailed  Result = "failed"
	Inconclusive Result = "inconclusive"
)

// Check is one question that a stage had to answer.
type Check struct {
	Name   string `json:"name"`
	Result Result `json:"result"`
	Detail string `json:"detail,omitempty"`
}

// Stage is one stage of a rollout.
type Stage struct {
	Stage StageName  `json:"stage"`
	State StageState `json:"state"`
	// Waves are the nodes of the stage, those that go together together. Wave
	// counts the waves that are through.
	Waves [][]string `json:"waves"`
	Wave  int        `json:"wave"`
	// Flipped are the nodes that are to show the candidate.
	Flipped []string        `json:"flipped,omitempty"`
	Steps   map[string]Step `json:"steps,omitempty"`
	Checks  []Check         `json:"checks,omitempty"`
}

// Nodes are all nodes of the stage.
func (s Stage) Nodes() []string { return slices.Concat(s.Waves...) }

// current are the nodes of the wave that is under way.
func (s *Stage) current() []string {
	if s.Wave < len(s.Waves) {
		return s.Waves[s.Wave]
	}
	return nil
}

// Undo is the way back: the nodes that are to show what was released before, and
// those of them that have said so.
type Undo struct {
	Nodes     []string `json:"nodes"`
	Confirmed []string `json:"confirmed,omitempty"`
}

func (u *Undo) complete() bool {
	return u == nil || !slices.ContainsFunc(u.Nodes, func(n string) bool { return !slices.Contains(u.Confirmed, n) })
}

// Rollout is the record of a docs update on its way: `rollout/<id>` of the
// control log. All that a leader has to know to go on is in it.
type Rollout struct {
	ID     string    `json:"rollout"`
	State  State     `json:"state"`
	Stage  StageName `json:"stage"`
	Reason string    `json:"reason,omitempty"`
	Stages []Stage   `json:"stages"`

	Documents []Version `json:"documents"`
	Artifacts []string  `json:"artifacts,omitempty"` // that the update named itself
	// Overtaken are documents that it was to bring while it waited, and that the
	// rollouts named in them bring instead.
	Overtaken []Version `json:"overtaken,omitempty"`
	// Before and After are the artifacts that it touches, as they are released and
	// as the origin's index has them: nil until the origin shows the candidate.
	Before Index `json:"before,omitempty"`
	After  Index `json:"after,omitempty"`

	Plan    Plan      `json:"plan"`
	Created time.Time `json:"created"`
	By      string    `json:"by,omitempty"` // the token that asked
	// Term is that of the leader who wrote last: an older one can write no more.
	Term uint64 `json:"term,omitempty"`
	// Digest is of all that the canary showed: every node must show the same.
	Digest string `json:"digest,omitempty"`
	Undo   *Undo  `json:"undo,omitempty"`
}

// Final reports whether nothing more happens to r by itself. A done one can be
// rolled back.
func (r Rollout) Final() bool {
	switch r.State {
	case Done, Undone, Superseded:
		return true
	case Aborted:
		return r.Undo.complete()
	}
	return false
}

// Started reports whether r has, or had, taken hold of its documents.
func (r Rollout) Started() bool { return len(r.Stages) > 0 }

// FlippedOn reports whether a node is to show the candidate.
func (r Rollout) FlippedOn(node string) bool {
	return slices.ContainsFunc(r.Stages, func(s Stage) bool { return slices.Contains(s.Flipped, node) })
}

// Flips are the nodes that are to show the candidate, by stage.
func (r Rollout) Flips() map[StageName][]string {
	flips := map[StageName][]string{}
	for _, s := range r.Stages {
		if len(s.Flipped) > 0 {
			flips[s.Stage] = slices.Clone(s.Flipped)
		}
	}
	return flips
}

// Has reports whether r brings a document.
func (r Rollout) Has(id string) bool {
	return slices.ContainsFunc(r.Documents, func(v Version) bool { return v.ID == id })
}

// Meets reports whether two rollouts touch the same document or artifact.
func (r Rollout) Meets(o Rollout) bool {
	if slices.ContainsFunc(r.Documents, func(v Version) bool { return o.Has(v.ID) }) {
		return true
	}
	for _, ix := range []Index{r.Before, r.After} {
		for path := range ix {
			_, before := o.Before[path]
			_, after := o.After[path]
			if before || after {
				return true
			}
		}
	}
	return false
}

// Holds reports whether r is under way, and has what o touches in its hands.
func (r Rollout) Holds(o Rollout) bool {
	return r.ID != o.ID && r.Started() && !r.Final() && r.Meets(o)
}

// stage returns the stage that is under way.
func (r *Rollout) stage() *Stage {
	for i := range r.Stages {
		if r.Stages[i].Stage == r.Stage {
			return &r.Stages[i]
		}
	}
	return nil
}

// clone copies r as deep as the machine changes it.
func (r Rollout) clone() Rollout {
	r.Stages = slices.Clone(r.Stages)
	for i := range r.Stages {
		s := &r.Stages[i]
		s.Waves = slices.Clone(s.Waves)
		for w := range s.Waves {
			s.Waves[w] = slices.Clone(s.Waves[w])
		}
		s.Flipped, s.Checks, s.Steps = slices.Clone(s.Flipped), slices.Clone(s.Checks), maps.Clone(s.Steps)
	}
	if r.Undo != nil {
		u := Undo{slices.Clone(r.Undo.Nodes), slices.Clone(r.Undo.Confirmed)}
		r.Undo = &u
	}
	return r
}
