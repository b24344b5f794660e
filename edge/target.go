package edge

import (
	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// Targets says what this node should show of managed documents.
type Targets interface {
	// Snapshot returns the targets of this moment, immutable. A request reads one
	// and uses it for everything it looks up, combines and stores, so that no
	// answer mixes what was before a flip with what came after. HOT.
	Snapshot() Snapshot
}

// Snapshot is all targets of one moment.
type Snapshot interface {
	// Target names the slot that a request for the key must be answered from: the
	// version of each managed document it is rendered from, in the text form of
	// Docs-Version and in order of id. A Summary's is the union of its parts'. The
	// vector is "" but for AtTarget. HOT: it must not allocate; the key is a view,
	// the vector must not be one.
	Target(key cachekey.Key) (vector string, m rollout.Managed)
	// Version returns the version that is to be shown of a document; false if it
	// is not managed.
	Version(document string) (int64, bool)
	// Unpushed reports whether a version of a document is an edit that nobody has
	// pushed yet: above all that ever were, while no rollout is open.
	Unpushed(document string, version int64) bool
}

// Unmanaged is the Targets of a node without document records: all is ordinary
// caching.
type Unmanaged struct{}

// Snapshot returns Unmanaged itself.
func (Unmanaged) Snapshot() Snapshot { return Unmanaged{} }

// Target returns rollout.Unmanaged.
func (Unmanaged) Target(cachekey.Key) (string, rollout.Managed) { return "", rollout.Unmanaged }

// Version returns false.
func (Unmanaged) Version(string) (int64, bool) { return 0, false }

// Unpushed returns false.
func (Unmanaged) Unpushed(string, int64) bool { return false }

// aim reads from the exchange's snapshot what the request is to be shown. HOT.
func (x *Exchange) aim() {
	if x.key.IsArtifact() {
		x.vector, x.managed = x.targets.Target(x.key)
	}
}
