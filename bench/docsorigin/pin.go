package docsorigin

import (
	"net/http"
	"strings"
)

const (
	maxPinBytes = 16 << 10
	maxPins     = 256
)

// pins are the versions a request wants documents in, by id.
type pins map[string]int64

// parsePins reads Docs-Pin: `trial=41, core-message=7`. A pin may be repeated,
// not contradicted. Empty members are allowed, as in every list (RFC 9110
// §5.6.1).
func parsePins(field string) (pins, *refusal) {
	const allows = "Docs-Pin must be a list of id=version, such as trial=41, core-message=7"
	if len(field) > maxPinBytes {
		return nil, refuse(http.StatusRequestHeaderFieldsTooLarge, "Docs-Pin must be at most %d bytes", maxPinBytes)
	}
	ps := pins{}
	for member := range strings.SplitSeq(field, ",") {
		member = strings.Trim(member, " \t")
		if member == "" {
			continue
		}
		id, number, _ := strings.Cut(member, "=")
		version, ok := parseVersion(number)
		if !ok || !validID(id) {
			return nil, refuse(http.StatusBadRequest, "%s; %q is not", allows, abbreviate(member))
		}
		if v, given := ps[id]; given && v != version {
			return nil, refuse(http.StatusBadRequest, "Docs-Pin names %s twice, with versions %d and %d", id, v, version)
		}
		if ps[id] = version; len(ps) > maxPins {
			return nil, refuse(http.StatusBadRequest, "Docs-Pin must name at most %d documents", maxPins)
		}
	}
	return ps, nil
}
