package rollout

import "reflect"

// Book is all that one rollout concerns: its documents' records by id,
// and the released index (nil if there is none yet).
type Book struct {
	Documents map[string]Document
	Index     Index
}

// Settle returns what the records of documents and the index are once r stands
// as it does, and whether that changes them. It is idempotent, and belongs into
// one transaction with r's own record.
func Settle(b Book, r Rollout) (Book, bool) {
	next := Book{Documents: make(map[string]Document, len(r.Documents)), Index: b.Index}
	released, restored := false, false
	changed := false
	for _, v := range r.Documents {
		old := b.Documents[v.ID]
		d := old.clone()
		d.ID = v.ID
		v.Rollout = r.ID
		mine := d.Candidate != nil && d.Candidate.Rollout == r.ID
		shown := d.Released != nil && d.Released.Rollout == r.ID
		switch r.State {
		case Running, Paused:
			d.Candidate = &Candidate{Version: v, Flips: r.Flips()}
		case Done:
			if !shown && (mine || r.Plan.Adopt) {
				d.release(v)
				released = true
			}
		case Halted, Undone, Aborted:
			if mine {
				d.Candidate = nil
			}
			if shown && len(d.Former) > 0 {
				last := d.Former[0]
				d.Released, d.Former = &last, d.Former[1:]
				restored = true
			}
		}
		next.Documents[v.ID] = d
		changed = changed || !reflect.DeepEqual(old, d)
	}
	switch {
	case released:
		next.Index = b.Index.changed(r.Before, r.After)
	case restored:
		next.Index = b.Index.changed(r.After, r.Before)
	}
	return next, changed
}
