package serve

import (
	"net/netip"
	"sync"
)

// perClient bounds the connections that one client address has on a listener.
type perClient struct {
	most int // 0: no bound

	mu   sync.Mutex // guards open
	open map[netip.Addr]int
}

func newPerClient(most int) *perClient { return &perClient{most: most, open: make(map[netip.Addr]int)} }

// enter counts a connection, unless it is one too many.
func (p *perClient) enter(client netip.Addr) bool {
	if p.most == 0 {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open[client] >= p.most {
		return false
	}
	p.open[client]++
	return true
}

// leave counts one off that has entered.
func (p *perClient) leave(client netip.Addr) {
	if p.most == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open[client]--; p.open[client] == 0 {
		delete(p.open, client)
	}
}
