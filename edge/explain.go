package edge

import (
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// Explanation says what this node would do with a request, without doing it.
type Explanation struct {
	Key     string   `json:"key"`
	Kind    string   `json:"kind"`
	Route   string   `json:"route"`
	Quota   string   `json:"quota"` // the segment it counts against
	Tags    []string `json:"tags"`  // implied by the key
	Vector  string   `json:"vector,omitempty"`
	Outcome string   `json:"outcome"` // hit, stale, miss
	Why     string   `json:"why"`
	Stored  []Stored `json:"stored"`
}

// Stored describes one slot of a key.
type Stored struct {
	Variant  string   `json:"variant"`
	Vector   string   `json:"vector,omitempty"`
	Status   int      `json:"status"`
	Bytes    int      `json:"bytes"`
	Age      int64    `json:"age_seconds"`
	TTL      int64    `json:"ttl_seconds"`
	Purge    string   `json:"purge"` // valid, soft, hard
	Tags     []string `json:"tags"`
	ETag     string   `json:"etag,omitempty"`
	Received string   `json:"received"`
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
	e := Explanation{
		Key: key.Text, Kind: key.Kind.String(), Route: route.Name, Quota: c.segment(x, route),
		Tags: key.AppendTags([]string{}), Vector: x.vector, Stored: []Stored{},
	}
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
		for _, s := range entry.Slots() {
			age := s.Age(x.Now)
			e.Stored = append(e.Stored, Stored{
				Variant: s.Variant, Vector: s.Vector, Status: s.Art.Status, Bytes: len(s.Art.Body),
				Age: int64(age / time.Second), TTL: seconds(c.ttl(x, s)), Purge: s.Stamp.State().String(),
				Tags: s.Tags, ETag: s.Art.ETag, Received: s.ReceivedAt.UTC().Format(time.RFC3339Nano),
			})
		}
	}
	return e, nil
}
