package edge

import (
	"sync/atomic"
	"time"
)

// Owner is what an upstream may be beside: it says whether this node is the one of
// its region that refreshes a key ahead of its end. Others get the new copy from it.
type Owner interface {
	Owns(text string) bool
}

// attention is what a slot's readers bring about behind their backs, in one word:
// bit 0 says that a refresh is under way, the rest counts hits near the end of its
// freshness.
type attention struct{ word atomic.Uint32 }

// begin reports whether the caller is to refresh: nobody else does.
func (a *attention) begin() bool { return a.word.Or(1)&1 == 0 }

func (a *attention) end() { a.word.And(^uint32(1)) }

// hit counts one and returns how many there were.
func (a *attention) hit() int { return int(a.word.Add(2) >> 1) }

// ahead refreshes a copy that is fresh for a little while yet, if enough readers
// want it for that to be worth a fetch: they would all wait for one otherwise.
func (c *Core) ahead(x *Exchange, route *Route, s *Slot, ttl time.Duration) {
	if float64(ttl) > c.cfg.RefreshAhead*float64(s.Rules.Lifetime) || s.Settled || x.isolated || x.probe {
		return
	}
	if s.attention.hit()%c.cfg.RefreshAheadHits != 0 {
		return
	}
	if o, ok := route.Upstream.(Owner); ok && !o.Owns(x.key.Text) {
		return
	}
	c.refresh(x, route, s, true)
}
