package freshness

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseDate(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for s, want := range map[string]string{
		// RFC 9110 §5.6.7
		"Sun, 06 Nov 1994 08:49:37 GMT":     "1994-11-06T08:49:37Z",
		"Sunday, 06-Nov-94 08:49:37 GMT":    "1994-11-06T08:49:37Z",
		"Sun Nov  6 08:49:37 1994":          "1994-11-06T08:49:37Z",
		"Sun Nov 16 08:49:37 1994":          "1994-11-16T08:49:37Z",
		"Sun Nov 06 08:49:37 1994":          "1994-11-06T08:49:37Z",
		"Sun, 21 Nov 2286 04:46:39 GMT":     "2286-11-21T04:46:39Z",
		"Sat, 29 Feb 2020 23:59:60 GMT":     "2020-03-01T00:00:00Z", // leap second
		"Mon, 06 Nov 1994 08:49:37 GMT":     "1994-11-06T08:49:37Z", // another day's name
		"Wednesday, 18-Aug-50 02:01:18 GMT": "2050-08-18T02:01:18Z",
		// Two digits: more than 50 years ahead means past.
		"Monday, 23-Nov-76 12:00:00 GMT":   "2076-11-23T12:00:00Z",
		"Monday, 23-Nov-76 12:00:01 GMT":   "1976-11-23T12:00:01Z",
		"Friday, 01-Jan-77 00:00:00 GMT":   "1977-01-01T00:00:00Z",
		"Saturday, 01-Jan-00 00:00:00 GMT": "2000-01-01T00:00:00Z",
		// RFC 9111 §4.2: caches match without case.
		"THU, 18 Aug 2050 02:01:18 GMT": "2050-08-18T02:01:18Z",
		"thu, 18 AUG 2050 02:01:18 gMT": "2050-08-18T02:01:18Z",

		"":                                      "",
		"0":                                     "",
		"-1":                                    "",
		"Thu, 18 Aug 2050 02:01:18 UTC":         "",
		"Thu, 18 Aug 2050 02:01:18 AEST":        "",
		"Thu, 18 Aug 2050 02:01:18 +0000":       "",
		"Thu, 18 Aug 2050 02:01:18":             "",
		"Thu, 18 Aug 50 02:01:18 GMT":           "",
		"Thu 18 Aug 2050 02:01:18 GMT":          "",
		"Thu, 18  Aug  2050 02:01:18 GMT":       "",
		"Thu, 18-Aug-2050 02:01:18 GMT":         "",
		"Thu, 18 Aug 2050 02.01.18 GMT":         "",
		"Thu, 18 Aug 2050 2:01:18 GMT":          "",
		"Thu, 18 Aug 2050  2:01:18 GMT":         "",
		"Thu, 8 Aug 2050 02:01:18 GMT":          "",
		"Thu,  8 Aug 2050 02:01:18 GMT":         "",
		"Thu, 18 Aug 2050 24:00:00 GMT":         "",
		"Thu, 18 Aug 2050 02:60:18 GMT":         "",
		"Thu, 18 Aug 2050 02:01:61 GMT":         "",
		"Thu, 00 Aug 2050 02:01:18 GMT":         "",
		"Thu, 31 Apr 2050 02:01:18 GMT":         "",
		"Thu, 29 Feb 2023 02:01:18 GMT":         "",
		"Thx, 18 Aug 2050 02:01:18 GMT":         "",
		"Thu, 18 Agu 2050 02:01:18 GMT":         "",
		"Thursday, 18 Aug 2050 02:01:18 GMT":    "",
		"Thu, 18-Aug-50 02:01:18 GMT":           "",
		"Thursday, 18-Aug-2050 02:01:18 GMT":    "",
		"Thursday, 18-Aug-50 02:01:18":          "",
		"Sun Nov 6 08:49:37 1994":               "",
		"Sun Nov  6 08:49:37 1994 GMT":          "",
		" Thu, 18 Aug 2050 02:01:18 GMT":        "",
		"Thu, 18 Aug 2050 02:01:18 GMT, Thu, 1": "",
		"Thu, 18 Aug 2050 02:01:18 GMT\x00":     "",
		"2050-08-18T02:01:18Z":                  "",
	} {
		got, ok := ParseDate(s, now)
		if !ok {
			require.Empty(t, want, s)
			continue
		}
		require.Equal(t, want, got.Format(time.RFC3339), s)
	}
}

// A leap day exists in one of the centuries only.
func TestTwoDigitLeapDay(t *testing.T) {
	got, ok := ParseDate("Tuesday, 29-Feb-00 00:00:00 GMT", time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC))
	require.True(t, ok)
	require.Equal(t, 2000, got.Year(), "2100 has no 29 February")
}

func FuzzDate(f *testing.F) {
	f.Add("Sun, 06 Nov 1994 08:49:37 GMT")
	f.Add("Sunday, 06-Nov-94 08:49:37 GMT")
	f.Add("Sun Nov  6 08:49:37 1994")
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := ParseDate(s, t0)
		if !ok {
			return
		}
		_, offset := got.Zone()
		require.Zero(t, offset)
		form := map[int]string{
			29: "Mon, 02 Jan 2006 15:04:05 GMT",
			24: "Mon Jan _2 15:04:05 2006",
		}[len(s)]
		if form == "" {
			require.False(t, got.After(t0.AddDate(50, 0, 0)))
			form = "Monday, 02-Jan-06 15:04:05 GMT"
		}
		if strings.Contains(s, ":60") || got.Year() < 1000 {
			return
		}
		// The same date but for the day's name, case, and asctime's leading zero.
		text := got.Format(form)
		_, text, _ = strings.Cut(text, " ")
		_, want, _ := strings.Cut(s, " ")
		require.Equal(t, strings.ToLower(strings.ReplaceAll(text, " ", "0")), strings.ToLower(strings.ReplaceAll(want, " ", "0")))
	})
}
