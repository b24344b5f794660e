package spread

import (
	"maps"
	"slices"
	"time"

	"github.com/letteros/letteredge/gossip"
)

// ownReport is what this node's next report is made of.
type ownReport struct {
	seq     uint64
	at      time.Time
	dirty   bool // something has been applied since
	details []Detail
	fresh   int               // how many of the latest details have not been told
	echo    map[string]uint64 // probes to answer
	told    standing
}

// standing is what a node says of itself.
type standing struct{ ready, isolated bool }

// NoteReceipt adds what is to be told of a purge that this node has applied, or
// changes it.
func (r *Replica) NoteReceipt(d Detail) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := &r.own
	for i := len(o.details) - 1; i >= 0; i-- {
		if o.details[i].Dot == d.Dot {
			o.details = slices.Delete(o.details, i, i+1)
			if i >= len(o.details)+1-o.fresh {
				o.fresh--
			}
			break
		}
	}
	o.details = append(o.details, d)
	if len(o.details) > maxDetails {
		o.details = slices.Delete(o.details, 0, len(o.details)-maxDetails)
	}
	o.fresh = min(o.fresh+1, len(o.details))
	o.dirty = true
}

// minDetails is how many details a report has beside those not told yet: a
// report that was lost takes no receipt's figures with it.
const minDetails = 16

// report makes this node's report, if there is anything to say. The caller holds
// mu; what it returns is to be observed without.
func (r *Replica) report(now time.Time) *Report {
	o := &r.own
	if standing := (standing{r.Ready(), r.Isolated(now)}); standing != o.told {
		o.told, o.dirty = standing, true
	}
	index := r.deps.Feed.Index()
	if mine := r.cfg.Enrolled(); mine == 0 || index < mine {
		// This process may know less of the control log than its predecessor had said
		// that it has: it vouches for nothing before the log holds its own beginning.
		clear(o.echo)
	}
	if !o.dirty && len(o.echo) == 0 && now.Sub(o.at) < reportEvery {
		return nil
	}
	o.seq++
	tell := min(len(o.details), max(o.fresh, minDetails))
	rep := &Report{
		From: r.cfg.Self, Seq: o.seq, Applied: r.history.vector.Clone(), Index: index, Known: r.cfg.Known(),
		Ready: r.Ready(), Isolated: r.Isolated(now),
		Details: slices.Clone(o.details[len(o.details)-tell:]), Echo: maps.Clone(o.echo),
	}
	payload, err := rep.AppendBinary(nil)
	if err == nil {
		e := gossip.Envelope{Kind: gossip.KindReport, From: r.cfg.Self, Seq: rep.Seq, Payload: payload}
		if err = e.Seal(r.deps.Signer); err == nil {
			rep.Signature = e.Signature
			var wire []byte
			if wire, err = e.MarshalBinary(); err == nil {
				r.spreadReport(rep, wire)
			}
		}
	}
	if err != nil {
		r.cfg.Log.Error("report not sent", "err", err)
	}
	changed := o.dirty
	o.dirty, o.fresh, o.at = false, 0, now
	clear(o.echo)
	if !changed {
		return nil
	}
	return rep
}

// spreadReport sends it to all if it says anything new, else to those who asked.
func (r *Replica) spreadReport(rep *Report, wire []byte) {
	r.reports.add(rep, wire)
	message := encode(part{partEnvelope, wire})
	for _, p := range r.peers {
		_, asked := rep.Echo[p.ID]
		if asked || p.Alive && r.own.dirty {
			r.deps.Transport.Send(p.ID, message)
		}
	}
	if r.own.dirty {
		r.broadcast(message)
	}
}
