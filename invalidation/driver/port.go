package driver

import (
	"context"
	"errors"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// Ledger changes records of the control log: gossip/control's client.
type Ledger interface {
	// Update has compute called, perhaps more than once, with the current records
	// of keys, and carries out the transaction that it returns if they still are
	// what they were; an empty one changes nothing. An error of compute comes back
	// as it is.
	Update(ctx context.Context, keys []string, compute func(map[string]gossip.Record) (gossip.Txn, error)) (gossip.Outcome, error)
}

// Nodes reaches the Workers of all nodes.
type Nodes interface {
	// Do has a node do a job. An error means that it is not known whether it did: it
	// could not be asked, or did not answer.
	Do(ctx context.Context, node string, job Job) (Outcome, error)
}

// Cluster is what a driver has to know of the other nodes. Its methods are called
// often and must not block.
type Cluster interface {
	// Members returns every enrolled node that has not left.
	Members() []rollout.Member
	// Covers reports whether a node has said that it decides by the records up to
	// an index.
	Covers(node string, index uint64) bool
	// Silent reports whether nothing has been heard of a node for so long that
	// nobody waits for it while a stage is prepared, or it has left.
	Silent(node string) bool
	// Fenced reports whether most voters have decided by the records up to an index
	// for so long that a node which does not is isolated, and marks what it shows
	// (SEMANTICS §6), or has left.
	Fenced(node string, index uint64) bool
}

// Origin is where the documents are rendered: edge/origin's client.
type Origin interface {
	// Index lists its artifacts; ErrNoIndex if it has no list.
	Index(ctx context.Context) (map[string]Listed, error)
	// Shows asks for one artifact; pin, if not empty, is a Docs-Pin field.
	Shows(ctx context.Context, path, pin string) (Shown, error)
}

// ErrNoIndex says that an origin does not list its artifacts.
var ErrNoIndex = errors.New("the origin has no index.json")

// Listed is an entry of an origin's index.
type Listed struct {
	Documents map[string]int64 // the version of each that it is rendered from
	Languages []string         // that it can be had in, where the origin says so
}

// Shown is what an origin shows of one artifact: Documents are those of its
// Docs-Version; nil if the status is not 200.
type Shown struct {
	Status    int
	Documents map[string]int64
}

// Filler puts candidates into their slots: edge's core.
type Filler interface {
	// Fill makes sure that the slot which targets name for an artifact is stored
	// on this node, and pinned. An error says why it cannot be.
	Fill(ctx context.Context, key cachekey.Key, targets *rollout.Snapshot) error
}

// Door is this node's public door, as a reader reaches it.
type Door interface {
	// Get asks for a target. preview, if not empty, is an Edge-Preview field.
	Get(ctx context.Context, target, preview string) (Reply, error)
}

// Reply is what a reader gets.
type Reply struct {
	Status   int
	Versions string // the Docs-Version field
	Degraded string // the Edge-Degraded field
	Body     []byte
}
