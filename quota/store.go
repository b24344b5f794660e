package quota

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

// Store keeps definitions across restarts. A Registry calls it from one
// goroutine at a time.
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
	// Revision grows with every change of any quota; no two live definitions
	// share one.
	Revision uint64 `json:"revision"`
}

// ETag is the strong validator of the definition (RFC 9110 §8.8.1). It holds
// the content beside the revision: a revision may come again after its quota was
// deleted and the process started anew, or a store was put back.
func (v Versioned) ETag() string {
	sum := sha256.Sum256(fmt.Append(nil, v.Quota))
	return `"` + strconv.FormatUint(v.Revision, 10) + "-" + hex.EncodeToString(sum[:8]) + `"`
}

// Bound is a definition and since when this node decides by it.
type Bound struct {
	Versioned
	// EffectiveAt is the reading of the gate's clock at which it took effect: in
	// this process, so the time of its start for what was loaded then. It is part of the answer to a
	// change; a plain GET shows Quota alone, whose bytes ETag speaks for.
	EffectiveAt time.Time
}
