package docsorigin

import (
	"maps"
	"slices"
	"sync"
)

// archive keeps every edition that was shown: in memory, and where there is a
// history, on disk.
type archive struct {
	keep    int      // editions of one document
	history *history // nil: none

	mu   sync.Mutex // guards byID and the inner maps; held over disk reads
	byID map[string]map[int64]*edition
}

func newArchive(keep int, h *history) *archive {
	return &archive{keep: keep, history: h, byID: map[string]map[int64]*edition{}}
}

// get gives a version of a document, or nil if it was never shown or is no
// longer kept. An error means that history holds it and cannot give it.
func (a *archive) get(id string, version int64) (*edition, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e := a.byID[id][version]; e != nil {
		return e, nil
	}
	if a.history == nil {
		return nil, nil
	}
	e, err := a.history.load(id, version)
	if e != nil {
		a.rememberLocked(e)
	}
	return e, err
}

// put keeps an edition that is shown from now on. Where another process that
// shares the history was first, theirs is returned. An error means that it is
// kept in memory only.
func (a *archive) put(e *edition) (*edition, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var err error
	if a.history != nil {
		var first *edition
		if first, err = a.history.save(e, a.keep); first != nil {
			e = first
		}
	}
	a.rememberLocked(e)
	return e, err
}

func (a *archive) rememberLocked(e *edition) {
	versions := a.byID[e.id]
	if versions == nil {
		versions = map[int64]*edition{}
		a.byID[e.id] = versions
	}
	versions[e.version] = e
	for len(versions) > a.keep {
		delete(versions, slices.Min(slices.Collect(maps.Keys(versions))))
	}
}

// highest gives the highest version of a document that is kept; 0 for none.
func (a *archive) highest(id string) int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	var v int64
	for known := range a.byID[id] {
		v = max(v, known)
	}
	if a.history != nil {
		v = max(v, a.history.highest(id))
	}
	return v
}

// latest gives the edition of the highest version that can be read, or nil.
func (a *archive) latest(id string) *edition {
	if v := a.highest(id); v > 0 {
		if e, err := a.get(id, v); err == nil {
			return e
		}
	}
	return nil
}
