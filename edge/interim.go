package edge

import "sync"

// Informer takes interim responses (RFC 9110 §15.2) to a reader, while the core
// is still waiting for the final one. A transport that can send them sets one in
// its Exchange. Inform is called from other goroutines than Serve's, never by two
// at a time, and never after Serve has returned; fields are its own to keep.
type Informer interface {
	Inform(status int, fields []Field)
}

// maxInterim bounds the interim responses that are passed on of one fetch: an
// origin that sends nothing else must not keep a reader busy.
const maxInterim = 16

// relay passes interim responses on as long as its reader waits.
type relay struct {
	mu sync.Mutex
	to Informer // nil once nobody waits
	n  int
}

// relayOf returns a relay to the reader of x, nil where its transport takes none.
func relayOf(x *Exchange) *relay {
	if x.Informer == nil {
		return nil
	}
	return &relay{to: x.Informer}
}

// forward is Fetch.Interim. It recovers what a transport panics with, for the
// goroutine is the origin client's, which belongs to no request.
func (r *relay) forward(status int, fields []Field) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() {
		if recover() != nil {
			r.to = nil
		}
	}()
	if r.n++; r.to != nil && r.n <= maxInterim {
		r.to.Inform(status, fields)
	}
}

// end waits for an interim response that is under way; none follows it.
func (r *relay) end() {
	if r == nil {
		return
	}
	r.mu.Lock()
	r.to = nil
	r.mu.Unlock()
}

// interim is what a fetch for r is given; nil where nobody listens.
func (r *relay) interim() func(int, []Field) {
	if r == nil {
		return nil
	}
	return r.forward
}
