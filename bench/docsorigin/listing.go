package docsorigin

import (
	"cmp"
	"os"
	"slices"
)

// Listed is a document of a folder as it would be pushed.
type Listed struct {
	ID      string
	Kind    Kind
	Version int64
	Tags    []string
	Digest  string
	Files   []string // base names, that of ID.md first
	// Used: something that makes an artifact is, or may be, rendered from it.
	Used bool
}

// List reads the folder at dir as an origin would, and returns its documents by
// id. The error is Problems where files are not as they should be.
func List(dir string) ([]Listed, error) {
	f := newFolder(os.DirFS(dir), DefaultLimits())
	if _, err := f.scan(); err != nil {
		return nil, err
	}
	editions, byID, _, ps := assemble(f.sources())
	for _, e := range editions {
		ps = append(ps, checkLinks(e, func(id string) *edition { return editions[id] })...)
	}
	if err := ps.distinct().err(); err != nil {
		return nil, err
	}
	used := map[string]bool{}
	for _, e := range editions {
		if e.kind.makesArtifacts() {
			used[e.id] = true
		}
		for _, id := range e.uses {
			used[id] = true
		}
	}
	list := make([]Listed, 0, len(editions))
	for id, e := range editions {
		l := Listed{ID: id, Kind: e.kind, Version: e.version, Tags: e.tags, Digest: e.digest, Used: used[id]}
		for _, s := range byID[id] {
			l.Files = append(l.Files, s.name)
		}
		slices.SortFunc(l.Files, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
		list = append(list, l)
	}
	slices.SortFunc(list, func(a, b Listed) int { return cmp.Compare(a.ID, b.ID) })
	return list, nil
}
