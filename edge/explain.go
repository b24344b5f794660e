package edge

import (
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// Explanation says what this node would do with a request, without doing it.
type Explanation struct {
	Key     cachekey.Key
	Route   string
	Quota   string // the segment it counts against; "" for the default quota
	Outcome string // hit, stale, miss
	Why     string
	Copies  []Copy // all that is stored for the key, newest first
}

// Copy is a slot at the time of an Explanation.
type Copy struct {
	Slot     *Slot
	Age, TTL time.Duration // TTL is below 0 by how long it has been stale
}

// Explain fetches nothing. The error is a *cachekey.Error.
func (c *Core) Explain(host, target string, fields Fields) (Explanation, error) {
	x := &Exchange{Now: c.Now()}
	x.Req = Request{Method: MethodGet, MethodText: "GET", Host: host, Target: target, Fields: fields}
	key, err := c.cfg.Keyer.Key(cachekey.Input{Method: "GET", Host: host, Target: target}, &x.scratch)
	if err != nil {
		return Explanation{}, err
	}
	x.key, x.keyed = key, true
	x.targets = c.Targets.Snapshot()
	x.aim()
	route := c.route(key)
	key = key.Clone()
	e := Explanation{Key: key, Route: route.Name, Quota: c.segment(x, route)}
	f := c.lookup(x)
	switch {
	case x.managed == rollout.Absent:
		e.Outcome, e.Why = "miss", "the released index has no such artifact"
	case x.managed == rollout.Unknown:
		e.Outcome, e.Why = "miss", "held: this node does not know yet which documents are released"
	case f.slot == nil:
		e.Outcome, e.Why = "miss", f.fwd.String()
		if f.hitForMiss {
			e.Why += ", not collapsed: an answer could not be shared of late"
		}
	case f.use == useFresh:
		e.Outcome, e.Why = "hit", "fresh"
	case f.use == useStaleWhileRevalidate:
		e.Outcome, e.Why = "stale", "served while a refresh is under way"
	case f.use == useStaleIfError:
		e.Outcome, e.Why = "miss", "stale: asked of the origin, served if that fails"
	default:
		e.Outcome, e.Why = "miss", "must be validated first"
	}
	if entry := c.Store.Get(key.Text); entry != nil {
		for s := range entry.each {
			e.Copies = append(e.Copies, Copy{Slot: s, Age: s.Age(x.Now), TTL: c.ttl(x, s)})
		}
	}
	return e, nil
}
