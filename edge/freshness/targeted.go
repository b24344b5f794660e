package freshness

import (
	"strconv"

	"github.com/dunglas/httpsfv"
)

// parseTargeted reads CDN-Cache-Control (RFC 9213), a structured dictionary.
// It is false where the field is absent, empty, no dictionary, or gives a
// directive that we know a value of the wrong type (max-age="10"): such a field
// counts as absent, and Cache-Control decides.
func parseTargeted(f Fields) (control, bool) {
	var lines []string
	f.Each("Cdn-Cache-Control", func(line string) bool {
		lines = append(lines, line)
		return true
	})
	if lines == nil {
		return control{}, false
	}
	dict, err := httpsfv.UnmarshalDictionary(lines)
	if err != nil || len(dict.Names()) == 0 {
		return control{}, false
	}
	c := control{targeted: true}
	for _, name := range dict.Names() {
		member, _ := dict.Get(name)
		d, ok := targetedDirective(name, member)
		if !ok {
			return control{}, false
		}
		c.take(&d)
	}
	return c, true
}

// targetedDirective maps a member to the directive it stands for: Booleans have
// no argument, Integers are delta-seconds, Strings are lists of field names
// (RFC 9213 §2.1). Members that we do not know may have any type, and
// parameters mean nothing.
func targetedDirective(name string, member httpsfv.Member) (directive, bool) {
	d := directive{Name: name}
	item, _ := member.(httpsfv.Item)
	switch name {
	case "max-age", "s-maxage", "stale-while-revalidate", "stale-if-error":
		n, ok := item.Value.(int64)
		// A negative number is of the right type: it is kept, and makes the
		// response stale as an invalid delta-seconds does.
		d.Value, d.Has = strconv.FormatInt(n, 10), true
		return d, ok
	case "no-cache", "private":
		if list, ok := item.Value.(string); ok {
			d.Value, d.Has, d.Quoted = list, true, true
			return d, true
		}
		return d, item.Value == true
	case "no-store", "must-revalidate", "proxy-revalidate", "no-transform", "public", "must-understand", "immutable":
		return d, item.Value == true
	}
	return d, true
}
