package invalidation

import (
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/gossip"
)

// Receipt is this node's answer to a purge it accepted and applied.
type Receipt struct {
	Dot            gossip.Dot // its text is the purge's id
	Node           string
	AppliedAfterMS float64 // Applied.AfterMS
	Entries        *int    // nil until the background count is done
}

// View is the object of GET /v1/purges/{id}.
type View struct {
	Purge      string            `json:"purge"`
	State      string            `json:"state"`
	Select     cachekey.Selector `json:"select"`
	Mode       Mode              `json:"mode"`
	AcceptedAt time.Time         `json:"accepted_at"`
	By         string            `json:"by,omitempty"`
	Nodes      []NodeView        `json:"nodes"`
	Regions    []RegionView      `json:"regions"`
}

// NodeView is one node's part in a View.
type NodeView struct {
	ID             string  `json:"id"`
	Region         string  `json:"region"`
	State          string  `json:"state"`
	AppliedAfterMS float64 `json:"applied_after_ms"`
	Entries        *int    `json:"entries"`
}

// RegionView is one region's part in a View.
type RegionView struct {
	Region string `json:"region"`
	State  string `json:"state"`
}

// Estimate is the answer to a purge that only asks what it would hit.
type Estimate struct {
	DryRun  bool        `json:"dry_run"`
	Entries int         `json:"entries"`
	Nodes   []NodeCount `json:"nodes"`
}

// NodeCount is one node's part in an Estimate.
type NodeCount struct {
	ID      string `json:"id"`
	Entries int    `json:"entries"`
}

// On one node a purge is known once it has been applied, so there is no other
// state to show.
const (
	stateApplied  = "applied"
	stateComplete = "complete"
)
