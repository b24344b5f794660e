package quota

import (
	"math"
	"strconv"

	"github.com/letteros/letteredge/cachekey"
)

// Default is the segment name of the quota for requests whose segment has none
// of its own, and for routes that name no segment.
const Default = "_default"

// Limits on a definition.
const (
	MaxRPS          = 10_000_000
	MaxBurst        = 1_000_000_000 // whole numbers far below what a float64 holds exactly
	MaxPriority     = 9
	DefaultPriority = 5
)

// Quota is the definition of one segment's limit: a token bucket that is filled
// at RPS and holds at most Burst tokens; a request takes one. The zero value of
// each choice is its default.
type Quota struct {
	// Segment is an id as cachekey.ValidID has it, or Default.
	Segment string
	// RPS is the rate in requests per second, 0 < RPS ≤ MaxRPS; below 1 for one
	// request in several seconds.
	RPS float64
	// Burst is how many requests may come at once after a pause, at least 1.
	Burst     int
	Scope     Scope
	Overflow  Overflow
	Mode      Mode
	Partition Partition
	// Priority orders quotas when a node must shed load: 0 is shed first, 9 last.
	Priority int
}

// New returns a quota with the defaults of everything but segment and rate.
func New(segment string, rps float64) Quota {
	return Quota{Segment: segment, RPS: rps, Burst: DefaultBurst(rps), Priority: DefaultPriority}
}

// DefaultBurst is two seconds' worth of requests, rounded up to a whole number:
// at least 1 however small the rate. It is 0 for a rate that is not valid.
func DefaultBurst(rps float64) int {
	if !validRPS(rps) {
		return 0
	}
	return max(1, int(math.Ceil(2*rps)))
}

func validRPS(rps float64) bool { return rps > 0 && rps <= MaxRPS } // false for NaN

// ValidSegment reports whether a quota may have that name.
func ValidSegment(s string) bool { return s == Default || cachekey.ValidID(s) }

// Validate returns an ErrInvalid that names the first field that is out of its
// range, and the range.
func (q Quota) Validate() error {
	switch {
	case !ValidSegment(q.Segment):
		return ErrInvalid{"segment", "must match [a-z][a-z0-9_-]{0,63} or be " + Default}
	case !validRPS(q.RPS):
		return ErrInvalid{"rps", rpsRule()}
	case q.Burst < 1 || q.Burst > MaxBurst:
		return ErrInvalid{"burst", burstRule()}
	case q.Priority < 0 || q.Priority > MaxPriority:
		return ErrInvalid{"priority", priorityRule()}
	}
	for _, err := range []error{
		checkChoice("scope", scopes(), q.Scope),
		checkChoice("overflow", overflows(), q.Overflow),
		checkChoice("mode", modes(), q.Mode),
		checkChoice("partition", partitions(), q.Partition),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func rpsRule() string {
	return "must be a number above 0 and at most " + strconv.Itoa(MaxRPS)
}

func burstRule() string {
	return "must be a whole number from 1 to " + strconv.Itoa(MaxBurst)
}

func priorityRule() string {
	return "must be a whole number from 0 to " + strconv.Itoa(MaxPriority)
}
