package freshness

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func scan(line string) string {
	var b strings.Builder
	s := scanner{s: line}
	for d, ok := s.next(); ok; d, ok = s.next() {
		b.WriteString(d.Name)
		if d.Has {
			b.WriteString("=" + d.Value)
		}
		if d.Quoted {
			b.WriteString("(q)")
		}
		if d.Bad {
			b.WriteString("(bad)")
		}
		b.WriteString("; ")
	}
	return strings.TrimSuffix(b.String(), "; ")
}

func TestScanner(t *testing.T) {
	for line, want := range map[string]string{
		"":                              "",
		" , ,,":                         "",
		"no-store":                      "no-store",
		"a, b=1 ,\tc=\"2\"":             "a; b=1; c=2(q)",
		`ext="max-age=1, no-store", b`:  `ext=max-age=1, no-store(q); b`,
		`ext="a\"b,c", d`:               `ext=a\"b,c(q); d`,
		`ext="", d`:                     `ext=(q); d`,
		"max-age =1":                    "max-age=1(bad)",
		"max-age= 1":                    "max-age=(bad); 1",
		"max-age=":                      "max-age=(bad)",
		"max-age='1'":                   "max-age='1'",
		"max-age=1;no-store":            "max-age=1(bad); no-store",
		"no-cache no-store":             "no-cache(bad); no-store",
		"max-age=1 no-store":            "max-age=1(bad); no-store",
		`private="set-cookie, no-store`: `private=set-cookie(bad); no-store`,
		`private="a"b, c`:               `private=a(q)(bad); b; c`,
		`"no-store", b`:                 `b`,
		`"no-store, b`:                  `no-store; b`,
		"=1, b":                         "1; b",
		"no-störe":                      "no-st(bad); re",
	} {
		require.Equal(t, want, scan(line), line)
	}
}

// Quotes that never end must not cost quadratic time.
func TestScannerIsLinear(t *testing.T) {
	line := strings.Repeat(`"\`, 1<<19)
	start := time.Now()
	scan(line)
	require.Less(t, time.Since(start), 2*time.Second)
}

func FuzzDirectives(f *testing.F) {
	for _, s := range []string{"max-age=1", `private="a, b", no-store`, "only-if-cached", `"\"`, "max-stale, min-fresh=1", "a=;b"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, line string, conformance bool) {
		var b strings.Builder
		s := scanner{s: line}
		for d, ok := s.next(); ok; d, ok = s.next() {
			require.True(t, isToken(d.Name), "%q", d.Name)
			fmt.Fprintf(&b, "%s,", d.Name)
		}
		// The names alone are the same list.
		names := strings.TrimSuffix(b.String(), ",")
		require.Equal(t, strings.ReplaceAll(names, ",", "; "), scan(names))

		var scratch Scratch
		d := ParseRequest(lines{"Cache-Control:" + line}, conformance, &scratch)
		for _, v := range []time.Duration{d.MaxAge, d.MinFresh, d.MaxStale, d.StaleIfError} {
			require.True(t, 0 <= v && v <= MaxDelta)
		}
		if !conformance {
			require.Equal(t, Directives{OnlyIfCached: d.OnlyIfCached}, d)
		}
	})
}

func TestParseDeltaSeconds(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"0": 0, "1": time.Second, "003600": time.Hour,
		"2147483647": MaxDelta - time.Second, "2147483648": MaxDelta, "2147483649": MaxDelta,
		"99999999999": MaxDelta, "99999999999999999999999999999999": MaxDelta,
		strings.Repeat("0", 100) + "7": 7 * time.Second,
	} {
		got, ok := ParseDeltaSeconds(s)
		require.True(t, ok, s)
		require.Equal(t, want, got, s)
	}
	for _, s := range []string{"", "-1", "+1", "1.0", "1s", " 1", "1 ", "a", "1e3", "0x1", "١", "99999999999999999999a"} {
		_, ok := ParseDeltaSeconds(s)
		require.False(t, ok, s)
	}
}
