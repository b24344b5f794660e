package adminapi

import (
	"time"

	"github.com/letteros/letteredge/quota"
)

// Quota is a segment's limit.
type Quota struct {
	Segment   string  `json:"segment"`
	RPS       float64 `json:"rps"`
	Burst     int     `json:"burst"`
	Scope     string  `json:"scope"`
	Overflow  string  `json:"overflow"`
	Mode      string  `json:"mode"`
	Priority  int     `json:"priority"`
	Partition string  `json:"partition"`
	// EffectiveAt is when a change took effect: in answers to PUT.
	EffectiveAt *time.Time `json:"effective_at,omitempty"`
}

// QuotaOf returns a definition as the API shows it.
func QuotaOf(q quota.Quota) Quota {
	return Quota{
		Segment: q.Segment, RPS: q.RPS, Burst: q.Burst, Scope: q.Scope.String(), Overflow: q.Overflow.String(),
		Mode: q.Mode.String(), Priority: q.Priority, Partition: q.Partition.String(),
	}
}

// QuotaSpec defines a quota: the body of PUT /v1/quotas/{segment}. What is left
// out takes its default, whatever was in force before.
type QuotaSpec struct {
	Segment   string  `json:"segment,omitempty"` // if given, the path's
	RPS       float64 `json:"rps"`
	Burst     int     `json:"burst,omitempty"`
	Scope     string  `json:"scope,omitempty"`
	Overflow  string  `json:"overflow,omitempty"`
	Mode      string  `json:"mode,omitempty"`
	Priority  *int    `json:"priority,omitempty"`
	Partition string  `json:"partition,omitempty"`
}
