package edge

import (
	"time"

	"github.com/letteros/letteredge/cachekey"
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

	key     cachekey.Key
	keyed   bool
	scratch cachekey.Scratch
	buf     []byte // numbers and field values of this answer
	variant []byte // the request's variant text
	timing  timing
}

// timing are the durations that Server-Timing tells on misses.
type timing struct {
	origin time.Duration
	has    bool
}

// maxKeptScratch bounds what a pooled exchange keeps: one odd request must not
// make every pooled exchange large for ever.
const maxKeptScratch = 16 << 10

// Reset forgets the request and the answer.
func (x *Exchange) Reset() {
	x.Req = Request{}
	x.Rep.Extra.reset()
	extra := x.Rep.Extra
	x.Rep = Reply{Extra: extra}
	x.key = cachekey.Key{}
	x.keyed = false
	x.timing = timing{}
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
