package invalidation

import (
	"encoding/base64"
	"fmt"
	"time"
)

// Get returns what is known of a purge, or ErrUnknownPurge; any node of the
// cluster can say it. After a restart a purge whose count had not been settled
// shows no entries, as the cache began empty.
func (e *Engine) Get(id string) (View, error) {
	p, ok := e.known.snapshot(id)
	if !ok {
		return View{}, fmt.Errorf("purge %.80q: %w", id, ErrUnknownPurge)
	}
	return e.view(p, e.presence()), nil
}

// List returns up to limit purges, the latest first, beginning behind the purge
// with the id after ("" for the first page), and that for the next page, "" on
// the last.
func (e *Engine) List(after string, limit int) (views []View, next string) {
	list, more := e.known.list(after, max(1, limit))
	views = make([]View, 0, len(list))
	presence := e.presence()
	for _, p := range list {
		views = append(views, e.view(p, presence))
	}
	if more {
		next = views[len(views)-1].Purge
	}
	return views, next
}

// States counts the purges that are known, the latest 2,000, by their state now:
// pending, partial and complete.
func (e *Engine) States() map[string]int {
	list, complete := e.known.open(maxDetailed)
	counts := map[string]int{statePending: 0, statePartial: 0, stateComplete: complete}
	presence := e.presence()
	for _, p := range list {
		counts[e.view(p, presence).State]++
	}
	return counts
}

// inquiry is what to ask about the standing of a purge now.
func (e *Engine) inquiry(p purge, presence func(string) Presence) Inquiry {
	now := e.cfg.Now()
	q := Inquiry{
		Acceptor: p.rec.Expected, Voters: e.voters(), Receipts: p.named(), Presence: presence,
		Overdue: now.Sub(p.learned) >= p.rec.timeout(),
	}
	if len(q.Acceptor) == 0 { // of a time when this node was alone
		q.Acceptor = []Peer{{ID: e.cfg.Node, Region: e.cfg.Region}}
	}
	if p.majority {
		q.SinceMajority = now.Sub(p.majorityAt)
	}
	return q
}

func (e *Engine) view(p purge, presence func(string) Presence) View {
	s := e.inquiry(p, presence).Standing()
	if s.State == stateComplete && !p.complete {
		e.known.completed(p.id)
	}
	v := View{
		Purge: p.id, State: s.State,
		Select: p.rec.Selector, Mode: p.rec.Mode, AcceptedAt: p.rec.At, By: p.rec.By,
		Nodes: make([]NodeView, 0, len(s.Nodes)), Regions: s.Regions,
	}
	if p.complete {
		v.State = stateComplete
		for i := range v.Regions {
			v.Regions[i].State = stateComplete
		}
	}
	for _, n := range s.Nodes {
		v.Nodes = append(v.Nodes, e.nodeView(p, n))
	}
	return v
}

func (e *Engine) nodeView(p purge, n NodeStanding) NodeView {
	v := NodeView{ID: n.ID, Region: n.Region, State: n.State}
	r := p.receipts[n.ID]
	if r == nil {
		return v
	}
	if !r.at.IsZero() {
		after := milliseconds(r.at.Round(0).Sub(p.rec.At))
		v.ReceiptAfterMS = &after
	}
	if n.ID == e.cfg.Node {
		v.AppliedAfterMS, v.Entries = &p.rec.Applied.AfterMS, p.rec.Applied.Entries
		v.ReceiptAfterMS = v.AppliedAfterMS
	} else if r.detailed {
		v.AppliedAfterMS, v.Entries = &r.afterMS, r.entries
	}
	if r.signature != nil {
		v.Signature = base64.StdEncoding.EncodeToString(r.signature)
	}
	return v
}

// timeout is after how long the purge counts as partial.
func (r Record) timeout() time.Duration {
	if r.Timeout == 0 {
		return DefaultTimeout
	}
	return r.Timeout
}
