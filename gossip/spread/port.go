package spread

import "github.com/letteros/letteredge/gossip"

// Transport carries messages, as well as it can: it neither blocks nor says what
// became of them.
type Transport interface {
	// Send sends a message of at most MaxMessage bytes to a node.
	Send(to string, message []byte)
	// Broadcast sends a message to some nodes of the pools. Messages above
	// MaxBroadcast are not broadcast.
	Broadcast(message []byte)
}

// Sizes of messages, in bytes.
const (
	MaxMessage   = 2 << 20
	MaxBroadcast = 1300
)

// Log keeps the envelopes of purges over a restart. It is bounded: the oldest
// leave first.
type Log interface {
	// Append returns once the envelope is on stable storage. One whose dot is kept
	// already changes nothing.
	Append(dot gossip.Dot, envelope []byte) error
	// Skip notes that everything of a source up to seq is applied or without
	// effect here, though it is not kept.
	Skip(source gossip.Source, seq uint64) error
	// Replay yields what is kept in the order appended, after the vector of what
	// is not kept any more.
	Replay(skipped func(gossip.Vector), yield func(dot gossip.Dot, envelope []byte) error) error
}

// Applier carries out what arrives.
type Applier interface {
	// Deliver makes a purge durable and carries it out. One that is known changes
	// nothing. ErrUnusable means that no repetition mends it.
	Deliver(dot gossip.Dot, payload []byte) error
	// Observe is told of a new report of another node, and of this node's own.
	Observe(Report)
	// Clamp empties the cache: purges have been missed that nobody keeps any
	// more.
	Clamp(reason string)
}

// Feed is the records of the control log, as bytes. A voter's feed is its log's;
// another node's takes what voters tell.
type Feed interface {
	// Index is up to where the records are complete.
	Index() uint64
	// Since returns what has changed after index, in at most limit bytes, and up to
	// which index that is complete.
	Since(index uint64, limit int) (data []byte, complete uint64)
	// Merge takes in what a voter's Since returned.
	Merge(data []byte) error
}
