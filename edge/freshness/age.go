package freshness

import (
	"strings"
	"time"
)

// ageValue reads the Age field (RFC 9111 §5.1): of several members the first
// counts, and one that is no delta-seconds counts as absent.
func ageValue(f Fields) time.Duration {
	var age time.Duration
	f.Each("Age", func(line string) bool {
		for member := range strings.SplitSeq(line, ",") {
			if member = strings.Trim(member, " \t"); member != "" {
				age, _ = ParseDeltaSeconds(member)
				return false
			}
		}
		return true
	})
	return age
}

// initialAge is corrected_initial_age of RFC 9111 §4.2.3. date is the response's
// Date, or ResponseAt where it has no valid one.
func initialAge(res *Response, date time.Time) time.Duration {
	// A Date has whole seconds: compared with a finer clock it would seem up to
	// a second old on arrival.
	apparent := clampDelta(res.ResponseAt.Truncate(time.Second).Sub(date))
	var delay time.Duration
	if !res.RequestAt.IsZero() {
		delay = clampDelta(res.ResponseAt.Sub(res.RequestAt))
	}
	return clampDelta(max(apparent, ageValue(res.Fields)+delay))
}

// Age is the current age of a response that arrived residence ago (RFC 9111
// §4.2.3). A negative residence, after a clock was set back, counts as none.
func (v *Terms) Age(residence time.Duration) time.Duration {
	return clampDelta(v.InitialAge + clampDelta(residence))
}
