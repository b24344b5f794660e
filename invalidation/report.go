package invalidation

import (
	"slices"
	"time"

	"github.com/letteros/letteredge/gossip"
)

// Report is a node's signed statement of what it has applied, as the one who
// moves reports hands it over. It is a receipt for each purge that it covers.
type Report struct {
	Node    string
	Applied interface{ Covers(gossip.Dot) bool } // everything that the node has applied
	Known   []Peer                               // the nodes enrolled as far as it knew
	Details []Receipt                            // of some of what it covers, the latest; Node is not looked at
	// Signature is the node's over its report.
	Signature []byte
}

// evidence is the receipt of one node for one purge, as known here.
type evidence struct {
	at        time.Time // when it came, by this node's clock
	known     []Peer    // what every report that covered the purge named
	detailed  bool      // the next two are told
	afterMS   float64
	entries   *int
	signature []byte
}

// names keeps of what a receipt names so far what a further report of the same
// node names, too. The first report that covers a purge names fewest nodes, but
// it may come last, or never: what all of them name is the same in any order,
// and it holds no joiner that came after the purge and that some report shows.
func (v *evidence) names(known []Peer) (changed bool) {
	absent := func(p Peer) bool { return !slices.Contains(known, p) }
	if slices.Equal(v.known, known) || !slices.ContainsFunc(v.known, absent) {
		return false
	}
	v.known = slices.DeleteFunc(slices.Clone(v.known), absent) // what it was may be others', too
	return true
}

// identical reports whether two lists are the same one.
func identical(a, b []Peer) bool { return len(a) == len(b) && len(a) > 0 && &a[0] == &b[0] }

// detail takes over what a report tells of the receipt, unless it is known
// better already: a count is better than none, and the larger the better, so
// that the order of reports does not matter.
func (v *evidence) detail(r Receipt, signature []byte) (changed bool) {
	if v.detailed && (r.Entries == nil || v.entries != nil && *v.entries >= *r.Entries) {
		return false
	}
	v.detailed, v.afterMS, v.entries, v.signature = true, r.AppliedAfterMS, r.Entries, signature
	return true
}

// Observe takes in a report, and wakes whoever waits for what it says. A node's
// reports may come in any order, and more than once; those of a purge may come
// before it, but then the node's latest must come last. This node's own bring the
// signature of its receipts. It does not block.
func (e *Engine) Observe(r Report) {
	anew, answered := e.known.observe(r, e.voters(), e.cfg.Now())
	if anew {
		e.news.tell()
	}
	if len(answered) == 0 {
		return
	}
	e.apply.Lock()
	hooks := e.answered
	e.apply.Unlock()
	for _, after := range answered {
		for _, hook := range hooks {
			hook(after)
		}
	}
}

// SubscribeAnswered has hook called, for each other node's receipt of a purge that
// this process accepted, with how long after the acceptance it came, by this
// node's clock. It must be quick.
func (e *Engine) SubscribeAnswered(hook func(after time.Duration)) {
	e.apply.Lock()
	defer e.apply.Unlock()
	e.answered = append(e.answered, hook)
}

// MembersChanged wakes whoever waits, as a node may have left.
func (e *Engine) MembersChanged() { e.news.tell() }
