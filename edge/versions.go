package edge

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/letteros/letteredge/cachekey"
)

// maxTags bounds the tags of one response. One with more is not stored: dropping
// a tag would be a purge that misses.
const maxTags = 256

// responseTags returns all tags of a response: those its key implies, `doc:ID`
// for every document it was rendered from, and those its origin names.
func responseTags(key cachekey.Key, fields []Field) ([]string, error) {
	tags, grouped := key.AppendTags(make([]string, 0, 8)), false
	for _, f := range fields {
		switch f.Name {
		case "Docs-Version":
			err := eachVersion(f.Value, func(id string, _ int64) {
				tags = append(tags, "doc:"+id)
			})
			if err != nil {
				if key.IsArtifact() {
					return nil, err
				}
				continue // an ordinary origin may use the name for its own ends
			}
		case "Cache-Groups":
			if grouped {
				continue
			}
			grouped = true // all its lines are one list
			tags = cachekey.AppendTagList(tags, f.Name, fieldLines(fields).Combined(f.Name))
		case "Cache-Tag", "Surrogate-Key":
			tags = cachekey.AppendTagList(tags, f.Name, f.Value)
		}
		if len(tags) > maxTags {
			return nil, &RefusedError{Field: f.Name, Reason: fmt.Sprintf("a response has at most %d tags", maxTags)}
		}
	}
	return unique(tags), nil
}

// unique drops repeated tags and keeps the order of the first ones.
func unique(tags []string) []string {
	seen := make(map[string]struct{}, len(tags))
	out := tags[:0]
	for _, t := range tags {
		if _, ok := seen[t]; !ok {
			seen[t] = struct{}{}
			out = append(out, t)
		}
	}
	return out
}

// eachVersion calls yield for every member of a Docs-Version field, a list of
// id=version with versions > 0, such as `pricing=42, core-message=7`.
func eachVersion(value string, yield func(id string, version int64)) error {
	for member := range strings.SplitSeq(value, ",") {
		id, text, ok := strings.Cut(strings.Trim(member, " \t"), "=")
		if !ok || !cachekey.ValidID(id) {
			return &RefusedError{Field: "Docs-Version", Reason: "a list of id=version, id as [a-z][a-z0-9_-]{0,63}"}
		}
		v, err := strconv.ParseInt(text, 10, 64)
		if err != nil || v <= 0 || text[0] == '+' {
			return &RefusedError{Field: "Docs-Version", Reason: "the version of " + id + " must be a whole number above 0"}
		}
		yield(id, v)
	}
	return nil
}
