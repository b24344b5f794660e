package simnet

import (
	"hash/fnv"
	"slices"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/invalidation"
)

// clampAt is how old a copy an isolated node shows unmarked.
const clampAt = 10 * time.Second

// ownerPatience is how long an owner is waited for.
const ownerPatience = 400 * time.Millisecond

// copied is a stored answer: the version that the origin had.
type copied struct {
	version int
	at      time.Time // when it was the newest, as far as its age tells
	stamp   *invalidation.Stamp
}

// flight is a fill that requests wait for.
type flight struct {
	born    invalidation.Epoch
	waiters []waiter
	done    bool
}

type waiter struct {
	joined invalidation.Epoch
	bounds bounds
}

// bounds is what a request may not get, as of when it came.
type bounds struct {
	came     time.Time
	applied  int       // by what this node had applied
	complete int       // by what was complete, for a node that was not fenced
	fenced   []*purged // complete without this node
}

// read is a reader's request.
func (p *process) read(key string) {
	w := p.world
	b := p.bounds(key)
	isolated := p.replica.Isolated(w.now)
	if c := p.cache[key]; c != nil && c.stamp.State() == invalidation.Valid {
		if !isolated || w.now.Sub(c.at) < clampAt {
			p.show(key, c, b, false)
			return
		}
		if w.rand.IntN(4) == 0 { // the origin is down: better marked than nothing
			p.show(key, c, b, true)
			return
		}
	}
	k := parse(key)
	f := p.flights[key]
	if f == nil || f.done || p.marks.KeyState(k, f.born) != invalidation.Valid && !w.guards.BlindJoin {
		f = &flight{born: p.marks.Epoch()}
		p.flights[key] = f
		p.fill(key, f, isolated || !p.replica.Ready())
	}
	f.waiters = append(f.waiters, waiter{p.marks.Epoch(), b})
}

// fill asks the owner, or the origin.
func (p *process) fill(key string, f *flight, direct bool) {
	w := p.world
	owner := p.owner(key)
	if direct || owner == p.node {
		p.ask(key, f)
		return
	}
	answered := false
	w.after(ownerPatience, func() {
		if p.node.process == p {
			p.inbox(func() {
				if !answered {
					answered = true
					p.ask(key, f)
				}
			})
		}
	})
	told := p.replica.Horizon()
	if w.guards.UntoldOwner {
		told = gossip.Vector{}
	}
	back := func(c *copied) {
		w.carry(owner, p.node, func() {
			if p.node.process == p && !answered {
				answered = true
				if c == nil {
					p.ask(key, f)
					return
				}
				p.land(key, f, &copied{version: c.version, at: c.at})
			}
		})
	}
	w.carry(p.node, owner, func() { owner.process.answer(key, told, back) })
}

// answer is the owner's side.
func (p *process) answer(key string, asker gossip.Vector, back func(*copied)) {
	if !p.replica.Applied().CoversAll(asker) {
		back(nil)
		return
	}
	if c := p.cache[key]; c != nil && c.stamp.State() == invalidation.Valid && (!p.replica.Isolated(p.world.now) || p.world.now.Sub(c.at) < clampAt) {
		back(c)
		return
	}
	f := &flight{born: p.marks.Epoch()}
	p.fetch(key, func(c *copied) {
		p.keep(key, f, c)
		back(c)
	})
}

// ask fills from the origin.
func (p *process) ask(key string, f *flight) {
	p.fetch(key, func(c *copied) { p.land(key, f, c) })
}

// fetch asks the origin, which answers with what it has when the request comes.
func (p *process) fetch(key string, then func(*copied)) {
	w := p.world
	w.after(w.between(time.Millisecond, 60*time.Millisecond), func() {
		c := &copied{version: w.origin[key], at: w.now}
		w.after(w.between(time.Millisecond, 250*time.Millisecond), func() {
			if p.node.process == p {
				p.inbox(func() { then(c) })
			}
		})
	})
}

