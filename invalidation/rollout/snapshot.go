package rollout

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/gossip"
)

// Snapshot is what one node is to show of all managed artifacts at one moment.
// Immutable. The zero value knows nothing: Unknown.
type Snapshot struct {
	known   bool
	indexed bool              // a path that is in no index is not there
	vectors map[string]string // by path, Summaries among them; "" is unmanaged
	targets map[string]Version
	highest map[string]int64 // of each managed document; nil while a rollout is open
}

// Target names the slot that a request for the key must be answered from: the
// version of each managed document that the artifact is rendered from, in order
// of id, such as `core-message=7, trial=42`; a Summary's are those of its CTA and
// of all its Proofs. The vector is empty but for AtTarget. HOT: it does not
// allocate, and key may be a view.
func (s *Snapshot) Target(key cachekey.Key) (vector string, m Managed) {
	if !key.IsArtifact() {
		return "", Unmanaged
	}
	if !s.known {
		return "", Unknown
	}
	vector, there := s.vectors[key.ArtifactPath()]
	switch {
	case vector != "":
		return vector, AtTarget
	case there || !s.indexed:
		return "", Unmanaged
	}
	return "", Absent
}

// Version returns the version that is to be shown of a document; false if it has
// none: it is not managed, or deleted.
func (s *Snapshot) Version(id string) (int64, bool) {
	v, ok := s.targets[id]
	return v.Version, ok
}

// Unpushed reports whether a version of a managed document is an edit that nobody
// has pushed yet: its number is above all that were pushed ever, so that none of
// them, undone perhaps, is meant; and no rollout is open that might bring it.
func (s *Snapshot) Unpushed(id string, version int64) bool {
	highest, ok := s.highest[id]
	return ok && version > highest
}

// Facts are all records that concern documents, decoded.
type Facts struct {
	Index     Index // nil if there is none
	Documents map[string]Document
	Rollouts  map[string]Rollout
}

// ReadFacts decodes the records of documents. A record that cannot be read is
// left out, and the error names it: the others hold all the same.
func ReadFacts(records *gossip.Records) (Facts, error) { return NewReader(records).Facts() }

// Snapshot returns what a node is to show by f. preview, if it is not empty,
// names a rollout whose candidate is shown as if it had been flipped there.
func (f Facts) Snapshot(node, preview string) *Snapshot {
	s := &Snapshot{known: true, indexed: f.Index != nil, vectors: map[string]string{}, targets: map[string]Version{}}
	for id, d := range f.Documents {
		v := Target(d, node)
		if d.Candidate != nil && d.Candidate.Rollout == preview {
			v = &d.Candidate.Version
		}
		if v != nil && !v.Deleted {
			s.targets[id] = *v
		}
	}
	artifacts := f.Index
	for id, r := range f.Rollouts {
		if (r.State == Running || r.State == Paused) && (id == preview || r.FlippedOn(node)) {
			artifacts = artifacts.changed(r.Before, r.After)
		}
	}
	s.fill(artifacts)
	if !f.open() {
		s.highest = make(map[string]int64, len(f.Documents))
		for id, d := range f.Documents {
			s.highest[id] = d.Highest
		}
	}
	return s
}

// open reports whether any rollout is under way or waits.
func (f Facts) open() bool {
	for _, r := range f.Rollouts {
		if !r.Final() {
			return true
		}
	}
	return false
}

// fill works the vectors out.
func (s *Snapshot) fill(artifacts Index) {
	summaries := map[string]map[string]bool{} // documents of a CTA and its Proofs
	for path, a := range artifacts {
		s.vectors[path] = s.vector(slices.Values(a.Documents))
		if summary := summaryOf(path); summary != "" {
			all := summaries[summary]
			if all == nil {
				all = map[string]bool{}
				summaries[summary] = all
			}
			for _, id := range a.Documents {
				all[id] = true
			}
		}
	}
	for path, all := range summaries {
		if _, there := artifacts[strings.TrimSuffix(path, summarySuffix)]; there {
			s.vectors[path] = s.vector(maps.Keys(all))
		}
	}
}

// vector writes the versions of documents, of those that have one.
func (s *Snapshot) vector(ids func(func(string) bool)) string {
	var b []byte
	for _, id := range slices.Compact(slices.Sorted(ids)) {
		v, ok := s.targets[id]
		if !ok {
			continue
		}
		if len(b) > 0 {
			b = append(b, ", "...)
		}
		b = append(append(b, id...), '=')
		b = strconv.AppendInt(b, v.Version, 10)
	}
	return string(b)
}
