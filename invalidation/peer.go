package invalidation

import (
	"fmt"

	"github.com/letteros/letteredge/gossip"
)

// Peer names one node that a purge has to reach.
type Peer = gossip.Peer

// Member is a node as this one knows it now.
type Member struct {
	Peer
	Presence Presence
}

// Presence is what the membership says of a node.
type Presence uint8

// The presences. A node that is not among the members at all counts as Dead.
const (
	Alive Presence = iota
	Dead           // it does not answer
	Left           // it said that it goes, and that was its last answer
)

// String returns "alive", "dead" or "left".
func (p Presence) String() string {
	switch p {
	case Alive:
		return "alive"
	case Dead:
		return "dead"
	case Left:
		return "left"
	}
	return fmt.Sprintf("presence(%d)", uint8(p))
}
