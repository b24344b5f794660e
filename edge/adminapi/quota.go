package adminapi

import (
	"time"

	"github.com/letteros/letteredge/quota"
)

// Quota is a segment's limit.
type Quota struct {
	quota.Form
	// EffectiveAt is from when on no node decides by what was before, which may lie
	// ahead: in answers to PUT.
	EffectiveAt *time.Time `json:"effective_at,omitempty"`
}

// QuotaSpec defines a quota: the body of PUT /v1/quotas/{segment}. What is left
// out takes its default, whatever was in force before.
type QuotaSpec struct {
	Segment  string  `json:"segment,omitempty"` // if given, the path's
	RPS      float64 `json:"rps"`
	Burst    int     `json:"burst,omitempty"`
	Scope    string  `json:"scope,omitempty"`
	Overflow string  `json:"overflow,omitempty"`
	Mode     string  `json:"mode,omitempty"`
	Priority *int    `json:"priority,omitempty"`
	// Partition is what a node may spend that is cut off: its base share, which is strict.
	Partition string `json:"partition,omitempty" jsonschema:"enum=strict"`
}
