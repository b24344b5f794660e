package behaviour

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"sync"
)

// Holds is a handler in front of an origin's that can hold an answer back: made
// at once, from what the origin shows at that moment, and sent when the test
// lets go. So a fill can be under way with content that is old by the time it
// ends.
type Holds struct {
	next http.Handler
	mu   sync.Mutex // guards holds
	by   map[string]*Hold
}

// Hold is a hold on the answers for one path.
type Hold struct {
	// Held gets a value for each answer that is made and held back.
	Held chan struct{}
	free chan struct{}
	once sync.Once
}

// NewHolds puts Holds in front of a handler.
func NewHolds(next http.Handler) *Holds { return &Holds{next: next, by: map[string]*Hold{}} }

// Hold holds back the answers for a path, without the query, that are asked for
// from now on.
func (h *Holds) Hold(path string) *Hold {
	hold := &Hold{Held: make(chan struct{}, 4096), free: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.by[path] = hold
	return hold
}

// Let lets later answers for a path pass; those held stay so until their Hold
// is released.
func (h *Holds) Let(path string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.by, path)
}

// Release sends what is held back.
func (h *Hold) Release() { h.once.Do(func() { close(h.free) }) }

// ReleaseAll ends all holds in force.
func (h *Holds) ReleaseAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, hold := range h.by {
		hold.Release()
	}
	clear(h.by)
}

func (h *Holds) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	hold := h.by[r.URL.Path]
	h.mu.Unlock()
	if hold == nil {
		h.next.ServeHTTP(w, r)
		return
	}
	made := httptest.NewRecorder()
	h.next.ServeHTTP(made, r)
	hold.Held <- struct{}{}
	select {
	case <-hold.free:
	case <-r.Context().Done():
		return
	}
	for name, values := range made.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(made.Code)
	_, _ = bytes.NewReader(made.Body.Bytes()).WriteTo(w) // the node may have gone
}
