package rollout

import (
	"maps"
	"slices"
	"strings"

	"github.com/letteros/letteredge/cachekey"
)

// Artifact is an entry of an Index.
type Artifact struct {
	// Documents are the ids of those that it is rendered from, sorted.
	Documents []string `json:"documents"`
	// Languages are those that it can be had in, where the origin says so.
	Languages []string `json:"languages,omitempty"`
}

func (a Artifact) equal(b Artifact) bool {
	return slices.Equal(a.Documents, b.Documents) && slices.Equal(a.Languages, b.Languages)
}

// of reports whether a is rendered from a document that pick picks.
func (a Artifact) of(pick func(id string) bool) bool { return slices.ContainsFunc(a.Documents, pick) }

// Index is the artifacts of an origin by path: the record `artifacts`, as of the
// last release.
type Index map[string]Artifact

// changed returns ix with the paths of before taken out and those of after put
// in.
func (ix Index) changed(before, after Index) Index {
	next := make(Index, len(ix)+len(after))
	for path, a := range ix {
		if _, gone := before[path]; !gone {
			next[path] = a
		}
	}
	maps.Copy(next, after)
	return next
}

// Delta returns what an update of documents changes of the released index, which
// is nil if there is none yet: the artifacts that are rendered from a document of
// the update, as they were and as the origin's index has them now; and those of
// documents that nobody manages, which come and go as they please. named are the
// update's own artifacts.
func Delta(released, now Index, updated, managed func(id string) bool, named []string) (before, after Index) {
	before, after = Index{}, Index{}
	free := func(a Artifact) bool { return !a.of(managed) && !a.of(updated) }
	touched := func(path string) bool {
		return released[path].of(updated) || now[path].of(updated) || slices.Contains(named, path)
	}
	for path, a := range released {
		if b, still := now[path]; touched(path) || free(a) && (!still || !a.equal(b)) {
			before[path] = a
		}
	}
	for path, a := range now {
		if b, was := released[path]; touched(path) || free(a) && (!was || !a.equal(b)) && !b.of(managed) {
			after[path] = a
		}
	}
	return before, after
}

// Path checks an artifact's path as an update may name it, and returns its key.
func Path(path string) (cachekey.Key, bool) {
	k, err := cachekey.ParseText(path)
	return k, err == nil && k.IsArtifact() && k.Kind != cachekey.Summary && k.Lang == ""
}

// summaryOf returns the path of the Summary that an artifact is part of, "" if
// it is part of none.
func summaryOf(path string) string {
	at := strings.Index(path, "/ctas/")
	if at < 0 {
		return ""
	}
	cta, _, _ := strings.Cut(path[at+len("/ctas/"):], "/")
	return path[:at] + "/ctas/" + cta + summarySuffix
}

const summarySuffix = "/summary"
