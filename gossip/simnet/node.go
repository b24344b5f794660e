package simnet

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/gossip/spread"
	"github.com/letteros/letteredge/invalidation"
	"github.com/letteros/letteredge/invalidation/rollout"
	"github.com/letteros/letteredge/quota"
)

// node is a machine: a disk, and mostly a process.
type node struct {
	world   *World
	id      string
	region  string
	disk    *disk
	process *process
	starts  uint64

	frozen  bool
	mailbox []func() // what came while it was frozen
}

// process is one start of a node.
type process struct {
	*node
	self    gossip.Member
	records *gossip.Records
	marks   *invalidation.Marks
	engine  *invalidation.Engine
	replica *spread.Replica
	cache   map[string]*copied
	flights map[string]*flight
	applied map[string]int   // the least version that a request may get from here, by key
	heard   map[string]heard // the latest report of each node
	reports int              // that were observed
	effects map[effect]time.Time
	targets *rollout.Targets
	quotas  *quota.Registry
	gate    *quota.Gate
	seen    *rollout.Snapshot // what shown is of
	own     json.RawMessage   // its enrolment
	members struct {
		at  uint64 // the records' count of changes
		all []spread.Peer
	}
	shown map[string]int64 // what it is to show, as it was noted
	slots map[slotID]*rendered
}

// heard is what a node has said last.
type heard struct {
	at    time.Time
	index uint64
}

func (n *node) runs() bool { return n.process != nil && !n.frozen }

// inbox delivers something to the process that runs now, or to the mailbox of a
// frozen one.
func (n *node) inbox(deliver func()) {
	switch {
	case n.process == nil:
	case n.frozen:
		if len(n.mailbox) < 2000 { // a socket's buffer
			n.mailbox = append(n.mailbox, deliver)
		}
	default:
		deliver()
	}
}

// freeze stops the process for a while; then it finds its sockets full.
func (n *node) freeze(d time.Duration) {
	if !n.runs() {
		return
	}
	n.frozen = true
	p := n.process
	n.world.after(d, func() {
		if n.process != p {
			return
		}
		n.frozen = false
		waiting := n.mailbox
		n.mailbox = nil
		for _, deliver := range waiting {
			deliver()
		}
	})
}

// kill ends the process at once; it starts again later, perhaps on a disk as it
// was a while ago. A voter's disk is not rolled back: what it had acknowledged, and
// a majority was counted by, would be gone.
func (n *node) kill(rolledBack bool) {
	if n.process == nil {
		return
	}
	old := n.disk.backup()
	w := n.world
	n.process, n.frozen, n.mailbox = nil, false, nil
	w.after(w.between(100*time.Millisecond, 4*time.Second), func() {
		if rolledBack && len(old.purges) > 1 && !slices.Contains(w.voters, n.id) {
			cut := w.rand.IntN(len(old.purges))
			n.disk = newDisk()
			for _, k := range old.envelopes[:min(cut, len(old.envelopes))] {
				_ = n.disk.Append(k.dot, k.wire) // never fails
			}
			n.disk.purges = slices.Clone(old.purges[:min(cut, len(old.envelopes))])
		}
		n.start()
	})
}

