package freshness

import (
	"net/textproto"
	"strings"
)

// parseVary returns the selecting fields. It is false where the response can
// never be selected again: `*`, and names that are none (RFC 9110 §12.5.5).
func parseVary(f Fields) ([]string, bool) {
	var names []string
	ok := true
	f.Each("Vary", func(line string) bool {
		for member := range strings.SplitSeq(line, ",") {
			member = strings.Trim(member, " \t")
			if member == "" {
				continue
			}
			if member == "*" || !isToken(member) || len(names) == maxNames {
				ok = false
				return false
			}
			names = append(names, textproto.CanonicalMIMEHeaderKey(member))
		}
		return true
	})
	if !ok {
		return nil, false
	}
	return sorted(names), true
}
