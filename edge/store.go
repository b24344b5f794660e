package edge

// count accounts for what has been made of the stored response that x shows since
// it was stored: transports keep their forms of it. HOT.
func (c *Core) count(x *Exchange) {
	if art := x.Rep.Art; art != nil && art.uncounted() && x.slot.Stamp != nil {
		c.Store.Grow(x.key.Text, x.slot, art.count)
	}
}

// Store is the index of what is cached. Its truth is the canonical text, never
// a hash. Get must not allocate and must not keep text, which is a view.
type Store interface {
	// Get returns the entry of a canonical text, nil if there is none.
	Get(text string) *Entry
	// Put stores s under text, which must not be a view: it may be kept. What is
	// stored may be turned away again by admission: whoever waits takes the
	// flight's result.
	Put(text string, s *Slot)
	// Mark notes hit-for-miss for text until the time given in Unix ns.
	Mark(text string, until int64)
	// Grow has attach make the slot s larger, which is stored under text, and
	// accounts for it. It reports false, and does nothing, if s is not there any
	// more.
	Grow(text string, s *Slot, attach func()) bool
	// Remove takes exactly the slot s out, if it is still there.
	Remove(text string, s *Slot)
}
