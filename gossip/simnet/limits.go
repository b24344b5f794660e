package simnet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/invalidation"
	"github.com/letteros/letteredge/quota"
)

// limited is the segment whose quota an operator changes.
const limited = "b2b"

// limit is one definition of its quota, which one change made.
type limit struct {
	rps       float64
	burst     int
	committed time.Time
	effective time.Time // as the operator was told; zero while, or if, nobody could tell
}

// definition is what the log has of the quota.
type definition struct {
	quota.Quota
	index uint64
}

// nobody's ledger: what changes in a run, the world writes.
type noLedger struct{}

func (noLedger) Update(context.Context, []string, func(map[string]gossip.Record) (gossip.Txn, error)) (gossip.Outcome, error) {
	return gossip.Outcome{}, errors.New("nobody writes by it")
}

// shares gives the process its part of the quotas.
func (p *process) share() error {
	w := p.world
	p.gate = quota.NewSeededGate(func() time.Time { return w.now }, w.seed)
	if !w.guards.EndlessShares {
		p.gate.Within(func(now time.Time) (time.Duration, bool) { return p.replica.Held(now) })
	}
	var err error
	p.quotas, err = quota.NewRegistry(quota.Config{
		Node: p.id, Incarnation: p.self.Incarnation, Voters: w.voters, Expiry: invalidation.FenceAfter,
	}, noLedger{}, p.gate)
	return err
}

// spend makes requests that the quota governs.
func (p *process) spend() {
	for range 4 {
		if d := p.gate.Take(limited, 1); d.Governed && d.Allowed {
			p.world.admitted = append(p.world.admitted, d.At)
		}
	}
}

// operator changes the quota by one node after another, and is told since when the
// former one binds nobody.
func (w *World) operator() {
	if w.now.Sub(epoch()) > storm+aftermath-3*time.Second {
		return // the last change must be everywhere in the end
	}
	defer w.after(w.between(3*time.Second, 11*time.Second), w.operator)
	n := w.nodes[w.rand.IntN(len(w.nodes))]
	if !n.runs() || !n.process.majority() {
		return
	}
	rates := []float64{1, 3, 20, 300}
	l := &limit{rps: rates[w.rand.IntN(len(rates))], committed: w.now}
	l.burst = int(l.rps)
	q := quota.New(limited, l.rps)
	q.Burst = l.burst
	value, err := q.MarshalJSON()
	if err != nil {
		w.fail("quota: %v", err)
		return
	}
	w.append(gossip.Txn{Puts: []gossip.Put{{Key: quota.QuotaKey + limited, Value: value}}})
	w.limits = append(w.limits, l)
	former := w.defined
	w.defined = definition{q, uint64(len(w.log))}
	n.process.settle(l, n.process.quotas.Settling(limited, uint64(len(w.log)), quota.Former{
		Index: former.index, Outlasts: former.index > 0 && former.Outlasts(q),
	}))
}

// settle looks, as a PUT does, how far a change has come.
func (p *process) settle(l *limit, s *quota.Settling) {
	w := p.world
	w.after(20*time.Millisecond, func() {
		if p.node.process != p || w.now.Sub(l.committed) > 10*time.Second {
			return
		}
		p.inbox(func() {
			at, known, final := s.Look()
			if final || known && w.now.Sub(l.committed) > time.Second {
				l.effective = at
				return
			}
			p.settle(l, s)
		})
	})
}

// within checks that, from when on a limit was said to bind until it was changed
// again, all nodes together have admitted no more than it allows, in any window.
func (w *World) within() {
	for i, l := range w.limits {
		end := w.now
		if i+1 < len(w.limits) {
			end = w.limits[i+1].committed
		}
		if l.effective.IsZero() {
			continue
		}
		level, last := 0.0, time.Time{} // what is above the rate, over the window where it is most
		for _, at := range w.admitted {
			if at.Before(l.effective) || at.After(end) {
				continue
			}
			w.Bound++
			level = max(0, level-l.rps*at.Sub(last).Seconds()) + 1
			if last = at; level > float64(l.burst)+1e-6 {
				w.fail("%.2f above the rate are admitted %s after a limit of %g and %d was said to bind, which was %s after its change",
					level, at.Sub(l.effective), l.rps, l.burst, l.effective.Sub(l.committed))
				return
			}
		}
	}
}

// enrolment is what the process writes into the control log.
func (p *process) enrolment() []byte {
	return fmt.Appendf(nil, `{"region":%q,"start":%d,"incarnation":"%016x"}`, p.region, p.starts, p.self.Incarnation)
}
