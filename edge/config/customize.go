package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// customized returns the commented defaults with other values, by field path
// without indexes ("origins.url"), each written in YAML on one line.
func customized(values map[string]string) (string, error) {
	left := maps.Clone(values)
	var out strings.Builder
	var keys []string // of the mappings around the line
	var indents []int
	for line := range strings.Lines(defaultsText) {
		bare := strings.TrimLeft(line, " -")
		key, rest, ok := strings.Cut(bare, ":")
		if !ok || bare == "" || bare[0] == '#' || strings.ContainsAny(key, " #") {
			out.WriteString(line)
			continue
		}
		indent := len(line) - len(bare)
		for len(indents) > 0 && indents[len(indents)-1] >= indent {
			indents, keys = indents[:len(indents)-1], keys[:len(keys)-1]
		}
		indents, keys = append(indents, indent), append(keys, key)
		value, set := left[strings.Join(keys, ".")]
		if !set {
			out.WriteString(line)
			continue
		}
		delete(left, strings.Join(keys, "."))
		rewritten := line[:indent] + key + ": " + value
		if at := strings.Index(rest, " #"); at >= 0 { // in its column, if it can
			column := indent + len(key) + 1 + at
			rewritten += strings.Repeat(" ", max(0, column-len(rewritten))) + rest[at:]
		} else {
			rewritten += "\n"
		}
		out.WriteString(rewritten)
	}
	if len(left) > 0 {
		return "", fmt.Errorf("defaults.yaml has no %s", strings.Join(slices.Sorted(maps.Keys(left)), ", "))
	}
	return out.String(), nil
}
