package spread

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/letteros/letteredge/gossip"
)

// Tick does what is due. It is to be called every few milliseconds.
func (r *Replica) Tick() {
	now := r.cfg.Now()
	r.mu.Lock()
	r.settle()
	r.most.told(r.cfg.Self.Node, r.deps.Feed.Index(), now)
	r.retry(now)
	if !now.Before(r.probeAt) {
		r.probeAt = now.Add(r.jitter(probeEvery))
		r.probe(now)
	}
	if !now.Before(r.repairAt) {
		r.repairAt = now.Add(r.jitter(repairEvery))
		r.repair()
	}
	r.pushFeed()
	rep, news := r.report(now), r.standing(now)
	r.mu.Unlock()
	if news != nil {
		news(r.cfg.Log)
	}
	if rep != nil {
		r.deps.Applier.Observe(*rep)
	}
}

// jitter is d, give or take a fifth.
func (r *Replica) jitter(d time.Duration) time.Duration {
	return d*4/5 + time.Duration(r.cfg.Rand.Int64N(int64(d*2/5)))
}

// retry sends purges of this node again to whom no receipt has come from.
func (r *Replica) retry(now time.Time) {
	r.pushes = slices.DeleteFunc(r.pushes, func(p *push) bool {
		if now.Before(p.next) {
			return false
		}
		p.left--
		p.wait *= 2
		p.next = now.Add(p.wait)
		message := encode(part{partEnvelope, p.wire})
		open := false
		for _, n := range r.peers {
			if n.Alive && !r.reports.covers(n.ID, p.dot) {
				open = true
				r.deps.Transport.Send(n.ID, message)
			}
		}
		return !open || p.left == 0
	})
}

// probe asks all voters for a watermark; a voter needs none of itself.
func (r *Replica) probe(now time.Time) {
	nonce := r.cfg.Rand.Uint64()
	message := encode(part{partProbe, binary.BigEndian.AppendUint64(nil, nonce)})
	for _, v := range r.cfg.Voters {
		r.mark.asked(v, nonce, now)
		if v != r.cfg.Self.Node {
			r.deps.Transport.Send(v, message)
			continue
		}
		r.mark.answered(v, nonce, &Report{Applied: r.history.vector.Clone(), Index: r.deps.Feed.Index()})
	}
	r.settle()
}

// repair compares what this node has with what a random other one has; every
// other time with a voter, which has the records.
func (r *Replica) repair() {
	var alive, voters []string
	for _, p := range r.peers {
		if p.Alive {
			alive = append(alive, p.ID)
			if slices.Contains(r.cfg.Voters, p.ID) {
				voters = append(voters, p.ID)
			}
		}
	}
	if len(voters) > 0 && r.cfg.Rand.IntN(2) == 0 {
		alive = voters
	}
	if len(alive) > 0 {
		r.deps.Transport.Send(alive[r.cfg.Rand.IntN(len(alive))], encode(r.digest(true)))
	}
}

func (r *Replica) digest(want bool) part {
	d := digest{Vector: r.history.vector, Index: r.deps.Feed.Index(), Reports: r.reports.numbers(), Want: want}
	data, err := d.AppendBinary(nil)
	if err != nil { // cannot be: history admits no more sources than a vector may have
		r.cfg.Log.Error("digest not written", "err", err)
	}
	return part{partDigest, data}
}

func (r *Replica) votes() bool { return slices.Contains(r.cfg.Voters, r.cfg.Self.Node) }

// pushFeed tells of new records, if this node is a voter: its region, and, the
// first of the living voters, regions that have no voter alive.
func (r *Replica) pushFeed() {
	if !r.votes() || r.deps.Feed.Index() <= r.feedFor {
		return
	}
	message, complete := r.records(r.feedFor)
	if message == nil {
		return
	}
	r.feedFor = complete
	served := map[string]bool{}
	first := true
	for _, p := range r.peers {
		if p.Alive && slices.Contains(r.cfg.Voters, p.ID) {
			served[p.Region] = true
			first = first && r.cfg.Self.Node < p.ID
		}
	}
	for _, p := range r.peers {
		if p.Alive && !slices.Contains(r.cfg.Voters, p.ID) && (p.Region == r.cfg.Self.Region || first && !served[p.Region]) {
			r.deps.Transport.Send(p.ID, message)
		}
	}
	r.broadcast(message)
}

// records is a message with the records after index, signed by this voter.
func (r *Replica) records(index uint64) (message []byte, complete uint64) {
	data, complete := r.deps.Feed.Since(index, gossip.MaxPayload)
	e := gossip.Envelope{Kind: gossip.KindRecords, From: r.cfg.Self, Seq: complete, Payload: data}
	if err := e.Seal(r.deps.Signer); err != nil {
		r.cfg.Log.Error("records not sent", "err", err)
		return nil, 0
	}
	wire, err := e.MarshalBinary()
	if err != nil {
		r.cfg.Log.Error("records not sent", "err", err)
		return nil, 0
	}
	return encode(part{partEnvelope, wire}), complete
}
