package rollout

import (
	"slices"
	"time"
)

// Action is what is to be done.
type Action string

// The actions.
const (
	// Look whether the origin shows the candidate, and nothing is in the way:
	// Shown or Hidden. To be done again and again.
	Look Action = "look"
	// Fill the candidate's slots on a node: NodeFilled or NodeFailed.
	Fill Action = "fill"
	// Verify unseen what a node shows: NodeVerified or NodeFailed.
	Verify Action = "verify"
	// Await a node's report that covers the rollout's last flip: NodeReceived.
	Await Action = "await"
	// Read as a reader what a node shows: NodeSeen or NodeFailed.
	Read Action = "read"
	// Soak for the time given: Soaked.
	Soak Action = "soak"
	// Confirm that a node's report covers the undo: NodeRestored.
	Confirm Action = "confirm"
)

// Effect is one thing to do outside. Two that are equal are the same: doing it
// twice does no harm.
type Effect struct {
	Action Action
	Stage  StageName
	Node   string
	Wave   int           // of Soak
	For    time.Duration // of Soak
}

// Effects returns all that is to be done for a rollout as it stands.
func Effects(r Rollout) []Effect {
	switch {
	case r.State == Waiting:
		return []Effect{{Action: Look}}
	case r.Undo != nil && !r.Undo.complete():
		var list []Effect
		for _, n := range r.Undo.Nodes {
			if !slices.Contains(r.Undo.Confirmed, n) {
				list = append(list, Effect{Action: Confirm, Node: n})
			}
		}
		return list
	case r.State != Running:
		return nil
	}
	s := r.stage()
	if s == nil {
		return nil
	}
	if s.State == StageSoaking {
		return []Effect{{Action: Soak, Stage: s.Stage, Wave: s.Wave, For: r.Plan.Soak}}
	}
	var list []Effect
	for _, n := range s.current() {
		if a := actionOf(s.State, s.Steps[n]); a != "" {
			list = append(list, Effect{Action: a, Stage: s.Stage, Node: n})
		}
	}
	return list
}

// actionOf is what a node that has come that far is to do in a stage.
func actionOf(state StageState, step Step) Action {
	switch {
	case state == StageFilling && step == "":
		return Fill
	case state == StageVerifying && step == Filled:
		return Verify
	case state == StageFlipped && (step == Verified || step == ""): // "": it was fenced before
		return Await
	case state == StageFlipped && step == Received:
		return Read
	}
	return ""
}
