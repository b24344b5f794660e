package rollout

import "time"

// Plan says how an update is carried out.
type Plan struct {
	Name string `json:"name"`
	// Soak is how long each stage is watched after its flip has been verified.
	Soak time.Duration `json:"soak_ns"`
	// RegionByRegion has the last stage take one region after another instead of
	// all at once.
	RegionByRegion bool `json:"region_by_region,omitempty"`
	// Pause has a failed check pause the rollout instead of halting it.
	Pause bool `json:"pause,omitempty"`
	// Adopt records versions as released without stages: they are what is shown
	// already. Documents that have a record are left alone.
	Adopt bool `json:"adopt,omitempty"`
}

// The plans that there are without configuration.
const (
	DefaultPlan = "default"
	AdoptPlan   = "adopt"
)

// Plans returns the default plan with a soak, and adopt.
func Plans(soak time.Duration) map[string]Plan {
	return map[string]Plan{
		DefaultPlan: {Name: DefaultPlan, Soak: soak},
		AdoptPlan:   {Name: AdoptPlan, Adopt: true},
	}
}
