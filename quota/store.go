package quota

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

// Store keeps the definitions of a node without a control log across restarts.
// It is called from one goroutine at a time.
type Store interface {
	// Load returns all definitions, in any order.
	Load() ([]Versioned, error)
	// Put adds or replaces the definition of v.Quota.Segment. It returns after
	// the change is on stable storage (fsync), or an error.
	Put(v Versioned) error
	// Delete removes the definition of a segment, with the same promise. That
	// there is none is no error.
	Delete(segment string) error
}

// Versioned is a stored definition.
type Versioned struct {
	Quota Quota `json:"quota"`
	// Revision is the index of the record that holds it: it grows with every
	// change of any quota, and no two live definitions share one.
	Revision uint64 `json:"revision"`
}

// ETag is the strong validator of the definition (RFC 9110 §8.8.1). It holds
// the content beside the revision, which is the index of its record: an index may
// come again where a cluster was made anew, or put back.
func (v Versioned) ETag() string {
	sum := sha256.Sum256(fmt.Append(nil, v.Quota))
	return `"` + strconv.FormatUint(v.Revision, 10) + "-" + hex.EncodeToString(sum[:8]) + `"`
}

// tag is the entity tag, "" if the quota does not exist.
func (v Versioned) tag(exists bool) string {
	if !exists {
		return ""
	}
	return v.ETag()
}

// Bound is a definition and since when it binds.
type Bound struct {
	Versioned
	// EffectiveAt is, in the answer to a change, what Registry.Put says of it; else
	// the reading of the gate's clock at which this process took the definition
	// over. A plain GET shows Quota alone, whose bytes ETag speaks for.
	EffectiveAt time.Time
}