// keep stores an answer, unless a purge has hit it.
func (p *process) keep(key string, f *flight, c *copied) bool {
	born := f.born
	if p.world.guards.LateEpoch {
		born = p.marks.Epoch()
	}
	stamp, ok := p.marks.Stamp(parse(key), []string{tagOf(key)}, born)
	if !ok || stamp.State() != invalidation.Valid {
		return false
	}
	c.stamp = stamp
	p.cache[key] = c
	return true
}

// land ends a flight: who waited gets the answer, unless it was purged before
// they joined; they ask again.
func (p *process) land(key string, f *flight, c *copied) {
	if f.done {
		return
	}
	f.done = true
	p.keep(key, f, c)
	if p.flights[key] == f {
		delete(p.flights, key)
	}
	for _, wt := range f.waiters {
		if p.marks.RaisedBetween(parse(key), []string{tagOf(key)}, f.born, wt.joined) && !p.world.guards.BlindJoin && !p.world.guards.LateEpoch {
			continue
		}
		p.show(key, c, wt.bounds, false)
	}
}

// bounds notes what a request that comes now may not get.
func (p *process) bounds(key string) bounds {
	b := bounds{came: p.world.now, applied: p.applied[key]}
	for _, u := range p.world.purges {
		if u.key != key || !u.isComplete() {
			continue
		}
		if u.fenced[p.id] {
			b.fenced = append(b.fenced, u)
		} else {
			b.complete = max(b.complete, u.version)
		}
	}
	return b
}

// isComplete asks the acceptor, once it is not known.
func (u *purged) isComplete() bool {
	if u.complete || !u.acceptor.runs() || u.acceptor.node.process != u.acceptor {
		return u.complete
	}
	// Nothing but a report makes it complete, and no time before a node can be fenced.
	if p := u.acceptor; p.reports == u.asked && p.world.now.Sub(u.accepted) < invalidation.FenceAfter {
		return false
	}
	u.asked = u.acceptor.reports
	v, err := u.acceptor.engine.Get(u.dot.String())
	if err != nil || v.State != "complete" {
		return false
	}
	u.complete, u.fenced = true, map[string]bool{}
	for _, n := range v.Nodes {
		if n.State == "fenced" {
			u.fenced[n.ID] = true
		}
	}
	for _, n := range u.acceptor.world.nodes { // who was no member is isolated until it is one
		if !slices.ContainsFunc(v.Nodes, func(k invalidation.NodeView) bool { return k.ID == n.id }) {
			u.fenced[n.id] = true
		}
	}
	return true
}

// show checks an answer.
func (p *process) show(key string, c *copied, b bounds, marked bool) {
	w := p.world
	w.Answers++
	if marked {
		w.Marked++
		if c.version < b.applied {
			w.fail("%s shows version %d of %s, marked, though it has applied a purge of all below %d", p.id, c.version, key, b.applied)
		}
		return
	}
	if c.version < b.applied {
		w.fail("%s shows version %d of %s, though it has applied a purge of all below %d", p.id, c.version, key, b.applied)
	}
	if c.version < b.complete {
		w.fail("%s shows version %d of %s, though a purge of all below %d is complete", p.id, c.version, key, b.complete)
	}
	for _, u := range b.fenced {
		if since := b.came.Sub(u.accepted); c.version < u.version && since > clampAt {
			w.fail("%s, fenced, shows version %d of %s to a request %s after the acceptance of a purge of all below %d", p.id, c.version, key, since, u.version)
		}
	}
}

// owner is the region's owner of a key.
func (p *process) owner(key string) *node {
	var best *node
	var highest uint64
	for _, n := range p.world.nodes {
		if n.region != p.region {
			continue
		}
		h := fnv.New64a()
		_, _ = h.Write([]byte(n.id + key)) // never fails
		if v := h.Sum64(); best == nil || v > highest {
			best, highest = n, v
		}
	}
	return best
}

func parse(key string) cachekey.Key {
	k, err := cachekey.ParseText(key)
	if err != nil {
		return cachekey.Key{Text: key} // cannot be: keys are the world's own
	}
	return k
}
