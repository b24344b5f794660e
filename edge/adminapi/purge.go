package adminapi

import (
	"fmt"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/invalidation"
)

// PurgeRequest asks for a purge: the body of POST /v1/purges.
type PurgeRequest struct {
	Select cachekey.Selector `json:"select"`
	Mode   invalidation.Mode `json:"mode,omitempty"`
	// DryRun only counts what a purge would hit.
	DryRun bool `json:"dry_run,omitempty"`
	// Force overrides a rollout that holds what is selected.
	Force bool `json:"force,omitempty"`
}

// Wait is how far a purge must have come before it is answered.
type Wait string

// The ways to wait.
const (
	WaitNone   Wait = "none"   // until it is durable where it was accepted
	WaitRegion Wait = "region" // until the acceptor's region has applied it
	WaitAll    Wait = "all"    // until every region has
)

// ParseWait reads a Wait; "" is none.
func ParseWait(text string) (Wait, error) {
	switch w := Wait(text); w {
	case "":
		return WaitNone, nil
	case WaitNone, WaitRegion, WaitAll:
		return w, nil
	}
	return "", fmt.Errorf("must be none, region or all, not %.40q", text)
}

// Scope returns the engine's word for it.
func (w Wait) Scope() invalidation.Scope {
	switch w {
	case WaitRegion:
		return invalidation.ScopeRegion
	case WaitAll:
		return invalidation.ScopeAll
	}
	return invalidation.ScopeNone
}

// The bounds of a purge's timeout.
const (
	DefaultTimeout = invalidation.DefaultTimeout
	MaxTimeout     = invalidation.MaxTimeout
)

// PurgeAccepted answers a purge that nobody waits for.
type PurgeAccepted struct {
	Purge string `json:"purge"` // its id
}

// Purge is one purge and what has become of it.
type Purge struct {
	Purge      string            `json:"purge"`
	State      string            `json:"state"` // pending, partial, complete
	Select     cachekey.Selector `json:"select"`
	Mode       invalidation.Mode `json:"mode"`
	AcceptedAt time.Time         `json:"accepted_at"`
	By         string            `json:"by,omitempty"` // the token that asked
	Nodes      []PurgeNode       `json:"nodes"`
	Regions    []PurgeRegion     `json:"regions"`
}

// PurgeNode is one node's part in a purge.
type PurgeNode struct {
	ID     string `json:"id"`
	Region string `json:"region"`
	State  string `json:"state"` // applied, pending, unreachable, fenced, left
	// AppliedAfterMS is the node's wall clock at application minus the
	// acceptor's at acceptance, in milliseconds; null until the node has said it.
	AppliedAfterMS *float64 `json:"applied_after_ms" jsonschema:"oneof_type=number;null"`
	// ReceiptAfterMS is the wall clock of the node that answers when it got the
	// receipt, minus the acceptor's at acceptance; null without one.
	ReceiptAfterMS *float64 `json:"receipt_after_ms" jsonschema:"oneof_type=number;null"`
	// Entries is how many stored answers were hit; null until counted.
	Entries *int `json:"entries" jsonschema:"oneof_type=integer;null"`
	// Signature is the node's, in base64, over the report that holds its receipt.
	Signature string `json:"signature,omitempty"`
}

// PurgeRegion is one region's part in a purge.
type PurgeRegion struct {
	Region string `json:"region"`
	State  string `json:"state"`
}

// PurgeOf returns the engine's view of a purge as the API shows it.
func PurgeOf(v invalidation.View) Purge {
	p := Purge{
		Purge: v.Purge, State: v.State, Select: v.Select, Mode: v.Mode, AcceptedAt: v.AcceptedAt, By: v.By,
		Nodes: make([]PurgeNode, 0, len(v.Nodes)), Regions: make([]PurgeRegion, 0, len(v.Regions)),
	}
	for _, n := range v.Nodes {
		p.Nodes = append(p.Nodes, PurgeNode(n))
	}
	for _, r := range v.Regions {
		p.Regions = append(p.Regions, PurgeRegion(r))
	}
	return p
}

// DryRun is what a purge would hit.
type DryRun struct {
	DryRun  bool         `json:"dry_run"`
	Entries int          `json:"entries"` // of all nodes that could be asked
	Nodes   []DryRunNode `json:"nodes"`
	// Unreachable names the nodes that could not be asked, so that Entries is
	// short of theirs.
	Unreachable []string `json:"unreachable,omitempty"`
}

// DryRunNode is one node's part in a DryRun.
type DryRunNode struct {
	ID      string `json:"id"`
	Entries *int   `json:"entries" jsonschema:"oneof_type=integer;null"` // null if it could not be asked
}

// DryRunOf sums up what each node counted.
func DryRunOf(counts []invalidation.NodeCount) DryRun {
	d := DryRun{DryRun: true, Nodes: make([]DryRunNode, 0, len(counts))}
	for _, n := range counts {
		d.Nodes = append(d.Nodes, DryRunNode(n))
		if n.Entries == nil {
			d.Unreachable = append(d.Unreachable, n.ID)
			continue
		}
		d.Entries += *n.Entries
	}
	return d
}
