package spread

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/letteros/letteredge/gossip"
)

// repairBytes bounds what one message of repair holds.
const repairBytes = 512 << 10

// Receive takes in a message. from is the node at the other end of the stream
// that it came by, as its certificate says; "" for a broadcast, which may say
// what is signed, and ask for nothing.
func (r *Replica) Receive(from string, message []byte) {
	parts, err := decode(message)
	if err != nil {
		r.count(func(s *Stats) { s.Malformed++ })
		return
	}
	fanOut := slices.ContainsFunc(parts, func(p part) bool { return p.kind == partFanOut })
	for _, p := range parts {
		switch {
		case p.kind == partEnvelope:
			r.envelope(p.data, fanOut && from != "")
		case p.kind == partFanOut:
		case from == "":
			r.count(func(s *Stats) { s.Malformed++ })
		case p.kind == partProbe && len(p.data) == 8:
			r.mu.Lock()
			if len(r.own.echo) < maxKnown {
				r.own.echo[from] = binary.BigEndian.Uint64(p.data)
			}
			r.mu.Unlock()
		case p.kind == partDigest:
			r.answer(from, p.data)
		case p.kind == partSkipped:
			r.skip(from, p.data)
		case p.kind == partMore:
			r.mu.Lock()
			r.deps.Transport.Send(from, encode(r.digest(true)))
			r.mu.Unlock()
		default:
			r.count(func(s *Stats) { s.Unknown++ })
		}
	}
}

func (r *Replica) count(add func(*Stats)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	add(&r.stats)
}

// envelope takes in a signed statement.
func (r *Replica) envelope(wire []byte, fanOut bool) {
	var e gossip.Envelope
	if err := e.UnmarshalBinary(wire); err != nil {
		r.count(func(s *Stats) { s.Malformed++ })
		return
	}
	if e.Kind == gossip.KindPurge && r.known(&e, fanOut, wire) || e.Kind == gossip.KindReport && r.reported(&e) {
		return
	}
	if err := e.Open(r.deps.Verifier); err != nil {
		r.refuse(&e, err)
		return
	}
	switch e.Kind {
	case gossip.KindPurge:
		r.purge(&e, append([]byte(nil), wire...), fanOut)
	case gossip.KindReport:
		r.heard(&e, append([]byte(nil), wire...))
	case gossip.KindRecords:
		r.merge(&e)
	default:
		r.count(func(s *Stats) { s.Unknown++ })
	}
}

// known drops what this node has, before it is worth a signature's check. What
// is to be passed on is, all the same: whoever asked does not know better.
func (r *Replica) known(e *gossip.Envelope, fanOut bool, wire []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, arriving := r.arriving[e.Dot()]
	if !arriving && !r.history.has(e.Dot()) {
		return false
	}
	r.stats.Replayed++
	if mine := r.history.entries[e.From.Source()][e.Seq]; fanOut && slices.Equal(mine, wire) {
		r.passOn(e.From.Node, wire)
	}
	return true
}

// reported drops a report that is no news, before it is worth a signature's
// check.
func (r *Replica) reported(e *gossip.Envelope) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.reports.latest[e.From.Source()]
	if old == nil || old.report.Seq < e.Seq {
		return false
	}
	r.stats.Replayed++
	return true
}

// passOn sends a purge to the region's other nodes. The caller holds mu.
func (r *Replica) passOn(origin string, wire []byte) {
	message := encode(part{partEnvelope, wire})
	for _, p := range r.peers {
		if p.Alive && p.Region == r.cfg.Self.Region && p.ID != origin {
			r.deps.Transport.Send(p.ID, message)
		}
	}
}

// purge takes in a purge of another node for the first time.
func (r *Replica) purge(e *gossip.Envelope, wire []byte, fanOut bool) {
	dot := e.Dot()
	r.mu.Lock()
	_, arriving := r.arriving[dot]
	if arriving || r.history.has(dot) || e.From.Node == r.cfg.Self.Node && e.From.Incarnation == r.cfg.Self.Incarnation || !r.history.admits(dot) {
		r.stats.Replayed++
		r.mu.Unlock()
		return
	}
	r.arriving[dot] = struct{}{}
	if fanOut {
		r.passOn(e.From.Node, wire)
	}
	r.broadcast(encode(part{partEnvelope, wire}))
	r.mu.Unlock()

	err := r.deps.Log.Append(dot, wire)
	if err == nil {
		err = r.deps.Applier.Deliver(dot, e.Payload)
	}
	if errors.Is(err, ErrUnusable) {
		// What a node of the cluster wants purged, and we cannot read, may be
		// anything.
		r.deps.Applier.Clamp(fmt.Sprintf("purge %s: %v", dot, err))
		r.count(func(s *Stats) { s.Clamped++ })
		err = nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		delete(r.arriving, dot)
		r.stats.Failed++
		r.cfg.Log.Error("purge not taken in; it will be asked for again", "purge", dot.String(), "err", err)
		return
	}
	r.stats.Purges++
	r.took(dot, wire)
}

