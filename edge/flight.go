package edge

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/invalidation"
)

// flight is one fill that several requests may wait for.
//
// Who may join it and who may take its result is the heart of exact
// invalidation (SEMANTICS §6):
//
//  1. The leader reads the epoch (born) before its request goes out.
//  2. A purge returns: some floor is now above born.
//  3. A request arrives. If the floor is one of the key's own marks it must not
//     join; join refuses it and it leads a new flight.
//  4. The floor may belong to a tag that only the answer names. Then the request
//     has joined, and at hand-out the answer's tags are compared with the floors
//     raised in (born, joined]; if one is there it starts again.
//  5. A purge after joining does not count at hand-out: its caller knew of no
//     later state when it asked, and counting it would starve every reader where
//     purges come faster than the origin answers. It only bars the answer from
//     the store, because the slot's stamp is below the new floor.
type flight struct {
	id   flightID // owns its memory, as key does
	key  cachekey.Key
	born invalidation.Epoch
	done chan struct{} // closed after outcome is set

	outcome outcome
	// begun is closed, if content is shown while it comes, after early is set.
	begun   chan struct{}
	early   outcome
	begin1  sync.Once
	content *growing
	landed  bool // the filling goroutine's
	// own are the fields of the answer that are its reader's alone: see ownFields.
	// They are set before outcome and early are.
	own     []Field
	waiters atomic.Int32
	// claim settles who closes a private answer: the leader that takes it, or
	// the fill if the leader has gone.
	claim atomic.Int32
}

// begin shows what is known before the content has all come, once.
func (fl *flight) begin(o outcome) {
	fl.begin1.Do(func() {
		fl.early = o
		close(fl.begun)
	})
}

const (
	unclaimed int32 = iota
	delivered       // the fill left the answer for the leader
	abandoned       // the leader went away before the fill ended
)

// abandon is called by a leader that stops waiting. If the fill has landed
// already, the private answer is the leader's to close.
func (fl *flight) abandon() {
	if fl.claim.CompareAndSwap(unclaimed, abandoned) {
		return
	}
	<-fl.done
	if a := fl.outcome.answer; a != nil {
		_ = a.Body.Close() // nobody reads it: an error has no one to tell
	}
}

// outcome is what a fill came to. Exactly one of slot and err is set for those
// who share; private tells them that they may not.
type outcome struct {
	slot *Slot
	// shared says that those who wait may have the slot too.
	shared bool
	// stored says that the slot went into the store.
	stored bool
	// private: the answer belongs to the leader alone. It is handed over in
	// answer, which only the leader reads.
	private bool
	answer  *Answer
	// retryAfter is what a private error says of when to come back, for those who wait.
	retryAfter string
	// content is the slot's content where that is not all here yet, of that length;
	// passed says that it will not be kept.
	content *growing
	length  int64
	passed  bool
	// reader of content, of whoever this outcome is handed to.
	reader *growingReader
	// own is flight.own, for the leader.
	own []Field
	// unpushed is what the origin shows in the place of the target, beside err, where
	// a reader may get it rather than nothing.
	unpushed *Slot
	// degraded is Answer.Degraded.
	degraded string
	// detail says what Cache-Status has to of an answer that is not kept.
	detail string
	// status is what the upstream answered, 0 if nothing came.
	status int
	// hit says that slot was in the store after all, put there by a flight that
	// landed between the lookup and the join.
	hit bool
	// pinned says that it came from the node's own disk.
	pinned bool
	// took is how long the upstream took to its header section.
	took time.Duration
	// err says why there is no answer: every waiter gets its stale copy or the
	// same error.
	err error
}

// flightID names the fills that are one: the key, the slot wanted, and, where it
// is known which fields matter, the variant.
type flightID struct{ text, vector, variant string }

const flightShards = 64

type flights struct {
	seed   maphash.Seed
	shards [flightShards]struct {
		mu sync.Mutex
		m  map[flightID]*flight
	}
}

func (fs *flights) init() {
	fs.seed = maphash.MakeSeed()
	for i := range fs.shards {
		fs.shards[i].m = make(map[flightID]*flight)
	}
}

// join takes a place in the flight for id, or begins one. A flight whose key a
// purge has hit since it began is not joined: the new one takes its place in the
// table, and the old one goes on for those who wait in it.
func (fs *flights) join(id flightID, key cachekey.Key, marks *invalidation.Marks) ticket {
	sh := &fs.shards[maphash.String(fs.seed, id.text)%flightShards]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	// The epoch is read before the key's floors are: a purge between the two is
	// seen by the comparison, and one before the first is below joined.
	joined := marks.Epoch()
	if fl := sh.m[id]; fl != nil && marks.KeyState(key, fl.born) == invalidation.Valid && fl.content.enter() {
		fl.waiters.Add(1)
		return ticket{flight: fl, joined: joined}
	}
	fl := newFlight(id, key, joined)
	sh.m[fl.id] = fl
	return ticket{flight: fl, leader: true, joined: joined}
}

// newFlight begins a flight that owns its memory; id and key are views.
func newFlight(id flightID, key cachekey.Key, born invalidation.Epoch) *flight {
	key = key.Clone()
	return &flight{
		id:   flightID{text: key.Text, vector: id.vector, variant: strings.Clone(id.variant)},
		key:  key,
		born: born,
		done: make(chan struct{}),

		begun: make(chan struct{}), content: newGrowing(),
	}
}

// retire takes a flight out of the table that those who come now may not have: its
// tags, which nobody knew when it began, were purged since.
func (fs *flights) retire(fl *flight) {
	sh := &fs.shards[maphash.String(fs.seed, fl.id.text)%flightShards]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.m[fl.id] == fl {
		delete(sh.m, fl.id)
	}
}

// oldest is the least epoch at which a flight in the table began, at most now.
func (fs *flights) oldest(now invalidation.Epoch) invalidation.Epoch {
	for i := range fs.shards {
		sh := &fs.shards[i]
		sh.mu.Lock()
		for _, fl := range sh.m {
			now = min(now, fl.born)
		}
		sh.mu.Unlock()
	}
	return now
}

// waiting counts those who wait in the flights of the table.
func (fs *flights) waiting() int {
	n := 0
	for i := range fs.shards {
		sh := &fs.shards[i]
		sh.mu.Lock()
		for _, fl := range sh.m {
			n += int(fl.waiters.Load())
		}
		sh.mu.Unlock()
	}
	return n
}

// land publishes the outcome and removes the flight, if it still is the one in
// the table.
func (fs *flights) land(fl *flight, o outcome) {
	sh := &fs.shards[maphash.String(fs.seed, fl.id.text)%flightShards]
	sh.mu.Lock()
	if sh.m[fl.id] == fl {
		delete(sh.m, fl.id)
	}
	sh.mu.Unlock()
	if o.answer != nil && !fl.claim.CompareAndSwap(unclaimed, delivered) {
		_ = o.answer.Body.Close() // the leader has gone: nobody is left to read it
		o.answer = nil
	}
	o.took = fl.outcome.took
	fl.outcome, fl.landed = o, true
	close(fl.done)
}
