package quota

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

// Versioned is a definition as the control log has it.
type Versioned struct {
	Quota Quota
	// Revision is the index of the record that holds it: it grows with every
	// change of any quota, and no two live definitions share one.
	Revision uint64
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
