package docsorigin

import (
	"maps"
	"slices"
	"strings"
)

// maxArtifactDocuments bounds the documents one artifact is rendered from,
// and with them the Docs-Version field (about 5 KB).
const maxArtifactDocuments = 64

// maxTagBytes bounds the Cache-Tag field of an artifact.
const maxTagBytes = 4 << 10

// pick gives the edition of a document to render from, or nil.
type pick func(id string) *edition

// closure lists e and every document it is rendered from, e first and each
// other after the one that first uses it. missing is an id that pick does not
// know. Circles end where they meet themselves.
func closure(e *edition, pick pick) (all []*edition, missing string) {
	seen := map[string]bool{e.id: true}
	var walk func(*edition) bool
	walk = func(e *edition) bool {
		all = append(all, e)
		for _, id := range e.uses {
			if seen[id] {
				continue
			}
			seen[id] = true
			used := pick(id)
			if used == nil {
				missing = id
				return false
			}
			if !walk(used) {
				return false
			}
		}
		return true
	}
	walk(e)
	return all, missing
}

// circular tells whether e is, by way of others, rendered from itself.
func circular(e *edition, pick pick) bool {
	seen := map[string]bool{}
	var reaches func(*edition) bool
	reaches = func(at *edition) bool {
		for _, id := range at.uses {
			if id == e.id {
				return true
			}
			if seen[id] {
				continue
			}
			seen[id] = true
			if used := pick(id); used != nil && reaches(used) {
				return true
			}
		}
		return false
	}
	return reaches(e)
}

// checkLinks says what is wrong with e's references to other documents.
func checkLinks(e *edition, pick pick) (ps Problems) {
	name := e.id + ".md"
	if e.kind == Proof {
		if c := pick(e.cta); c == nil || c.kind != CTA {
			ps.add(name, "cta", 0, "names %s, and there is no such cta", e.cta)
		}
	}
	for _, id := range e.uses {
		if pick(id) == nil {
			ps.add(name, "uses", 0, "names %s, and there is no such document", id)
		}
	}
	if len(ps) > 0 {
		return ps
	}
	if circular(e, pick) {
		ps.add(name, "uses", 0, "leads back to %s; a document cannot be rendered from itself", e.id)
		return ps
	}
	all, _ := closure(e, pick)
	if len(all) > maxArtifactDocuments {
		ps.add(name, "uses", 0, "leads to %d documents; an artifact is rendered from at most %d", len(all), maxArtifactDocuments)
	}
	if n := len(strings.Join(tagsOf(all), ",")); n > maxTagBytes {
		ps.add(name, "tags", 0, "with those of the documents it uses are %d bytes; at most %d are allowed", n, maxTagBytes)
	}
	return ps
}

// tagsOf are the tags of all documents of an artifact, sorted.
func tagsOf(all []*edition) []string {
	set := map[string]bool{}
	for _, e := range all {
		for _, t := range e.tags {
			set[t] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// proofsBySegment lists a cta's Proofs among the given documents.
func proofsBySegment(c *edition, documents map[string]*edition) map[string][]string {
	proofs := map[string][]string{}
	for _, id := range slices.Sorted(maps.Keys(documents)) {
		p := documents[id]
		if p.kind != Proof || p.cta != c.id {
			continue
		}
		for _, segment := range p.segments {
			if slices.Contains(c.segments, segment) {
				proofs[segment] = append(proofs[segment], id)
			}
		}
	}
	return proofs
}
