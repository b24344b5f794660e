package h3

import (
	"sync"
	"sync/atomic"

	"github.com/letteros/letteredge/edge/serve/section"
)

// prioritizer is what of a stream can be told its importance.
type prioritizer interface {
	SetPriority(urgency int8, incremental bool)
}

// maxEarly bounds the updates that wait for their streams: they may come before
// them (RFC 9218 §7), but need not be kept.
const maxEarly = 64

// priorities are what a client says of the order of its answers (RFC 9218).
type priorities struct {
	// told: the client has said anything of the kind. Until then its streams take
	// turns, as those of clients do that know nothing of RFC 9218; from then on its
	// default applies.
	told atomic.Bool
	next atomic.Int64 // the first stream that has not been accepted

	mu    sync.Mutex // guards the rest
	early map[int64]section.Importance
	live  map[int64]prioritizer // requests whose answers are still to be written
}

// update applies a PRIORITY_UPDATE for a stream. It is refused where the stream is
// beyond what the client may open: at most streams requests are not accepted yet, and
// it may open no more than as many after these.
func (p *priorities) update(id int64, i section.Importance, streams int64) fault {
	if id%4 != 0 {
		return connFault(codeID, "PRIORITY_UPDATE for what is no request stream")
	}
	p.told.Store(true)
	p.mu.Lock()
	defer p.mu.Unlock()
	next := p.next.Load()
	if id >= next+8*streams {
		return connFault(codeID, "PRIORITY_UPDATE for a stream beyond the limit")
	}
	if id >= next {
		if _, again := p.early[id]; again || len(p.early) < maxEarly {
			if p.early == nil {
				p.early = make(map[int64]section.Importance)
			}
			p.early[id] = i
		}
		return fault{}
	}
	if str := p.live[id]; str != nil {
		str.SetPriority(int8(i.Urgency), i.Incremental)
	}
	return fault{}
}

// opened sets the importance of a stream that has been accepted, from what its
// request says, and from an update, which wins (RFC 9218 §7).
func (p *priorities) opened(id int64, str prioritizer, said bool, i section.Importance) {
	if said {
		p.told.Store(true)
	}
	if !p.told.Load() {
		return
	}
	p.mu.Lock()
	if e, ok := p.early[id]; ok {
		i = e
		delete(p.early, id)
	}
	p.mu.Unlock()
	str.SetPriority(int8(i.Urgency), i.Incremental)
}

// requests is how many have been accepted.
func (p *priorities) requests() int64 { return p.next.Load() / 4 }

// accepted notes that streams up to id have been accepted.
func (p *priorities) accepted(id int64) { p.next.Store(id + 4) }

// wait makes a stream known to updates until done, as its answer is not written yet.
func (p *priorities) wait(id int64, str prioritizer) {
	p.mu.Lock()
	if p.live == nil {
		p.live = make(map[int64]prioritizer)
	}
	p.live[id] = str
	p.mu.Unlock()
}

// done forgets a stream.
func (p *priorities) done(id int64) {
	p.mu.Lock()
	delete(p.live, id)
	delete(p.early, id)
	p.mu.Unlock()
}

// forget drops what was said early of a stream whose request was answered at once,
// or was none.
func (p *priorities) forget(id int64) {
	if p.told.Load() {
		p.done(id)
	}
}
