package load

import (
	"fmt"
	"strconv"
	"strings"
)

// StatusRange is a range of status codes, both ends included.
type StatusRange struct{ From, To int }

// Statuses is a set of status codes.
type Statuses []StatusRange

// UnmarshalText reads codes and classes separated by commas: "200,304" or "2xx,429".
func (s *Statuses) UnmarshalText(text []byte) error {
	if len(text) > 200 {
		return fmt.Errorf("must be at most 200 characters long, not %d", len(text))
	}
	var set Statuses
	for part := range strings.SplitSeq(string(text), ",") {
		part = strings.TrimSpace(part)
		if class, ok := strings.CutSuffix(part, "xx"); ok && len(class) == 1 && class[0] >= '1' && class[0] <= '5' {
			first := int(class[0]-'0') * 100
			set = append(set, StatusRange{first, first + 99})
			continue
		}
		code, err := strconv.Atoi(part)
		if err != nil || code < 100 || code > 599 {
			return fmt.Errorf("must be codes from 100 to 599 or classes such as 2xx, separated by commas, not %.40q", part)
		}
		set = append(set, StatusRange{code, code})
	}
	*s = set
	return nil
}

// Has reports whether the set holds a status.
func (s Statuses) Has(status int) bool {
	for _, r := range s {
		if r.From <= status && status <= r.To {
			return true
		}
	}
	return false
}