// start starts a process.
func (n *node) start() {
	w := n.world
	n.starts++
	incarnation := w.rand.Uint64()>>11 | 1
	if w.guards.SameIncarnation {
		incarnation = 1
	}
	p := &process{
		node: n, self: gossip.Member{Cluster: "sim", Region: n.region, Node: n.id, Incarnation: incarnation},
		records: gossip.NewRecords(), marks: invalidation.NewMarks(), cache: map[string]*copied{}, flights: map[string]*flight{},
		applied: map[string]int{}, heard: map[string]heard{}, effects: map[effect]time.Time{},
		shown: map[string]int64{}, slots: map[slotID]*rendered{},
	}
	now := func() time.Time { return w.now }
	var err error
	p.engine, err = invalidation.NewEngine(invalidation.Config{Node: n.id, Region: n.region, Incarnation: incarnation, Now: now}, p.marks, journal{n.disk}, p)
	if err != nil {
		w.fail("%s does not start: %v", n.id, err)
		return
	}
	p.own = p.enrolment()
	if err := p.share(); err != nil {
		w.fail("%s does not start: %v", n.id, err)
		return
	}
	n.process = p
	if err := p.records.Merge(n.disk.records, n.disk.complete); err != nil {
		w.fail("%s does not start: %v", n.id, err)
		return
	}
	p.targets = rollout.NewTargets(n.id, p.records, nil)
	p.changed()
	p.replica, err = spread.New(spread.Config{
		Self: p.self, Voters: w.voters, Now: now, Rand: rand.New(rand.NewPCG(w.rand.Uint64(), 1)),
		Enrolled: p.enrolled, Known: p.known,
	}, spread.Deps{Transport: p, Log: n.disk, Applier: p, Feed: p, Signer: seal{p.self}, Verifier: seal{p.self}})
	if err != nil {
		w.fail("%s does not start: %v", n.id, err)
		return
	}
	p.engine.SubscribeReceipts(func(r invalidation.Receipt) {
		p.replica.NoteReceipt(spread.Detail{Dot: r.Dot, AfterMS: r.AppliedAfterMS})
	})
	err = p.engine.Join(invalidation.Cluster{
		Spread: p.replica, Voters: func() []string { return w.voters },
		Members: func() []invalidation.Member {
			var all []invalidation.Member
			for _, k := range p.known() {
				all = append(all, invalidation.Member{Peer: k})
			}
			return all
		},
	})
	if err != nil {
		w.fail("%s does not join: %v", n.id, err)
		return
	}
	peers := make([]spread.Neighbour, 0, len(w.nodes))
	for _, o := range w.nodes {
		peers = append(peers, spread.Neighbour{Peer: spread.Peer{ID: o.id, Region: o.region}, Alive: true})
	}
	p.replica.SetPeers(peers)
	p.every(50*time.Millisecond, p.replica.Tick)
	p.every(100*time.Millisecond, p.enrol)
	p.every(60*time.Millisecond, func() { p.read(w.key()) })
	if slices.Contains(w.voters, n.id) {
		p.every(30*time.Millisecond, p.followLog)
		p.every(40*time.Millisecond, p.drive)
	}
	p.every(60*time.Millisecond, p.readManaged)
	p.every(50*time.Millisecond, p.spend)
	p.every(300*time.Millisecond, func() { n.disk.records, n.disk.complete = p.records.Since(0) })
}

// every calls do while the process lives, frozen times left out.
func (p *process) every(d time.Duration, do func()) {
	p.world.after(p.world.between(d/2, d+d/2), func() {
		if p.node.process != p {
			return
		}
		p.inbox(do)
		p.every(d, do)
	})
}

// enrol writes this process into the control log.
func (p *process) enrol() {
	if p.enrolled() > 0 || !p.majority() {
		return
	}
	mine := string(p.own)
	for _, t := range p.world.log {
		if t.Puts[0].Key == "node/"+p.id && string(t.Puts[0].Value) == mine {
			return // under way
		}
	}
	p.world.append(gossip.Txn{Puts: []gossip.Put{{Key: "node/" + p.id, Value: p.own}}})
}

func (p *process) enrolled() uint64 {
	if r, ok := p.records.Get("node/" + p.id); ok && string(r.Value) == string(p.own) {
		return r.Index
	}
	return 0
}

func (p *process) known() []spread.Peer {
	now := p.records.Changes()
	if p.members.all != nil && p.members.at == now {
		return p.members.all
	}
	var all []spread.Peer
	for _, r := range p.records.List("node/") {
		id := r.Key[len("node/"):]
		all = append(all, spread.Peer{ID: id, Region: p.world.find(id).region})
	}
	p.members.at, p.members.all = now, all
	return all
}

// Send carries a message.
func (p *process) Send(to string, message []byte) {
	if o := p.world.find(to); o != nil && o != p.node {
		p.world.carry(p.node, o, func() { o.process.replica.Receive(p.id, message) })
	}
}

// Broadcast carries it to two nodes that chance names.
func (p *process) Broadcast(message []byte) {
	for range 2 {
		if o := p.world.nodes[p.world.rand.IntN(len(p.world.nodes))]; o != p.node {
			p.world.carry(p.node, o, func() { o.process.replica.Receive("", message) })
		}
	}
}

// Deliver applies a purge.
func (p *process) Deliver(dot gossip.Dot, payload []byte) error {
	_, err := p.engine.Deliver(dot, payload)
	if err == nil {
		p.hasApplied(dot)
	}
	return err
}

