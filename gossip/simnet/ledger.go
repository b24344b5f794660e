package simnet

import (
	"github.com/letteros/letteredge/gossip"
)

// append writes a transaction into the control log, as its voters agree on it.
func (w *World) append(txn gossip.Txn) {
	w.log = append(w.log, txn)
	if out := w.truth.Apply(uint64(len(w.log)), txn); !out.Applied {
		w.fail("the log does not take %v", txn)
	}
}

// of returns what the log says of some keys.
func (w *World) of(keys []string) map[string]gossip.Record {
	now := map[string]gossip.Record{}
	for _, k := range keys {
		if r, ok := w.truth.Get(k); ok {
			now[k] = r
		}
	}
	return now
}

// majority reports whether the node reaches most voters: then the control log
// takes what it writes.
func (p *process) majority() bool {
	n := 0
	for _, v := range p.world.voters {
		if o := p.world.find(v); o.runs() && p.world.groups[v] == p.world.groups[p.id] {
			n++
		}
	}
	return 2*n > len(p.world.voters)
}

// followLog applies what of the log has reached this voter, and leads if nobody
// else does.
func (p *process) followLog() {
	if !p.majority() {
		return
	}
	for i := p.records.Index(); i < uint64(len(p.world.log)); i++ {
		p.records.Apply(i+1, p.world.log[i])
		p.changed()
	}
	w := p.world
	if l := w.leader; l == nil || l.node.process != l || !l.runs() || !l.majority() {
		w.leader, w.term = p, w.term+1
	}
}

// leads reports whether the log takes what this voter writes as its leader.
func (p *process) leads() bool {
	return p.world.leader == p && p.node.process == p && p.runs() && p.majority()
}
