package edge

import (
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge/coding"
	"github.com/letteros/letteredge/edge/freshness"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// Exchange is one request with its answer. Transports keep a pool of them;
// Reset makes one ready for the next request and keeps its scratch memory.
//
// Everything reachable from Rep is valid until Reset.
type Exchange struct {
	Req Request
	Rep Reply
	// Now is when the request came, read once by the transport.
	Now time.Time
	// Informer takes interim responses to the reader; nil for none.
	Informer Informer

	key     cachekey.Key
	keyed   bool
	targets Snapshot
	// validate: no stored copy may be used without asking beyond the cache.
	validate bool
	vector   string
	managed  rollout.Managed
	// probe: sent by a rollout's checks, see Previewer; previewed: for the candidate.
	probe, previewed bool
	// isolated: the node may have missed purges, see Standing.
	isolated bool
	// direct: whatever has to be fetched is asked of the origin, of no other node.
	direct bool
	// forPeer: another node asks, and looks elsewhere itself.
	forPeer bool
	slot    *Slot // what the reply shows, for its age; nil if it is not a stored one
	// coding is what the reader gets of it where that has still to be made, and
	// plain that it wants no coding made (no-transform).
	coding coding.Coding
	plain  bool
	// rest is what Begin has left to Finish, which goes on with route and found.
	rest    rest
	route   *Route
	found   found
	scratch cachekey.Scratch
	buf     []byte // numbers and field values of this answer
	variant []byte // the request's variant text
	// directives is memory for parsing the request's Cache-Control.
	directives freshness.Scratch
	// quotaTook is how long it took from Now until the quota had decided, by the
	// limiter's own reading of the clock; zero where no quota governs.
	quotaTook time.Duration
	// originTook is how long the upstream took to its header section, for
	// Server-Timing; zero if it was not asked.
	originTook time.Duration
}

// maxKeptScratch bounds what a pooled exchange keeps: one odd request must not
// make every pooled exchange large for ever.
const maxKeptScratch = 16 << 10

// Reset forgets the request and the answer.
func (x *Exchange) Reset() {
	x.Req, x.Informer = Request{}, nil
	x.Rep = Reply{Extra: FieldList{x.Rep.Extra.items[:0]}}
	x.key = cachekey.Key{}
	x.keyed = false
	x.targets, x.validate, x.vector, x.slot = nil, false, "", nil
	x.isolated, x.direct, x.forPeer, x.probe, x.previewed, x.managed = false, false, false, false, false, rollout.Unmanaged
	if x.route != nil {
		x.route, x.found = nil, found{}
	}
	x.rest = nothingLeft
	x.coding, x.plain = coding.Identity, false
	x.quotaTook, x.originTook = 0, 0
	if cap(x.buf) > maxKeptScratch {
		x.buf = nil
	}
	if cap(x.variant) > maxKeptScratch {
		x.variant = nil
	}
	x.buf = x.buf[:0]
	x.variant = x.variant[:0]
}

// Key returns the canonical key of the request and whether it has one; views,
// as all of the exchange.
func (x *Exchange) Key() (cachekey.Key, bool) { return x.key, x.keyed }

// add appends a field line whose value format has just appended to x.buf from
// offset from on.
func (x *Exchange) add(name string, from int) {
	x.Rep.Extra.Add(name, x.buf[from:len(x.buf):len(x.buf)])
}
