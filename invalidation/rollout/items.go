package rollout

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/letteros/letteredge/cachekey"
)

// Item is one thing that a rollout changes, in one language, as it is to be.
type Item struct {
	Key    cachekey.Key
	Vector string
	Gone   bool // there is to be no such artifact: 404 or 410
}

// Items lists what r changes, as s shows it, in the order of the keys' texts:
// the artifacts that it touches, and the Summaries that these are part of, each
// without a language and in all that the index names.
func Items(r Rollout, s *Snapshot) []Item {
	languages := map[string][]string{}
	note := func(path string, list []string) {
		languages[path] = append(languages[path], list...)
		if summary := summaryOf(path); summary != "" {
			languages[summary] = append(languages[summary], list...)
		}
	}
	for path := range r.Before {
		note(path, nil)
	}
	for path, a := range r.After {
		note(path, a.Languages)
	}
	var items []Item
	for path, list := range languages {
		vector, there := s.vectors[path]
		if strings.HasSuffix(path, summarySuffix) && vector == "" && there {
			continue // of nothing managed: nothing to hold it against
		}
		list = slices.Compact(slices.Sorted(slices.Values(append(list, ""))))
		for _, lang := range list {
			text := path
			if lang != "" {
				text += "?lang=" + strings.ToLower(lang)
			}
			key, err := cachekey.ParseText(text)
			if err != nil || !there && lang != "" {
				continue // an index may list what no edge serves
			}
			items = append(items, Item{Key: key, Vector: vector, Gone: !there})
		}
	}
	slices.SortFunc(items, func(a, b Item) int { return cmp.Compare(a.Key.Text, b.Key.Text) })
	return items
}

// TextDigest is a short name for a long text.
func TextDigest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}