// heard takes in a report.
func (r *Replica) heard(e *gossip.Envelope, wire []byte) {
	r.mu.Lock()
	former := r.reports.former(e.From.Node)
	r.mu.Unlock()
	rep, err := readReport(e, former)
	if err != nil {
		r.count(func(s *Stats) { s.Malformed++ })
		return
	}
	r.mu.Lock()
	if rep.From.Node == r.cfg.Self.Node && rep.From.Incarnation == r.cfg.Self.Incarnation || !r.reports.add(rep, wire) {
		r.stats.Replayed++
		r.mu.Unlock()
		return
	}
	r.most.told(rep.From.Node, rep.Index, r.cfg.Now())
	if nonce, asked := rep.Echo[r.cfg.Self.Node]; asked {
		r.mark.answered(rep.From.Node, nonce, rep)
		r.settle()
	}
	r.mu.Unlock()
	r.deps.Applier.Observe(*rep)
}

var errNotVoter = errors.New("records of the control log are voters' to tell")

// merge takes in records of the control log, which only voters may tell.
func (r *Replica) merge(e *gossip.Envelope) {
	if !slices.Contains(r.cfg.Voters, e.From.Node) {
		r.refuse(e, errNotVoter)
		return
	}
	if r.votes() {
		return // its records come out of the log
	}
	if err := r.deps.Feed.Merge(e.Payload); err != nil {
		r.count(func(s *Stats) { s.Malformed++ })
		r.cfg.Log.Warn("records not taken in", "from", e.From.Node, "err", err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.own.dirty = true
	r.settle()
}

// answer tells another node what it lacks, and asks for what this one does.
func (r *Replica) answer(from string, data []byte) {
	var d digest
	if err := d.UnmarshalBinary(data); err != nil {
		r.count(func(s *Stats) { s.Malformed++ })
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Repaired++
	list, gone, more := r.history.since(d.Vector, repairBytes)
	var parts []part
	if len(gone) > 0 {
		parts = append(parts, jsonPart(partSkipped, skipped{gone}))
	}
	for _, wire := range list {
		parts = append(parts, part{partEnvelope, wire})
	}
	for _, wire := range r.reports.newer(d.Reports, repairBytes) {
		parts = append(parts, part{partEnvelope, wire})
	}
	if more {
		parts = append(parts, part{partMore, nil})
	}
	if d.Want { // what the other has beyond a gap its vector does not tell
		parts = append(parts, r.digest(false))
	}
	if len(parts) > 0 {
		r.deps.Transport.Send(from, encode(parts...))
	}
	if r.votes() && d.Index < r.deps.Feed.Index() {
		if message, _ := r.records(d.Index); message != nil {
			r.deps.Transport.Send(from, message)
		}
	}
}

// skip is told that purges this node lacks are not kept any more: it can only
// empty its cache, and go on behind them.
func (r *Replica) skip(from string, data []byte) {
	var s skipped
	if err := json.Unmarshal(data, &s); err != nil {
		r.count(func(s *Stats) { s.Malformed++ })
		return
	}
	r.mu.Lock()
	lacks := !r.history.vector.CoversAll(s.UpTo) && len(s.UpTo)+len(r.history.vector) <= gossip.MaxSources
	r.mu.Unlock()
	if !lacks {
		return
	}
	var last []gossip.Dot
	for source, seq := range s.UpTo {
		last = append(last, gossip.Dot{Node: source.Node, Incarnation: source.Incarnation, Seq: seq})
	}
	r.arrives(last...) // what fills the emptied cache must be from after them
	r.deps.Applier.Clamp("purges missed that " + from + " keeps no more")
	var err error
	for _, d := range last {
		if err = r.deps.Log.Skip(d.Source(), d.Seq); err != nil {
			r.cfg.Log.Error("skipped purges not noted", "err", err)
			break
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range last {
		delete(r.arriving, d)
	}
	if err != nil {
		return
	}
	r.stats.Clamped++
	for _, d := range last {
		r.history.skip(d.Source(), d.Seq)
	}
	r.own.dirty = true
	r.settle()
}
