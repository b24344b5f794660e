package freshness

import (
	"strings"
	"time"
)

// ParseDate parses an HTTP-date in its three forms (RFC 9110 §5.6.7):
//
//	Sun, 06 Nov 1994 08:49:37 GMT    IMF-fixdate
//	Sunday, 06-Nov-94 08:49:37 GMT   RFC 850
//	Sun Nov  6 08:49:37 1994         asctime
//
// Names are matched without case, as RFC 9111 §4.2 asks of caches; everything
// else must be exact: any zone but GMT, a missing leading zero, a second space
// or a day that the month has not makes it invalid. The day's name must be one,
// but need not be that date's. now decides the century of a two-digit year: one
// that would lie more than 50 years ahead of it is past.
func ParseDate(s string, now time.Time) (time.Time, bool) {
	switch {
	case len(s) == len("Sun, 06 Nov 1994 08:49:37 GMT") && s[3] == ',':
		return parseIMF(s)
	case len(s) == len("Sun Nov  6 08:49:37 1994"):
		return parseASCTime(s)
	}
	return parseRFC850(s, now)
}

func parseIMF(s string) (time.Time, bool) {
	if !isName(s[:3], shortDays) || s[4] != ' ' || s[7] != ' ' || s[11] != ' ' || s[16] != ' ' || !isGMT(s[25:]) {
		return time.Time{}, false
	}
	year, ok := digits(s[12:16])
	if !ok {
		return time.Time{}, false
	}
	return date(year, s[8:11], s[5:7], s[17:25])
}

func parseASCTime(s string) (time.Time, bool) {
	if !isName(s[:3], shortDays) || s[3] != ' ' || s[7] != ' ' || s[10] != ' ' || s[19] != ' ' {
		return time.Time{}, false
	}
	year, ok := digits(s[20:])
	if !ok {
		return time.Time{}, false
	}
	day := s[8:10]
	if day[0] == ' ' { // SP 1DIGIT
		day = day[1:]
	}
	return date(year, s[4:7], day, s[11:19])
}

func parseRFC850(s string, now time.Time) (time.Time, bool) {
	name, rest, found := strings.Cut(s, ", ")
	if !found || !isName(name, longDays) || len(rest) != len("06-Nov-94 08:49:37 GMT") {
		return time.Time{}, false
	}
	if rest[2] != '-' || rest[6] != '-' || rest[9] != ' ' || !isGMT(rest[18:]) {
		return time.Time{}, false
	}
	short, ok := digits(rest[7:9])
	if !ok {
		return time.Time{}, false
	}
	// The candidate years share their last two digits, so at most one lies
	// within (now - 50 years, now + 50 years]. A day that does not exist in one
	// century (29 February) may exist in the other.
	now = now.UTC()
	limit := now.AddDate(50, 0, 0)
	for century := now.Year()/100 + 1; century >= 0; century-- {
		t, ok := date(century*100+short, rest[3:6], rest[:2], rest[10:18])
		if ok && !t.After(limit) {
			return t, true
		}
		if century*100+short < now.Year()-150 {
			break
		}
	}
	return time.Time{}, false
}

// date puts the parts together and refuses those that do not exist.
func date(year int, month, day, clock string) (time.Time, bool) {
	m := nameIndex(month, months)
	d, okDay := digits(day)
	if m < 0 || !okDay || d < 1 || clock[2] != ':' || clock[5] != ':' {
		return time.Time{}, false
	}
	hour, okHour := digits(clock[:2])
	minute, okMinute := digits(clock[3:5])
	second, okSecond := digits(clock[6:])
	// 60 is a leap second, which time.Date carries into the next minute.
	if !okHour || !okMinute || !okSecond || hour > 23 || minute > 59 || second > 60 {
		return time.Time{}, false
	}
	if last := time.Date(year, time.Month(m+2), 0, 0, 0, 0, 0, time.UTC).Day(); d > last {
		return time.Time{}, false
	}
	return time.Date(year, time.Month(m+1), d, hour, minute, second, 0, time.UTC), true
}

const (
	shortDays = "Sun Mon Tue Wed Thu Fri Sat "
	longDays  = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday "
	months    = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec "
)

func isGMT(s string) bool { return len(s) == 4 && s[0] == ' ' && strings.EqualFold(s[1:], "GMT") }

func isName(s, names string) bool { return nameIndex(s, names) >= 0 }

// nameIndex returns the position of s in a list of names that each end in a
// space, or -1. Upper and lower case are equal.
func nameIndex(s, names string) int {
	for i := 0; names != ""; i++ {
		name, rest, _ := strings.Cut(names, " ")
		if len(name) == len(s) && strings.EqualFold(name, s) {
			return i
		}
		names = rest
	}
	return -1
}

// digits parses a string of nothing but digits.
func digits(s string) (int, bool) {
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, s != ""
}
