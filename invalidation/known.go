package invalidation

import (
	"maps"
	"sync"
	"time"

	"github.com/letteros/letteredge/gossip"
)

// known holds the purges that this node can still answer for, in the order
// applied, and who has applied them. The oldest leave first.
type known struct {
	keep, keepBytes int
	self            string        // this node's id
	source          gossip.Source // this process

	mu      sync.Mutex
	byID    map[string]*purge
	byKey   map[string]*purge // of several purges of a key, the first
	order   []*purge          // oldest first
	bytes   int
	next    uint64            // the place of the next purge
	reports map[string]Report // the latest of each node
}

type purge struct {
	rec     Record // rec.Applied is never nil, and replaced rather than changed
	id      string
	place   uint64
	bytes   int
	learned time.Time // when it was applied here

	// receipts are those of all nodes, this one's too; nil once the purge is no
	// longer among the latest maxDetailed: then the nodes' latest reports tell.
	receipts   map[string]*evidence
	majority   bool      // a majority of the voters applied it …
	majorityAt time.Time // … which was known here from then on
	complete   bool      // it has been seen to be; that lasts
}

const (
	// maxDetailed is of how many purges the receipts are written down as reports
	// come, and so how many a report is compared with.
	maxDetailed = 2000
	// maxReporters bounds the nodes whose latest report is kept.
	maxReporters = 10_000
	// peerBytes is about what a Peer takes.
	peerBytes = 64
)

func newKnown(cfg Config) known {
	return known{
		keep: cfg.Retain, keepBytes: cfg.RetainBytes, self: cfg.Node, source: gossip.Source{Node: cfg.Node, Incarnation: cfg.Incarnation},
		byID: make(map[string]*purge), byKey: make(map[string]*purge), reports: make(map[string]Report),
	}
}

