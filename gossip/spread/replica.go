package spread

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/letteros/letteredge/gossip"
)

// Config is what a Replica has to know.
type Config struct {
	Self   gossip.Member
	Voters []string // ids of the control log's voters
	// Keep and KeepBytes bound the purges kept to tell others; 0 means 10,000 and
	// 32 MiB.
	Keep, KeepBytes int
	// Enrolled returns the index of the record by which this node is enrolled, 0 if
	// it is not; Known the enrolled nodes.
	Enrolled func() uint64
	Known    func() []Peer

	Now  func() time.Time
	Rand *rand.Rand // used under a lock
	Log  *slog.Logger
}

// Deps are a Replica's collaborators.
type Deps struct {
	Transport Transport
	Log       Log
	Applier   Applier
	Feed      Feed
	Signer    gossip.Signer
	Verifier  gossip.Verifier
}

// The protocol's times.
const (
	repairEvery = 500 * time.Millisecond
	probeEvery  = 500 * time.Millisecond
	reportEvery = time.Second
	retryFirst  = 150 * time.Millisecond
	retries     = 4
)

// ErrUnusable means that a payload is no purge, or of a later release.
var ErrUnusable = errors.New("the payload cannot be carried out")

// Neighbour is a node that messages can be sent to.
type Neighbour struct {
	Peer
	Alive bool // as far as is known
}

// Replica is one node's part. Safe for concurrent use.
type Replica struct {
	cfg  Config
	deps Deps
	mark *watermarks // its counters under mu; isolated, age and ready without

	publishing sync.Mutex
	seq        uint64  // of the last purge issued; guarded by publishing
	failed     *sealed // issued, but perhaps not on the disk; guarded by publishing

	mu       sync.Mutex // guards what follows
	history  *history
	arriving map[gossip.Dot]struct{} // being applied: in effect, perhaps, and not in history
	peers    []Neighbour
	reports  *reports
	most     *majority
	own      ownReport
	pushes   []*push
	stats    Stats
	told     told
	repairAt time.Time
	probeAt  time.Time
	feedFor  uint64 // the index that has been pushed
}

// sealed is a signed purge.
type sealed struct {
	dot  gossip.Dot
	wire []byte
	body []byte
}

// push is a purge of this node on its way.
type push struct {
	dot  gossip.Dot
	wire []byte
	next time.Time
	wait time.Duration
	left int
}

// Stats counts what came.
type Stats struct {
	Forged    uint64 // statements that their author did not make, or may not
	Foreign   uint64 // statements of nodes of another cluster
	Replayed  uint64 // statements that were known, or older than what is
	Malformed uint64 // messages and statements that cannot be read
	Unknown   uint64 // parts of kinds that a later release has
	Failed    uint64 // purges that could not be taken in; they are asked for again
	Clamped   uint64 // times that the cache had to be emptied
	Purges    uint64 // taken in, of other nodes
	Repaired  uint64 // messages of repair answered
}

