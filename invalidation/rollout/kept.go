package rollout

import (
	"maps"
	"slices"
)

// Kept is, for each document, which versions' copies are worth their place on
// disk: what is shown or about to be, and what a rollback goes back to. A
// version's copies are kept until its successor's successor is released
// (SEMANTICS §3).
type Kept map[string][]int64

// Kept returns what f's records keep.
func (f Facts) Kept() Kept {
	k := Kept{}
	for id, d := range f.Documents {
		var versions []int64
		if d.Released != nil {
			versions = append(versions, d.Released.Version)
		}
		if d.Candidate != nil {
			versions = append(versions, d.Candidate.Version.Version)
		}
		if len(d.Former) > 0 {
			versions = append(versions, d.Former[0].Version)
		}
		k[id] = versions
	}
	return k
}

// Keeps reports whether a copy of these versions is kept: all of them are. A
// document without a record has none.
func (k Kept) Keeps(versions map[string]int64) bool {
	for id, v := range versions {
		if !slices.Contains(k[id], v) {
			return false
		}
	}
	return true
}

// Equal reports whether both keep the same.
func (k Kept) Equal(o Kept) bool {
	return maps.EqualFunc(k, o, func(a, b []int64) bool { return slices.Equal(a, b) })
}
