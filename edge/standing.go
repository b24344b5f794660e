package edge

import "time"

// Standing says how this node stands to the others. HOT: its methods are asked
// for each request, and must neither allocate nor lock; now is never from a
// cached clock.
type Standing interface {
	// Isolated reports whether the node may have missed a purge: no majority of the
	// voters has told it lately what there is (SEMANTICS §6).
	Isolated(now time.Time) bool
	// WatermarkAge is how long ago the node was last sure to have all that there
	// is. Readers of a managed copy get it as the Age.
	WatermarkAge(now time.Time) time.Duration
}

// Alone is the Standing of a node that nobody else purges.
type Alone struct{}

// Isolated returns false.
func (Alone) Isolated(time.Time) bool { return false }

// WatermarkAge returns 0.
func (Alone) WatermarkAge(time.Time) time.Duration { return 0 }

// Isolation says what a route's readers get of a copy that may have been purged,
// where the node is isolated and the origin does not answer.
type Isolation uint8

const (
	// IsolatedStale: the copy, marked `Edge-Degraded: isolated`.
	IsolatedStale Isolation = iota
	// IsolatedError: an error.
	IsolatedError
)

// clamp takes back, from what may be done with a copy on an isolated node, that
// it be served without asking: it may have been purged. Younger copies than the
// clamp pass: whatever they missed, they are bounded. What is left is to validate
// it, and to show it, marked and however old, where the origin does not answer:
// availability goes before the bound on age.
func (c *Core) clamp(x *Exchange, f *found, age time.Duration) {
	if age < c.cfg.Clamp || x.validate || f.req.NoCache {
		return
	}
	f.fwd = FwdStale
	f.ttl = min(f.ttl, c.cfg.Clamp-age-time.Second)
	f.use = useRevalidate
	if c.route(x.key).Isolated == IsolatedStale && f.slot.Rules.MayBeStale() {
		f.use = useStaleIfError
	}
}
