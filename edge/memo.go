package edge

import (
	"slices"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge/freshness"
)

// Memo keeps what a core has made of one request, for a transport that sees the
// very same one again: its key, its directives and its variant follow from method,
// host, target and fields alone. It holds nothing of any answer. Owned by one
// request at a time, and by one core.
//
// All that it has is its own: no view of the request, and no slot, which would
// keep an evicted body alive. Whatever is larger than maxMemo is made anew.
type Memo struct {
	key        cachekey.Key
	keyed      bool
	directives freshness.Directives
	directed   bool
	vary       []string // the fields that variant was made of
	variant    []byte
}

// maxMemo bounds each text of a memo: a connection has several of them.
const maxMemo = 1 << 10

// Reset forgets everything, for another request.
func (m *Memo) Reset() { *m = Memo{vary: m.vary[:0], variant: m.variant[:0]} }

// makeKey returns the request's key; views of x, or of the memo. HOT.
func (c *Core) makeKey(x *Exchange) (cachekey.Key, error) {
	m := x.Req.Memo
	if m != nil && m.keyed {
		return m.key, nil
	}
	key, err := c.cfg.Keyer.Key(cachekey.Input{
		Method: x.Req.MethodText, Host: x.Req.Host, Target: x.Req.Target,
	}, &x.scratch)
	if m != nil && err == nil && len(key.Text) <= maxMemo {
		m.key, m.keyed = key.Clone(), true
	}
	return key, err
}

// directives returns what the request's Cache-Control asks for. HOT.
func (c *Core) directives(x *Exchange) freshness.Directives {
	m := x.Req.Memo
	if m != nil && m.directed {
		return m.directives
	}
	d := freshness.ParseRequest(x.Req.Fields, c.cfg.Conformance, &x.directives)
	if m != nil {
		m.directives, m.directed = d, true
	}
	return d
}

// makeVariant puts the request's variant text for these fields into x. HOT.
func (c *Core) makeVariant(x *Exchange, vary []string) {
	m := x.Req.Memo
	if m != nil && slices.Equal(m.vary, vary) {
		x.variant = append(x.variant[:0], m.variant...)
		return
	}
	x.variant = appendVariant(x.variant[:0], c.loose(x.key), vary, x.Req.Fields)
	if m != nil && len(x.variant) <= maxMemo {
		m.vary = append(m.vary[:0], vary...) // a slot's own strings, of a few bytes each
		m.variant = append(m.variant[:0], x.variant...)
	}
}
