package load

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestValidateNamesTheField(t *testing.T) {
	ok := Config{URLs: []string{"http://127.0.0.1:8080/a"}}
	require.NoError(t, ok.Validate())
	for _, c := range []struct {
		field, reason string
		spoil         func(*Config)
	}{
		{"url", "1 to 100000", func(c *Config) { c.URLs = nil }},
		{"url", "absolute URL", func(c *Config) { c.URLs = []string{"http://a b/"} }},
		{"url", "http://", func(c *Config) { c.URLs = []string{"ftp://a/"} }},
		{"url", "http://", func(c *Config) { c.URLs = []string{"/a"} }},
		{"url", "name a host", func(c *Config) { c.URLs = []string{"http:///a"} }},
		{"url", "https:// over h2", func(c *Config) { c.Proto = H2 }},
		{"url", "neither user nor fragment", func(c *Config) { c.URLs = []string{"http://u@a/"} }},
		{"url", "neither user nor fragment", func(c *Config) { c.URLs = []string{"http://a/#f"} }},
		{"url", "both http and https", func(c *Config) { c.URLs = []string{"http://a:1/", "https://a:1/"} }},
		{"url", "8192 characters", func(c *Config) { c.URLs = []string{"http://a/" + strings.Repeat("a", 9000)} }},
		{"proto", "h1, h2, h3", func(c *Config) { c.Proto = 9 }},
		{"choice", "uniform", func(c *Config) { c.Choice = 9 }},
		{"spacing", "poisson", func(c *Config) { c.Spacing = 9 }},
		{"method", "GET or HEAD", func(c *Config) { c.Method = "POST" }},
		{"rate", "from 0.01", func(c *Config) { c.Rate = -1 }},
		{"rate", "from 0.01", func(c *Config) { c.Rate = math.NaN() }},
		{"rate", "from 0.01", func(c *Config) { c.Rate = 2e6 }},
		{"rate", "times duration", func(c *Config) { c.Rate, c.Duration = 1e6, time.Hour }},
		{"zipf-s", "at most 10", func(c *Config) { c.ZipfS = 11 }},
		{"connections", "1 to 10000", func(c *Config) { c.Connections = -1 }},
		{"streams", "must be 1 over h1", func(c *Config) { c.Streams = 2 }},
		{"fresh", "absent over h2", func(c *Config) { c.Proto, c.Fresh = H2, true }},
		{"streams", "1 to 1000", func(c *Config) { c.Proto, c.Streams = H3, 1001 }},
		{"connections", "times streams", func(c *Config) { c.Proto, c.Connections, c.Streams = H2, 10_000, 1000 }},
		{"requests", "from 0", func(c *Config) { c.Requests = -1 }},
		{"warmup", "from 0s", func(c *Config) { c.Warmup = -1 }},
		{"duration", "24h", func(c *Config) { c.Duration = 48 * time.Hour }},
		{"timeout", "5m", func(c *Config) { c.Timeout = time.Hour }},
		{"pid", "id of a process", func(c *Config) { c.PIDs = []int{-1} }},
		{"header", "token characters", func(c *Config) { c.Header = []Field{{"a b", "c"}} }},
		{"header", "visible characters", func(c *Config) { c.Header = []Field{{"a", "c\r\nd: e"}} }},
		{"header", "kept connection", func(c *Config) { c.Header = []Field{{"connection", "close"}} }},
		{"header", "at most 64", func(c *Config) { c.Header = make([]Field, 65) }},
		{"ca", "PEM certificate", func(c *Config) { c.CA = []byte("nonsense") }},
	} {
		cfg := ok
		c.spoil(&cfg)
		var field *FieldError
		require.ErrorAs(t, cfg.Validate(), &field, c.reason)
		require.Equal(t, c.field, field.Field)
		require.Contains(t, field.Reason, c.reason)
		_, err := Run(t.Context(), cfg)
		require.ErrorAs(t, err, &field)
	}
}

func TestTargetParts(t *testing.T) {
	p, err := Config{URLs: []string{"http://[::1]/a%2fb?x=%20", "http://localhost:81"}, Header: []Field{{"host", "edge.test"}}}.plan()
	require.NoError(t, err)
	require.Equal(t, []string{"/a%2fb?x=%20", "edge.test", "[::1]:80"}, []string{p.targets[0].path, p.targets[0].host, p.targets[0].addr})
	require.Equal(t, []string{"/", "localhost:81"}, []string{p.targets[1].path, p.targets[1].addr})
}

func TestStatuses(t *testing.T) {
	var s Statuses
	require.NoError(t, s.UnmarshalText([]byte("2xx, 304,429")))
	for status, want := range map[int]bool{200: true, 299: true, 300: false, 304: true, 429: true, 500: false} {
		require.Equal(t, want, s.Has(status), status)
	}
	for _, bad := range []string{"", "99", "600", "6xx", "2x", "200,", "a", "200-299", strings.Repeat("200,", 99)} {
		require.Error(t, s.UnmarshalText([]byte(bad)), bad)
	}
}

func TestNames(t *testing.T) {
	for _, p := range []Proto{H1, H2, H3} {
		var q Proto
		require.NoError(t, q.UnmarshalText([]byte(p.String())))
		require.Equal(t, p, q)
	}
	var c Choice
	var s Spacing
	var p Proto
	require.ErrorContains(t, c.UnmarshalText([]byte("x")), "uniform, zipf, sequence")
	require.ErrorContains(t, s.UnmarshalText([]byte("x")), "constant, poisson")
	require.ErrorContains(t, p.UnmarshalText([]byte("x")), "h1, h2, h3")
	require.Equal(t, "Proto(9) Choice(9) Spacing(9) Failure(9)", Proto(9).String()+" "+Choice(9).String()+" "+Spacing(9).String()+" "+Failure(9).String())
}

func FuzzReadURLs(f *testing.F) {
	f.Add("http://127.0.0.1/a\n\n# note\n  http://127.0.0.1/b \r\n")
	f.Fuzz(func(t *testing.T, text string) {
		urls, err := ReadURLs(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, u := range urls {
			if u == "" || u[0] == '#' || strings.TrimSpace(u) != u {
				t.Fatalf("not a URL: %q", u)
			}
		}
		_ = Config{URLs: urls}.Validate() // must not panic
	})
}

func FuzzParseField(f *testing.F) {
	f.Add("Accept: text/html")
	f.Add("x:")
	f.Add(":authority: a")
	f.Fuzz(func(t *testing.T, line string) {
		field, err := ParseField(line)
		if err != nil {
			return
		}
		if Config.Validate(Config{URLs: []string{"http://a/"}, Header: []Field{field}}) == nil && strings.ContainsAny(field.Name+field.Value, "\r\n\x00") {
			t.Fatalf("accepted %q", line)
		}
	})
}
