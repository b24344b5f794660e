package invalidation

import (
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/gossip"
)

// Receipt is a node's answer to a purge that it applied.
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
	ID     string `json:"id"`
	Region string `json:"region"`
	State  string `json:"state"` // applied, pending, unreachable, fenced, left
	// AppliedAfterMS is Applied.AfterMS; nil until the node has said it, and for a
	// receipt whose details are no longer told.
	AppliedAfterMS *float64 `json:"applied_after_ms"`
	// ReceiptAfterMS is the wall clock of the node that answers, the acceptor or
	// another, when it got the receipt, minus the acceptor's at acceptance. For
	// its own receipt it is AppliedAfterMS.
	ReceiptAfterMS *float64 `json:"receipt_after_ms"`
	Entries        *int     `json:"entries"` // nil until counted
	// Signature is the node's over the report that holds its receipt, in base64;
	// "" until there is one.
	Signature string `json:"signature,omitempty"`
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
	Entries *int   `json:"entries"` // nil for a node that could not be asked
}

// The states of a node's part.
const (
	stateApplied     = "applied"
	stateUnreachable = "unreachable"
	stateFenced      = "fenced"
	stateLeft        = "left"
)

// The states of a purge, of its part in a region, and the first of a node's.
const (
	statePending  = "pending"
	statePartial  = "partial"
	stateComplete = "complete"
)
