package serve

import (
	"net/netip"
	"sync"
)

// admission bounds the connections of a listener: all, on whichever of its sockets, and
// those of one client address.
type admission struct {
	most, mostOfOne int // mostOfOne 0: no such bound
	refused         *refusals

	mu   sync.Mutex // guards the rest
	open int
	of   map[netip.Addr]int // if mostOfOne
}

func newAdmission(cfg Config, refused *refusals) *admission {
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
		return &a.refused.tcp
	}
	a.open++
	if a.mostOfOne > 0 {
		a.of[client]++
	}
	return nil
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
