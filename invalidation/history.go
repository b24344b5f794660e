package invalidation

import "github.com/letteros/letteredge/cachekey"

// history remembers the latest raises themselves, since a floor tells only of
// the last one. It is bounded in number and in bytes of selector; older raises
// are forgotten first.
type history struct {
	maxRaises, maxBytes int

	raises []raise // oldest first
	bytes  int
	gone   Epoch // raises up to here are forgotten
}

type raise struct {
	epoch Epoch
	sel   cachekey.Selector
	bytes int
}

// add notes a raise, of a higher epoch than any before.
func (h *history) add(e Epoch, sel cachekey.Selector) {
	r := raise{epoch: e, sel: sel, bytes: selectorBytes(sel)}
	h.raises = append(h.raises, r)
	h.bytes += r.bytes
	drop := 0
	for ; len(h.raises)-drop > h.maxRaises || h.bytes > h.maxBytes; drop++ {
		h.bytes -= h.raises[drop].bytes
		h.gone = h.raises[drop].epoch
	}
	if drop > 0 {
		clear(h.raises[:drop])
		h.raises = h.raises[drop:]
	}
}

// matched reports whether a raise in (after, upTo] selects sub; known is false
// where some of these are forgotten.
func (h *history) matched(sub cachekey.Subject, after, upTo Epoch) (hit, known bool) {
	for i := len(h.raises) - 1; i >= 0 && h.raises[i].epoch > after; i-- {
		if h.raises[i].epoch <= upTo && h.raises[i].sel.Matches(sub) {
			return true, true
		}
	}
	return false, after >= h.gone
}

func selectorBytes(sel cachekey.Selector) int {
	n := len(sel.Prefix) + len(sel.Host) + len(sel.Segment) + 64
	for _, tag := range sel.Tags {
		n += len(tag) + 16
	}
	for _, key := range sel.Keys {
		n += len(key) + 16
	}
	return n
}
