package behaviour

import "strings"

// Named is what an artifact path names.
type Named struct{ Kind, Segment, CTA, ID string }

// Name reads an artifact path, which must be well-formed.
func Name(path string) Named {
	p := strings.Split(strings.TrimPrefix(path, "/v1/segments/"), "/")
	switch {
	case p[1] == "campaigns":
		return Named{"campaign", p[0], "", p[2]}
	case len(p) == 3:
		return Named{"cta", p[0], p[2], p[2]}
	case p[3] == "summary":
		return Named{"summary", p[0], p[2], p[2]}
	default:
		return Named{"proof", p[0], p[2], p[4]}
	}
}
