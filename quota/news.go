package quota

import "sync"

// news wakes all who wait for anything to happen.
type news struct {
	mu sync.Mutex
	ch chan struct{} // closed at the next tell; nil while nobody waits
}

// next returns a channel that the next tell closes. Ask for it before looking at
// what may change.
func (n *news) next() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ch == nil {
		n.ch = make(chan struct{})
	}
	return n.ch
}

func (n *news) tell() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ch != nil {
		close(n.ch)
		n.ch = nil
	}
}