// add notes an applied purge and the nodes that its own receipt names; a record
// of a known dot changes nothing.
func (k *known) add(rec Record, names []Peer, voters []string, now time.Time) {
	p := &purge{
		rec: rec, id: rec.Dot.String(), bytes: selectorBytes(rec.Selector) + peerBytes*len(rec.Expected) + len(rec.Key) + len(rec.Body), learned: now,
		receipts: map[string]*evidence{k.self: {at: now, known: names}},
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.byID[p.id] != nil {
		return
	}
	p.place = k.next
	k.next++
	k.byID[p.id] = p
	if rec.Key != "" && p.owns(k.byKey[rec.Key]) {
		k.byKey[rec.Key] = p
	}
	k.order = append(k.order, p)
	k.bytes += p.bytes
	for _, r := range k.reports {
		p.observe(r, now)
	}
	p.count(voters, now)
	if old := len(k.order) - maxDetailed - 1; old >= 0 {
		k.order[old].receipts = nil
	}
	// The latest stays even if it is larger than all that may be kept.
	for len(k.order) > 1 && (len(k.order) > k.keep || k.bytes > k.keepBytes) {
		old := k.order[0]
		k.order[0] = nil
		k.order = k.order[1:]
		k.bytes -= old.bytes
		delete(k.byID, old.id)
		if k.byKey[old.rec.Key] == old {
			delete(k.byKey, old.rec.Key)
		}
	}
}

// owns reports whether p, and not other, which may be nil, is the purge of the
// key that both have: the first is, unless the key had expired before the second.
// All nodes decide it alike, in whichever order they hear of the two.
func (p *purge) owns(other *purge) bool {
	if other == nil {
		return true
	}
	after := p.rec.At.Sub(other.rec.At)
	return after >= KeyLife || after > -KeyLife && (after < 0 || after == 0 && p.id < other.id)
}

// asked returns the purge of a key, if that is good still.
func (k *known) asked(key string, now time.Time) (Record, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.byKey[key]
	if p == nil || now.Sub(p.rec.At) >= KeyLife {
		return Record{}, false
	}
	return p.rec, true
}

// observe notes what a report says of the purges that are known. It reports
// whether it said anything new, and how long after their acceptance it brings the
// receipts of purges that this process accepted.
func (k *known) observe(r Report, voters []string, now time.Time) (anew bool, answered []time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, has := k.reports[r.Node]; !has && len(k.reports) >= maxReporters {
		return false, nil
	}
	k.reports[r.Node] = Report{Node: r.Node, Applied: r.Applied, Known: r.Known, Signature: r.Signature}
	for _, p := range k.order[max(0, len(k.order)-maxDetailed):] {
		if p.accepted(k.source) && p.receipts != nil && p.receipts[r.Node] == nil && r.Applied.Covers(p.rec.Dot) {
			answered = append(answered, now.Round(0).Sub(p.rec.At))
		}
		if p.observe(r, now) {
			p.count(voters, now)
			anew = true
		}
	}
	for _, d := range r.Details {
		p := k.byID[d.Dot.String()]
		if p == nil || p.receipts == nil {
			continue
		}
		if v := p.receipts[r.Node]; v != nil && v.detail(d, r.Signature) {
			anew = true
		}
	}
	return anew, answered
}

// accepted reports whether that process accepted the purge.
func (p *purge) accepted(by gossip.Source) bool { return p.rec.Dot.Source() == by }

// observe notes that a report covers the purge; true if that is new.
func (p *purge) observe(r Report, now time.Time) bool {
	if p.receipts == nil {
		return false
	}
	v := p.receipts[r.Node]
	if v != nil && v.signature != nil && identical(v.known, r.Known) {
		return false // the most frequent by far: whatever it covers, it says nothing new
	}
	if !r.Applied.Covers(p.rec.Dot) {
		return false
	}
	if v != nil {
		unsigned := v.signature == nil && r.Signature != nil // this node's own, which was there before its report
		if unsigned {
			v.signature = r.Signature
		}
		return v.names(r.Known) || unsigned
	}
	p.receipts[r.Node] = &evidence{at: now, known: r.Known, signature: r.Signature}
	return true
}

// count notes when a majority of the voters is there.
func (p *purge) count(voters []string, now time.Time) {
	if !p.majority && (Inquiry{Voters: voters, Receipts: p.named()}).majority() {
		p.majority, p.majorityAt = true, now
	}
}

// named are the nodes that each receipt names.
func (p *purge) named() map[string][]Peer {
	by := make(map[string][]Peer, len(p.receipts))
	for id, v := range p.receipts {
		by[id] = v.known
	}
	return by
}

// get returns the record of an id.
func (k *known) get(id string) (Record, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if p := k.byID[id]; p != nil {
		return p.rec, true
	}
	return Record{}, false
}

// snapshot returns a purge as it is now, which is the caller's.
func (k *known) snapshot(id string) (purge, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.byID[id]
	if p == nil {
		return purge{}, false
	}
	return k.copied(p), true
}

func (k *known) copied(p *purge) purge {
	c := *p
	if p.receipts == nil {
		c.receipts = map[string]*evidence{k.self: {at: p.learned}}
		for _, r := range k.reports {
			c.observe(r, time.Time{})
		}
		return c
	}
	c.receipts = maps.Clone(p.receipts)
	for id, v := range c.receipts {
		one := *v
		c.receipts[id] = &one
	}
	return c
}

// completed notes that a purge has been seen to be complete.
func (k *known) completed(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if p := k.byID[id]; p != nil {
		p.complete = true
	}
}

// settle notes how many entries a purge hit and returns its record, false if it
// is no longer known.
func (k *known) settle(id string, entries int) (Record, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.byID[id]
	if p == nil {
		return Record{}, false
	}
	p.rec.Applied = &Applied{AfterMS: p.rec.Applied.AfterMS, Entries: &entries}
	return p.rec, true
}

// open returns those of the latest limit purges that have not been seen to be
// complete, and how many of these have.
func (k *known) open(limit int) (list []purge, complete int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.order[max(0, len(k.order)-limit):] {
		if p.complete {
			complete++
			continue
		}
		list = append(list, k.copied(p))
	}
	return list, complete
}

// list returns up to limit purges, the latest first, beginning behind the id
// after ("" for the first page), and whether there are more. Nothing is behind
// an id that is no longer known: it was the oldest when it left.
func (k *known) list(after string, limit int) (list []purge, more bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	end := len(k.order)
	if after != "" {
		p := k.byID[after]
		if p == nil {
			return nil, false
		}
		end = int(p.place - k.order[0].place)
	}
	begin := max(0, end-limit)
	for i := end - 1; i >= begin; i-- {
		list = append(list, k.copied(k.order[i]))
	}
	return list, begin > 0
}
