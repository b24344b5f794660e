package edge

import "github.com/letteros/letteredge/cachekey"

// Targets says what this node should show of managed documents.
type Targets interface {
	// Snapshot returns the targets of this moment, immutable. A request reads one
	// and uses it for everything it looks up, combines and stores, so that no
	// answer mixes what was before a flip with what came after. HOT.
	Snapshot() Snapshot
}

// Snapshot is all targets of one moment.
type Snapshot interface {
	// Vector names the slot that a request for the key must be answered from:
	// the version of each managed document it is rendered from, in the text form
	// of Docs-Version, or "" if none of them is managed. HOT: it must not
	// allocate, and the key is a view.
	Vector(key cachekey.Key) string
}

// Unmanaged is the Targets of a node without document records: all is ordinary
// caching.
type Unmanaged struct{}

// Snapshot returns Unmanaged itself.
func (Unmanaged) Snapshot() Snapshot { return Unmanaged{} }

// Vector returns "".
func (Unmanaged) Vector(cachekey.Key) string { return "" }
