package invalidation

import "sync"

// known holds the purges that this node can still answer for, in the order
// applied. The oldest leave first.
type known struct {
	keep, keepBytes int

	mu    sync.Mutex
	byID  map[string]*purge
	order []*purge // oldest first
	bytes int
	next  uint64 // the place of the next purge
}

type purge struct {
	rec   Record // rec.Applied is never nil, and replaced rather than changed
	id    string
	place uint64
	bytes int
}

// add notes an applied purge; a record of a known dot changes nothing.
func (k *known) add(rec Record) {
	p := &purge{rec: rec, id: rec.Dot.String(), bytes: selectorBytes(rec.Selector)}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.byID == nil {
		k.byID = make(map[string]*purge)
	}
	if k.byID[p.id] != nil {
		return
	}
	p.place = k.next
	k.next++
	k.byID[p.id] = p
	k.order = append(k.order, p)
	k.bytes += p.bytes
	// The latest stays even if it is larger than all that may be kept.
	for len(k.order) > 1 && (len(k.order) > k.keep || k.bytes > k.keepBytes) {
		old := k.order[0]
		k.order[0] = nil
		k.order = k.order[1:]
		k.bytes -= old.bytes
		delete(k.byID, old.id)
	}
}

// get returns the record of an id.
func (k *known) get(id string) (Record, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if p := k.byID[id]; p != nil {
		return p.rec, true
	}
	return Record{}, false
}

// settle notes how many entries a purge hit and returns its record, false if it
// is no longer known.
func (k *known) settle(id string, entries int) (Record, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.byID[id]
	if p == nil {
		return Record{}, false
	}
	p.rec.Applied = &Applied{AfterMS: p.rec.Applied.AfterMS, Entries: &entries}
	return p.rec, true
}

// list returns up to limit records, the latest first, beginning behind the id
// after ("" for the first page), and whether there are more. Nothing is behind
// an id that is no longer known: it was the oldest when it left.
func (k *known) list(after string, limit int) (recs []Record, more bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	end := len(k.order)
	if after != "" {
		p := k.byID[after]
		if p == nil {
			return nil, false
		}
		end = int(p.place - k.order[0].place)
	}
	begin := max(0, end-limit)
	for i := end - 1; i >= begin; i-- {
		recs = append(recs, k.order[i].rec)
	}
	return recs, begin > 0
}
