package h2

import (
	"hash/maphash"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/serve/section"
)

// repeats are the requests that a connection sends again and again. A field block
// is the same section as long as the decoder's table has not changed (RFC 7541 §2.2),
// so that one with the same bytes need neither be decoded nor judged again, nor be
// given its key. Of the reader.
//
// A request has to come twice before it is kept: most connections send none twice,
// and have nothing here.
type repeats struct {
	seen [maxRepeats]uint64 // the mark of the block that came last
	of   [maxRepeats]*repeat
}

// Bounds of what is kept: 16 KiB for each.
const (
	maxRepeats     = 8
	maxRepeatBlock = 256
	maxRepeatLines = 64
)

// repeat is a request that was answered where it was read.
type repeat struct {
	block  []byte
	table  uint64 // the decoder's state that block was read in
	used   bool   // since another wanted its place
	fields section.Section
	head   *section.Head // of fields
	req    edge.Request
	memo   edge.Memo
}

// mark tells blocks from each other, by their bytes and the table's state.
func (c *conn) mark(block []byte) uint64 {
	return maphash.Bytes(c.srv.seed, block) + c.dec.changes
}

// repeated returns what is known of a block; nil if nothing is.
func (c *conn) repeated(block []byte, mark uint64) *repeat {
	k := c.repeats.of[mark%maxRepeats]
	if k == nil || k.table != c.dec.changes || string(k.block) != string(block) {
		return nil
	}
	k.used = true
	return k
}

// learn keeps a request whose block has just been decoded, and changed nothing, if it
// is the second such. It is decoded once more, into memory of its own.
func (c *conn) learn(block []byte, mark uint64) {
	r, at := &c.repeats, mark%maxRepeats
	if len(block) > maxRepeatBlock {
		return
	}
	if r.seen[at] != mark {
		r.seen[at] = mark
		return
	}
	k := r.of[at]
	switch {
	case k == nil:
		k = new(repeat)
		k.fields.Limit(c.srv.cfg.MaxHeaderBytes+10*32, maxRepeatLines)
	case k.used && k.table == c.dec.changes:
		k.used = false // two that come by turns would only chase each other away
		return
	}
	r.of[at] = nil
	k.fields.Reset()
	k.memo.Reset()
	if !c.dec.decode(block, &k.fields) || k.fields.Over() {
		return
	}
	var malformed string
	if k.head, malformed = k.fields.Request(); malformed != "" {
		return
	}
	if bad := k.fields.Fill(&k.req, c.srv.cfg.MaxBody); bad.Refused() {
		return
	}
	k.req.Proto, k.req.Client, k.req.Memo = edge.H2, c.client, &k.memo
	k.block, k.table, k.used = append(k.block[:0], block...), c.dec.changes, false
	r.of[at] = k
}

// forget lets go of a request whose exchange has left the reader with it.
func (c *conn) forget(k *repeat) {
	for i := range c.repeats.of {
		if c.repeats.of[i] == k {
			c.repeats.of[i] = nil
		}
	}
}
