package rollout

import (
	"fmt"
	"slices"

	"github.com/letteros/letteredge/gossip"
)

// common are the documents that both r and o bring.
func (r Rollout) common(o Rollout) (ids []string) {
	for _, v := range r.Documents {
		if o.Has(v.ID) {
			ids = append(ids, v.ID)
		}
	}
	return ids
}

// sameVersions reports whether two rollouts bring the same.
func sameVersions(a, b []Version) bool {
	return slices.EqualFunc(a, b, func(v, w Version) bool { return v.ID == w.ID && v.Version == w.Version })
}

// OvertakenBy returns what has happened to r by the records of its documents: that
// later rollouts bring some of them; nil if none does. Accept sees to that where
// it knows of r, which it may not have heard of.
func OvertakenBy(r Rollout, documents map[string]Document) Event {
	var e Overtaken
	for _, v := range r.Documents {
		if by := documents[v.ID].later(v, r.ID); by != "" && (e.By == "" || e.By == by) {
			e.By = by
			e.Documents = append(e.Documents, v.ID)
		}
	}
	if e.By == "" {
		return nil
	}
	return e
}

// later returns the rollout that brings, or has brought, v or a later version
// in the place of rollout id; "" if there is none.
func (d Document) later(v Version, id string) string {
	if d.Released != nil && d.Released.Version >= v.Version && d.Released.Rollout != id {
		return d.Released.Rollout
	}
	for _, k := range d.Pushed {
		if k.Version >= v.Version && k.Rollout != id {
			return k.Rollout
		}
	}
	return ""
}

// Together reports why two waiting rollouts cannot become one; "" if they can.
func Together(r, o Rollout) string {
	switch {
	case r.State != Waiting || o.State != Waiting:
		return "it is under way"
	case r.Plan != o.Plan:
		return "it has another plan"
	case len(r.Documents)+len(o.Documents) > MaxDocuments || len(r.Artifacts)+len(o.Artifacts) > MaxArtifacts:
		return "together they are too many documents"
	}
	return ""
}

// Merge returns the changes by which r takes over all that o brings, and o is
// superseded. now holds the records of both rollouts' Keys. No changes are
// returned if they cannot become one any more.
func Merge(r, o Rollout, term uint64, now map[string]gossip.Record) ([]gossip.Put, error) {
	if Together(r, o) != "" {
		return nil, nil
	}
	next := r.clone()
	next.Term = max(term, r.Term)
	next.Documents, next.Artifacts, next.Reason = slices.Clone(r.Documents), slices.Clone(r.Artifacts), ""
	ids := []string{}
	var puts []gossip.Put
	for _, v := range o.Documents {
		rec, read := now[DocumentKey+v.ID]
		if !read { // o has grown since it was looked which records it concerns
			return nil, nil
		}
		d, err := ReadDocument(rec)
		if err != nil {
			return nil, fmt.Errorf("merge rollouts: %w", err)
		}
		ids = append(ids, v.ID)
		if r.Has(v.ID) { // in a higher version: Accept would have taken this one
			continue
		}
		v.Rollout = r.ID
		next.Documents = append(next.Documents, v)
		d = d.clone()
		d.push(v)
		p, err := put(DocumentKey+v.ID, d)
		if err != nil {
			return nil, err
		}
		puts = append(puts, p)
	}
	for _, path := range o.Artifacts {
		if !slices.Contains(next.Artifacts, path) {
			next.Artifacts = append(next.Artifacts, path)
		}
	}
	old, _ := Next(o, Overtaken{ids, r.ID})
	for _, one := range []Rollout{next, old} {
		p, err := put(RolloutKey+one.ID, one)
		if err != nil {
			return nil, err
		}
		puts = append(puts, p)
	}
	return puts, nil
}
