package serve

import (
	"net/netip"
	"sync"

	"github.com/letteros/letteredge/edge/serve/h3"
)

var _ h3.Admission = quicAdmission{}

// admission bounds the connections of a listener: all, on whichever of its sockets, and
// those of one client address.
type admission struct {
	most, mostOfOne int // mostOfOne 0: no such bound
	refused         *overs

	mu   sync.Mutex // guards the rest
	open int
	of   map[netip.Addr]int // if mostOfOne
}

func newAdmission(cfg Config, refused *overs) *admission {
	return &admission{most: cfg.MaxConns, mostOfOne: cfg.MaxConnsPerIP, refused: refused, of: make(map[netip.Addr]int)}
}

// enter counts a connection. If it is one too many, it returns what it is over, which
// has counted it.
func (a *admission) enter(client netip.Addr) (over *refusal) {
	if over = a.count(client); over != nil {
		over.note() // it may log: not under the lock
	}
	return over
}

func (a *admission) count(client netip.Addr) (over *refusal) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.mostOfOne > 0 && a.of[client] >= a.mostOfOne:
		return &a.refused.perClient
	case a.open >= a.most:
		return &a.refused.all
	}
	a.open++
	if a.mostOfOne > 0 {
		a.of[client]++
	}
	return nil
}

// busy reports whether half of what there may be is there.
func (a *admission) busy(client netip.Addr) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open >= (a.most+1)/2 || a.mostOfOne > 0 && a.of[client] >= (a.mostOfOne+1)/2
}

// leave counts one off that has entered.
func (a *admission) leave(client netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open--
	if a.mostOfOne == 0 {
		return
	}
	if a.of[client]--; a.of[client] == 0 {
		delete(a.of, client)
	}
}

// quicAdmission is an admission for QUIC, whose clients may send from addresses that are
// not theirs: to show that they are costs a round trip, so it is asked for from half of
// what there may be on.
type quicAdmission struct{ *admission }

func (a quicAdmission) Enter(client netip.Addr) bool { return a.enter(client) == nil }
func (a quicAdmission) Leave(client netip.Addr)      { a.leave(client) }
func (a quicAdmission) Busy(client netip.Addr) bool  { return a.busy(client) }
