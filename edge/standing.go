package edge

import "time"

// Standing says how this node stands to the others. HOT: its methods are asked
// for each request, and must neither allocate nor lock; now is never from a
// cached clock.
type Standing interface {
	// Isolated reports whether the node may have missed a purge: no majority of the
	// voters has told it lately what there is (SEMANTICS §6).
	Isolated(now time.Time) bool
}

// Alone is the Standing of a node that nobody else purges.
type Alone struct{}

// Isolated returns false.
func (Alone) Isolated(time.Time) bool { return false }

// clamp takes back, from what may be done with a copy on an isolated node, that
// it be served without asking: it may have been purged. Younger copies than the
// clamp pass: whatever they missed, they are bounded. What is left is to validate
// it, and to show it, marked, where the origin does not answer.
func (c *Core) clamp(f *found, age time.Duration) {
	if age < c.cfg.Clamp || f.use == useRevalidate {
		return
	}
	f.use, f.fwd = useStaleIfError, FwdStale
	f.ttl = min(f.ttl, c.cfg.Clamp-age-time.Second)
}
