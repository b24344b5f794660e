package spread

import (
	"cmp"
	"slices"

	"github.com/letteros/letteredge/gossip"
)

// history is the purges that a node has, and can tell others of.
type history struct {
	keep  int // entries
	bytes int

	vector  gossip.Vector // the contiguous prefix of each source
	beyond  map[gossip.Source]map[uint64]struct{}
	entries map[gossip.Source]map[uint64][]byte
	order   []gossip.Dot // as they came; the oldest leave first
	size    int
	skipped gossip.Vector // not kept any more up to here
}

func newHistory(keep, bytes int) *history {
	return &history{
		keep: keep, bytes: bytes, vector: gossip.Vector{}, skipped: gossip.Vector{},
		beyond: map[gossip.Source]map[uint64]struct{}{}, entries: map[gossip.Source]map[uint64][]byte{},
	}
}

func (h *history) has(d gossip.Dot) bool {
	if h.vector.Covers(d) {
		return true
	}
	_, ok := h.beyond[d.Source()][d.Seq]
	return ok
}

// maxBeyond bounds how far ahead of the gap numbers of one source may come.
const maxBeyond = 65_536

// admits reports whether d may be taken in: a number absurdly far ahead is not
// one that its node has come to by counting.
func (h *history) admits(d gossip.Dot) bool {
	s := d.Source()
	_, known := h.vector[s]
	return d.Seq > 0 && len(h.beyond[s]) < maxBeyond && (known || len(h.beyond[s]) > 0 || len(h.vector)+len(h.beyond) < gossip.MaxSources)
}

// add notes an applied purge.
func (h *history) add(d gossip.Dot, envelope []byte) {
	if h.has(d) {
		return
	}
	s := d.Source()
	if h.beyond[s] == nil {
		h.beyond[s] = map[uint64]struct{}{}
	}
	h.beyond[s][d.Seq] = struct{}{}
	h.advance(s)
	if h.entries[s] == nil {
		h.entries[s] = map[uint64][]byte{}
	}
	h.entries[s][d.Seq] = envelope
	h.order = append(h.order, d)
	h.size += len(envelope)
	for len(h.order) > 1 && (len(h.order) > h.keep || h.size > h.bytes) {
		h.drop(h.order[0])
		h.order = h.order[1:]
	}
}

func (h *history) drop(d gossip.Dot) {
	s := d.Source()
	h.size -= len(h.entries[s][d.Seq])
	delete(h.entries[s], d.Seq)
	if len(h.entries[s]) == 0 {
		delete(h.entries, s)
	}
	h.skipped[s] = max(h.skipped[s], d.Seq)
}

// skip notes that nothing of a source up to seq is to come.
func (h *history) skip(s gossip.Source, seq uint64) {
	h.skipped[s] = max(h.skipped[s], seq)
	if h.vector[s] < seq {
		h.vector[s] = seq
		h.advance(s)
	}
}

// advance moves the prefix over what has come beyond it.
func (h *history) advance(s gossip.Source) {
	next := h.vector[s] + 1
	for ahead := h.beyond[s]; ; next++ {
		if _, ok := ahead[next]; !ok {
			break
		}
		delete(ahead, next)
		h.vector[s] = next
	}
	for seq := range h.beyond[s] {
		if seq <= h.vector[s] {
			delete(h.beyond[s], seq)
		}
	}
	if len(h.beyond[s]) == 0 {
		delete(h.beyond, s)
	}
}

// since returns what one that has v lacks, at most limit bytes, in the order of
// the numbers; more tells that there is more, and gone up to where it is not kept
// any more.
func (h *history) since(v gossip.Vector, limit int) (list [][]byte, gone gossip.Vector, more bool) {
	sources := make([]gossip.Source, 0, len(h.vector))
	for s := range h.entries {
		sources = append(sources, s)
	}
	slices.SortFunc(sources, gossip.Source.Compare)
	gone = gossip.Vector{}
	for s, n := range h.skipped {
		if v[s] < n {
			gone[s] = n
		}
	}
	for _, s := range sources {
		var seqs []uint64
		for seq := range h.entries[s] {
			if seq > v[s] {
				seqs = append(seqs, seq)
			}
		}
		slices.SortFunc(seqs, cmp.Compare)
		for _, seq := range seqs {
			e := h.entries[s][seq]
			if limit -= len(e); limit < 0 && len(list) > 0 {
				return list, gone, true
			}
			list = append(list, e)
		}
	}
	return list, gone, false
}
