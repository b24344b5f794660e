package spread

import (
	"fmt"

	"github.com/letteros/letteredge/gossip"
)

// Peer names a node.
type Peer = gossip.Peer

// Report is a node's statement of what it has. It is a receipt for every purge
// that Applied covers and, asked for, a watermark.
type Report struct {
	From gossip.Member
	Seq  uint64 // counts the reports of a process

	Applied gossip.Vector
	Index   uint64 // of the control log: what it names, this node has
	Known   []Peer // the enrolled nodes, by the records at Index; not to be changed
	// Ready and Isolated are how the node stands by its own account.
	Ready    bool
	Isolated bool
	// Details are of the latest purges that the node has applied.
	Details []Detail
	// Echo holds the probes that the report answers: node to nonce.
	Echo map[string]uint64

	Signature []byte

	names []byte // Known as it came
}

// Detail is what a receipt says beside that it is one.
type Detail struct {
	Dot     gossip.Dot
	AfterMS float64
	Entries *int // nil until they are counted
}

// Limits of a report that comes from outside.
const (
	maxDetails = 256
	maxKnown   = 4096
)

// readReport reads the payload of an opened envelope; former is an earlier report
// of the node, or nil.
func readReport(e *gossip.Envelope, former *Report) (*Report, error) {
	r := &Report{From: e.From, Seq: e.Seq, Signature: e.Signature}
	if err := r.unmarshal(e.Payload, former); err != nil {
		return nil, fmt.Errorf("report of %s: %w", e.From.Node, err)
	}
	return r, nil
}
