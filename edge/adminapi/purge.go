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

// The bounds of a purge's timeout.
const (
	DefaultTimeout = 2 * time.Second
	MaxTimeout     = 30 * time.Second
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
	// acceptor's at acceptance, in milliseconds.
	AppliedAfterMS float64 `json:"applied_after_ms"`
	// Entries is how many stored answers were hit; null until counted.
	Entries *int `json:"entries" jsonschema:"oneof_type=integer;null"`
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
	Entries int          `json:"entries"`
	Nodes   []DryRunNode `json:"nodes"`
}

// DryRunNode is one node's part in a DryRun.
type DryRunNode struct {
	ID      string `json:"id"`
	Entries int    `json:"entries"`
}

// DryRunOf returns the engine's estimate as the API shows it.
func DryRunOf(e invalidation.Estimate) DryRun {
	d := DryRun{DryRun: true, Entries: e.Entries, Nodes: make([]DryRunNode, 0, len(e.Nodes))}
	for _, n := range e.Nodes {
		d.Nodes = append(d.Nodes, DryRunNode(n))
	}
	return d
}