// New returns a Replica that has what its log keeps, and has delivered it.
func New(cfg Config, deps Deps) (*Replica, error) {
	if cfg.Keep == 0 {
		cfg.Keep = 10_000
	}
	if cfg.KeepBytes == 0 {
		cfg.KeepBytes = 32 << 20
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	r := &Replica{
		cfg: cfg, deps: deps, mark: newWatermarks(cfg.Voters, cfg.Now()),
		history: newHistory(cfg.Keep, cfg.KeepBytes), arriving: map[gossip.Dot]struct{}{},
		reports: newReports(), most: newMajority(cfg.Voters), own: ownReport{echo: map[string]uint64{}},
	}
	err := deps.Log.Replay(func(v gossip.Vector) {
		for s, n := range v {
			r.history.skip(s, n)
		}
	}, func(dot gossip.Dot, wire []byte) error {
		var e gossip.Envelope
		if err := e.UnmarshalBinary(wire); err != nil {
			return err
		}
		if err := deps.Applier.Deliver(dot, e.Payload); err != nil && !errors.Is(err, ErrUnusable) {
			return err
		}
		r.history.add(dot, append([]byte(nil), wire...))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("replay purges: %w", err)
	}
	r.own.dirty = true
	return r, nil
}

// Publish numbers a purge, makes it durable, carries it out here, and sends it on
// its way. If it fails, the purge may still come into effect: with the next one.
func (r *Replica) Publish(payload []byte) (gossip.Dot, error) {
	r.publishing.Lock()
	defer r.publishing.Unlock()
	if f := r.failed; f != nil {
		// Its number is taken: what it names must never be anything else.
		if err := r.store(f); err != nil {
			return gossip.Dot{}, err
		}
	}
	e := gossip.Envelope{Kind: gossip.KindPurge, From: r.cfg.Self, Seq: r.seq + 1, Payload: payload}
	if err := e.Seal(r.deps.Signer); err != nil {
		return gossip.Dot{}, fmt.Errorf("publish: %w", err)
	}
	wire, err := e.MarshalBinary()
	if err != nil {
		return gossip.Dot{}, fmt.Errorf("publish: %w", err)
	}
	r.seq++
	s := &sealed{e.Dot(), wire, payload}
	r.failed = s
	return s.dot, r.store(s)
}

// store makes an issued purge durable and sends it. The caller holds publishing.
func (r *Replica) store(s *sealed) error {
	if err := r.deps.Log.Append(s.dot, s.wire); err != nil {
		return fmt.Errorf("publish %s: %w", s.dot, err)
	}
	r.arrives(s.dot)
	if err := r.deps.Applier.Deliver(s.dot, s.body); err != nil {
		r.mu.Lock()
		delete(r.arriving, s.dot)
		r.mu.Unlock()
		return fmt.Errorf("publish %s: %w", s.dot, err)
	}
	r.failed = nil
	if rep := r.issued(s); rep != nil {
		r.deps.Applier.Observe(*rep)
	}
	return nil
}

// issued sends a purge that is durable and in effect here, and returns this
// node's report of it: whoever asks how far it has come finds it signed.
func (r *Replica) issued(s *sealed) *Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.took(s.dot, s.wire)
	r.pushes = append(r.pushes, &push{s.dot, s.wire, r.cfg.Now().Add(retryFirst), retryFirst, retries})
	if len(r.pushes) > r.cfg.Keep {
		r.pushes = r.pushes[1:] // repair brings it
	}
	r.send(s)
	return r.report(r.cfg.Now())
}

// arrives has Horizon name what is about to come into effect.
func (r *Replica) arrives(dots ...gossip.Dot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range dots {
		r.arriving[d] = struct{}{}
	}
}

// took notes a purge that is durable and in effect. The caller holds mu.
func (r *Replica) took(dot gossip.Dot, wire []byte) {
	delete(r.arriving, dot)
	r.history.add(dot, wire)
	r.own.dirty = true
	r.settle()
}

// settle sees whether watermarks count now. The caller holds mu.
func (r *Replica) settle() {
	r.mark.settle(r.cfg.Now(), r.history.vector, r.deps.Feed.Index(), r.cfg.Enrolled())
}

// send pushes a purge of this node: to each node of the region, to one of each
// other region. The caller holds mu.
func (r *Replica) send(s *sealed) {
	direct := encode(part{partEnvelope, s.wire})
	gateway := encode(part{partEnvelope, s.wire}, part{partFanOut, nil})
	far := map[string][]string{}
	for _, p := range r.peers {
		switch {
		case !p.Alive:
		case p.Region == r.cfg.Self.Region:
			r.deps.Transport.Send(p.ID, direct)
		default:
			far[p.Region] = append(far[p.Region], p.ID)
		}
	}
	for _, region := range slices.Sorted(maps.Keys(far)) { // in one order: a simulated run must be had again
		ids := far[region]
		r.deps.Transport.Send(ids[s.dot.Seq%uint64(len(ids))], gateway)
	}
	r.broadcast(direct)
}

func (r *Replica) broadcast(message []byte) {
	if len(message) <= MaxBroadcast {
		r.deps.Transport.Broadcast(message)
	}
}

// SetPeers says which other nodes there are.
func (r *Replica) SetPeers(peers []Neighbour) {
	list := make([]Neighbour, 0, len(peers))
	for _, p := range peers {
		if p.ID != r.cfg.Self.Node {
			list = append(list, p)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.peers = list
}

// Isolated reports whether the node may have missed a purge. now must not come
// from a cached clock. HOT.
func (r *Replica) Isolated(now time.Time) bool { return r.mark.isolated(now) }

// Held reports whether the node is not isolated, and for how long it has not been
// without a break; where it is, for how long it has been (for ever, if this process
// never was otherwise). What was acknowledged by a majority of the voters before, it has,
// records of the control log too. HOT.
func (r *Replica) Held(now time.Time) (time.Duration, bool) { return r.mark.held(now) }

// Majority is for how long this node has known that most voters decide by the
// records of the control log up to index; false if it does not know it. Whoever has
// had no watermark for IsolatedAfter since, by its own clock, or lacks those records,
// is isolated (SEMANTICS §6).
func (r *Replica) Majority(index uint64) (time.Duration, bool) {
	now := r.cfg.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.most.since(index, now)
}

// WatermarkAge is how long ago the node was known to have everything. HOT.
func (r *Replica) WatermarkAge(now time.Time) time.Duration { return r.mark.age(now) }

// Ready reports whether the node has, since its start, had everything that a
// majority of the voters named, itself included.
func (r *Replica) Ready() bool { return r.mark.ready.Load() }

// Horizon returns the highest number applied of each source, also where one
// before it is missing still: whoever has all of that has everything that this
// node has. It is what an owner is told. Applied would not do: a purge that came
// before its predecessor is in effect here, and Applied does not name it. Nor does
// it name one that is just coming into effect: what fills then is told an owner's
// copy from before it, and stored as if it came after.
func (r *Replica) Horizon() gossip.Vector {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := r.history.vector.Clone()
	for s, ahead := range r.history.beyond {
		for seq := range ahead {
			v[s] = max(v[s], seq)
		}
	}
	for d := range r.arriving {
		v[d.Source()] = max(v[d.Source()], d.Seq)
	}
	return v
}

// Skipped returns up to where purges are not kept any more: of those nobody can
// say here what they were.
func (r *Replica) Skipped() gossip.Vector {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.history.skipped.Clone()
}

// Applied returns what the node has, of each source without a gap: a copy.
func (r *Replica) Applied() gossip.Vector {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.history.vector.Clone()
}

// Stats returns the counts so far.
func (r *Replica) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats
}
