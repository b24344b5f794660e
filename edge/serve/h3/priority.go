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

// unsaid is the importance of answers to a client that knows nothing of RFC 9218, which
// is what a stream of quic-go has at first.
func unsaid() section.Importance {
	return section.Importance{Urgency: section.Default().Urgency, Incremental: true}
}

// place is where an answer stands that is still to be written.
type place struct {
	str prioritizer
	section.Importance
	writing bool // at the client's pace
	stalled bool // of what is being written nothing has gone out for a while
}

// tell says it to the stream. What shall not be incremental is so only while somebody
// watches over it: see priorities.writing.
func (p place) tell() { p.str.SetPriority(int8(p.Urgency), !p.inTurn()) }

// inTurn reports whether the answers behind it wait for this one.
func (p place) inTurn() bool { return p.writing && !p.stalled && !p.Incremental }

// priorities are what a client says of the order of its answers (RFC 9218).
type priorities struct {
	// told: the client has said anything of the kind. Until then its streams take
	// turns, as those of clients do that know nothing of RFC 9218; from then on its
	// default applies.
	told atomic.Bool
	next atomic.Int64 // the first stream that has not been accepted

	mu    sync.Mutex // guards the rest
	early map[int64]section.Importance
	live  map[int64]place // requests whose answers are still to be written
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
	p.changeLocked(id, func(at *place) { at.Importance = i })
	return fault{}
}

// changeLocked changes where an answer stands, if it is still to be written.
func (p *priorities) changeLocked(id int64, change func(*place)) {
	if at, ok := p.live[id]; ok {
		change(&at)
		p.live[id] = at
		at.tell()
	}
}

// opened returns the importance of a stream that has been accepted, from what its
// request says, and from an update, which wins (RFC 9218 §7), and applies it.
func (p *priorities) opened(id int64, str prioritizer, said bool, i section.Importance) section.Importance {
	if said {
		p.told.Store(true)
	}
	if !p.told.Load() {
		return unsaid()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if e, ok := p.early[id]; ok {
		i = e
		delete(p.early, id)
	}
	if _, ok := p.live[id]; ok {
		p.changeLocked(id, func(at *place) { at.Importance = i })
	} else {
		place{str: str, Importance: i}.tell()
	}
	return i
}

// requests is how many have been accepted.
func (p *priorities) requests() int64 { return p.next.Load() / 4 }

// accepted notes that streams up to id have been accepted.
func (p *priorities) accepted(id int64) { p.next.Store(id + 4) }

// wait makes a stream known to updates until done, as its answer is not written yet.
func (p *priorities) wait(id int64, str prioritizer, i section.Importance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live == nil {
		p.live = make(map[int64]place)
	}
	p.live[id] = place{str: str, Importance: i}
}

// writing notes that the answer is being written at the client's pace: from now on it
// has its turn before those behind it, if it is not incremental.
//
// That must not be left to itself. quic-go (v0.65) tries of a connection's streams that
// are not incremental and equally urgent the first alone: if that is blocked, by its
// window or by the connection's, all behind it wait, those too that have their share of
// the connection's window reserved; and if that was the last of it, for ever.
func (p *priorities) writing(id int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := p.live[id]; !at.writing {
		p.changeLocked(id, func(at *place) { at.writing = true })
	}
}

// stalled notes that nothing of it has gone out for a while. Unless it waits for another
// one's turn, it gives up its own until it has moved.
func (p *priorities) stalled(id int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.live[id]
	if !at.inTurn() {
		return
	}
	for before, other := range p.live {
		if before < id && other.inTurn() && other.Urgency == at.Urgency {
			return
		}
	}
	p.changeLocked(id, func(at *place) { at.stalled = true })
}

// moved notes that some of it has gone out.
func (p *priorities) moved(id int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live[id].stalled {
		p.changeLocked(id, func(at *place) { at.stalled = false })
	}
}

// done forgets a stream. What quic-go still has of it keeps nobody waiting.
func (p *priorities) done(id int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live[id].inTurn() {
		p.changeLocked(id, func(at *place) { at.writing = false })
	}
	delete(p.live, id)
	delete(p.early, id)
}

// forget drops what was said early of a stream whose request was answered at once,
// or was none.
func (p *priorities) forget(id int64) {
	if p.told.Load() {
		p.done(id)
	}
}
