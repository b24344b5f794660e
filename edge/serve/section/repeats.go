package section

import (
	"hash/maphash"

	"github.com/letteros/letteredge/edge"
)

// Repeats are the requests that a connection sends again and again. A field block
// is the same section as long as the decoder's table has not changed (RFC 7541 §2.2),
// so that one with the same bytes need neither be decoded nor judged again, nor be
// given its key. Owned by the goroutine that reads the connection.
//
// A request has to come twice before it is kept: most connections send none twice,
// and have nothing here.
type Repeats struct {
	seen [maxRepeats]uint64 // the mark of the block that came last
	of   [maxRepeats]*Repeat
}

// Bounds of what is kept: 16 KiB for each.
const (
	maxRepeats     = 8
	maxRepeatBlock = 256
	maxRepeatLines = 64
)

// Repeat is a request that was answered where it was read. Req is to be copied; it
// refers to Head and to memory of the repeat's own, which is good until Forget, and
// as long after it as anybody holds it.
type Repeat struct {
	Head   *Head
	Req    edge.Request
	Fields Section

	block []byte
	table uint64
	mark  uint64
	used  bool // since another wanted its place
	memo  edge.Memo
}

// Block is a field block as it came.
type Block struct {
	Bytes []byte

	table uint64
	mark  uint64 // tells blocks from each other, by their bytes and the table's state
}

// NewBlock is a block, whose bytes it views, as read in a state of its decoder's table,
// which is zero where there is none. HOT.
func NewBlock(seed maphash.Seed, bytes []byte, table uint64) Block {
	return Block{bytes, table, maphash.Bytes(seed, bytes) + table}
}

// Find returns what is known of a block; nil if nothing is. HOT.
func (r *Repeats) Find(b Block) *Repeat {
	k := r.of[b.mark%maxRepeats]
	if k == nil || k.table != b.table || string(k.block) != string(b.Bytes) {
		return nil
	}
	k.used = true
	return k
}

// Due returns a repeat for a block that has just been answered, if it is the second
// such: the block is to be decoded once more, into its Fields, which are of size bytes at
// most, and then Keep called.
func (r *Repeats) Due(b Block, size int) *Repeat {
	at := b.mark % maxRepeats
	if len(b.Bytes) > maxRepeatBlock {
		return nil
	}
	if r.seen[at] != b.mark {
		r.seen[at] = b.mark
		return nil
	}
	k := r.of[at]
	switch {
	case k == nil:
		k = new(Repeat)
		k.Fields.Limit(size, maxRepeatLines)
	case k.used && k.table == b.table:
		k.used = false // two that come by turns would only chase each other away
		return nil
	}
	r.of[at] = nil
	k.Fields.Reset()
	k.memo.Reset()
	k.block, k.table, k.mark, k.used = append(k.block[:0], b.Bytes...), b.table, b.mark, false
	return k
}

// Keep keeps what Due has returned, if its Fields are a request that is not refused.
func (r *Repeats) Keep(k *Repeat, maxBody int64) {
	if k.Fields.Over() {
		return
	}
	var malformed string
	if k.Head, malformed = k.Fields.Request(); malformed != "" {
		return
	}
	k.Req = edge.Request{}
	if bad := k.Fields.Fill(&k.Req, maxBody); bad.Refused() {
		return
	}
	k.Req.Memo = &k.memo
	r.of[k.mark%maxRepeats] = k
}

// Forget lets go of a request whose exchange leaves the connection's goroutine with it.
func (r *Repeats) Forget(k *Repeat) {
	if at := k.mark % maxRepeats; r.of[at] == k {
		r.of[at] = nil
	}
}