// Observe takes in a report.
func (p *process) Observe(r spread.Report) {
	p.heard[r.From.Node] = heard{p.world.now, r.Index}
	p.quotas.Acknowledge(r.From.Node, r.Index)
	p.reports++
	p.engine.Observe(invalidation.Report{Node: r.From.Node, Applied: r.Applied, Known: r.Known, Signature: r.Signature})
}

// Clamp empties the cache.
func (p *process) Clamp(string) {
	p.marks.Raise(cachekey.Selector{All: true}, invalidation.ModeHard)
}

// Index, Since and Merge are the feed of records.
func (p *process) Index() uint64 {
	p.changed()
	index, err := p.quotas.Follow(p.records)
	if err != nil {
		p.world.fail("quotas: %v", err)
	}
	return min(index, p.targets.Follow())
}

type told struct {
	Since, Complete uint64
	Records         []gossip.Record
}

// Since returns what has changed.
func (p *process) Since(index uint64, _ int) ([]byte, uint64) {
	recs, complete := p.records.Since(index)
	data, err := json.Marshal(told{index, complete, recs})
	if err != nil {
		p.world.fail("records: %v", err)
	}
	return data, complete
}

// Merge takes in what a voter tells.
func (p *process) Merge(data []byte) error {
	var t told
	if err := json.Unmarshal(data, &t); err != nil {
		return err
	}
	if t.Since > p.records.Index() {
		t.Complete = 0
	}
	err := p.records.Merge(t.Records, t.Complete)
	p.changed()
	return err
}

// Count and Sweep make the cache an invalidation.Index; it is not counted here.
func (p *process) Count(cachekey.Selector) int { return 0 }

// Sweep takes nothing out.
func (p *process) Sweep(cachekey.Selector) int { return 0 }

// seal signs cheaply: what certificates prove is tested elsewhere.
type seal struct{ who gossip.Member }

func (s seal) Certificate() []byte { return []byte(s.who.Region + "/" + s.who.Node) }

func (s seal) Sign(message []byte) ([]byte, error) {
	sum := sha256.Sum256(append(s.Certificate(), message...))
	return sum[:8], nil
}

func (s seal) Verify(certificate, message, signature []byte) (gossip.Member, error) {
	sum := sha256.Sum256(append(slices.Clone(certificate), message...))
	if string(sum[:8]) != string(signature) {
		return gossip.Member{}, gossip.ErrForged
	}
	var m gossip.Member
	for i, c := range certificate {
		if c == '/' {
			m = gossip.Member{Cluster: "sim", Region: string(certificate[:i]), Node: string(certificate[i+1:])}
		}
	}
	return m, nil
}

// purged is a purge as the world remembers it: who has applied it must not show
// anything older than version.
type purged struct {
	dot      gossip.Dot
	key      string
	version  int
	accepted time.Time
	acceptor *process
	complete bool
	asked    int // the acceptor's count of reports when it last said that it is not
	fenced   map[string]bool
}

// purge purges a key on this node, by itself or by a tag.
func (n *node) purge(key string, version int) {
	w, p := n.world, n.process
	sel := cachekey.Selector{Keys: []string{key}}
	if w.rand.IntN(2) == 0 {
		sel = cachekey.Selector{Tags: []string{tagOf(key)}}
	}
	u := &purged{key: key, version: version, accepted: w.now, acceptor: p}
	w.purges = append(w.purges, u)
	r, err := p.engine.Purge(context.Background(), sel, invalidation.ModeHard, "")
	if err != nil {
		if !errors.Is(err, invalidation.ErrNotDurable) {
			w.fail("purge on %s: %v", n.id, err)
		}
		w.purges = w.purges[:len(w.purges)-1]
		return
	}
	for _, o := range w.purges[:len(w.purges)-1] {
		if o.dot == r.Dot && !w.guards.SameIncarnation {
			w.fail("%s has been issued twice", r.Dot)
		}
	}
	u.dot = r.Dot
	p.hasApplied(r.Dot)
}

// hasApplied raises what requests may get from here.
func (p *process) hasApplied(dot gossip.Dot) {
	for _, u := range p.world.purges {
		if u.dot == dot {
			p.applied[u.key] = max(p.applied[u.key], u.version)
		}
	}
}

func tagOf(key string) string { return "tag-" + key[len(key)-2:] }
