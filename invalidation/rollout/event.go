package rollout

// Event is something that happened to a rollout. An event that does not fit its
// state, or that has happened before, changes nothing: whoever carries effects
// out may do so twice, and events may come late.
type Event interface{ apply(*Rollout) }

// Member is a node as a rollout sees it when it begins.
type Member struct {
	ID, Region string
	// Alive: it can be the canary.
	Alive bool
}

// Hidden: the rollout cannot begin yet, and why.
type Hidden struct{ Reason string }

// Shown: the origin shows the candidate, and no other rollout is in the way.
// Before and After are as Delta returns them.
type Shown struct {
	// Documents are what the origin was looked at for: if that is not what the rollout
	// brings by now, it is looked again. Nil is whatever it brings.
	Documents     []Version
	Members       []Member
	Before, After Index
}

// NodeFilled: a node has the candidate in its slots.
type NodeFilled struct {
	Stage StageName
	Node  string
}

// NodeVerified: a node shows the candidate, unseen, as it should be.
type NodeVerified struct {
	Stage  StageName
	Node   string
	Digest string // of all that it showed
}

// NodeReceived: a node's report covers the flip.
type NodeReceived struct {
	Stage StageName
	Node  string
}

// NodeSeen: a reader sees the candidate on a node.
type NodeSeen struct {
	Stage  StageName
	Node   string
	Digest string
}

// NodeFailed: a check failed on a node.
type NodeFailed struct {
	Stage StageName
	Node  string
	Check Check
}

// NodeFenced: a node has been silent for so long that it shows nothing that it
// might not, unmarked.
type NodeFenced struct{ Node string }

// Late: a node of the wave under way has taken long, and its stage waits for it. That
// changes nothing but what is told.
type Late struct {
	Stage StageName
	Node  string
}

// Soaked: a wave of a stage has been watched for as long as the plan says.
type Soaked struct {
	Stage StageName
	Wave  int
}

// NodeRestored: a node's report covers the undo.
type NodeRestored struct{ Node string }

// Abort: somebody stops the rollout.
type Abort struct{ By string }

// Promote: somebody has a paused rollout go on: its stage is tried again.
type Promote struct{ By string }

// Rollback: somebody has a done rollout undone. Whoever sends it has made sure
// that what it released is what is shown still.
type Rollback struct{ By string }

// Overtaken: a later rollout brings some documents of one that waits, in the same
// versions or in higher ones. One that is left without any is superseded.
type Overtaken struct {
	Documents []string
	By        string
}
