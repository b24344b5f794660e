package spread

import (
	"encoding/json"
	"fmt"

	"github.com/letteros/letteredge/gossip"
)

// Peer names a node.
type Peer struct {
	ID     string `json:"id"`
	Region string `json:"region"`
}

// Report is a node's statement of what it has. It is a receipt for every purge
// that Applied covers and, asked for, a watermark.
type Report struct {
	From gossip.Member `json:"-"`
	Seq  uint64        `json:"-"` // counts the reports of a process

	Applied gossip.Vector `json:"applied"`
	Index   uint64        `json:"index"` // of the control log: what it names, this node has
	Known   []Peer        `json:"known"` // the enrolled nodes, by the records at Index
	// Ready and Isolated are how the node stands by its own account.
	Ready    bool `json:"ready"`
	Isolated bool `json:"isolated"`
	// Details are of the latest purges that the node has applied.
	Details []Detail `json:"details,omitempty"`
	// Echo holds the probes that the report answers: node to nonce.
	Echo map[string]uint64 `json:"echo,omitempty"`

	Signature []byte `json:"-"`
}

// Detail is what a receipt says beside that it is one.
type Detail struct {
	Dot     gossip.Dot `json:"dot"`
	AfterMS float64    `json:"after_ms"`
	Entries *int       `json:"entries"`
}

// Limits of a report that comes from outside.
const (
	maxDetails = 256
	maxKnown   = 4096
)

// readReport reads the payload of an opened envelope.
func readReport(e *gossip.Envelope) (*Report, error) {
	r := &Report{From: e.From, Seq: e.Seq, Signature: e.Signature}
	if err := json.Unmarshal(e.Payload, r); err != nil {
		return nil, fmt.Errorf("report of %s: %w", e.From.Node, err)
	}
	if len(r.Details) > maxDetails || len(r.Known) > maxKnown || len(r.Echo) > maxKnown {
		return nil, fmt.Errorf("report of %s: is too long", e.From.Node)
	}
	if r.Applied == nil {
		r.Applied = gossip.Vector{}
	}
	return r, nil
}
