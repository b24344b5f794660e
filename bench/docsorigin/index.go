package docsorigin

import (
	"cmp"
	"slices"
)

// indexEntry is one artifact of /index.json.
type indexEntry struct {
	Path      string   `json:"path"`
	Documents versions `json:"documents"`
	Languages []string `json:"languages"` // that the artifact can be had in
}

// indexOf lists every artifact of the current editions, by path.
func indexOf(current map[string]*edition, pick pick) []byte {
	list := struct {
		Artifacts []indexEntry `json:"artifacts"`
	}{[]indexEntry{}}
	for _, e := range current {
		all, missing := closure(e, pick)
		if missing != "" {
			continue // it would answer 410, and a listed artifact answers 200
		}
		for _, t := range targetsOf(e) {
			list.Artifacts = append(list.Artifacts, indexEntry{t.path(), versionsOf(all), e.languages()})
		}
	}
	slices.SortFunc(list.Artifacts, func(a, b indexEntry) int { return cmp.Compare(a.Path, b.Path) })
	body, err := encode(list)
	if err != nil {
		return []byte(`{"artifacts":[]}` + "\n") // strings and numbers always encode
	}
	return body
}
