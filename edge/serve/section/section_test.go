package section

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2/hpack"
	"pgregory.net/rapid"

	"github.com/letteros/letteredge/edge"
)

// read puts lines of "name", "value" pairs into a section, by turns as literals in
// both codings and as a table's lines.
func read(s *Section, lines ...string) {
	s.Reset()
	for i := 0; i < len(lines); i += 2 {
		switch i / 2 % 3 {
		case 0:
			n, _ := s.Name([]byte(lines[i]), false)
			v, _ := s.Text([]byte(lines[i+1]), false)
			s.Add(n, v)
		case 1:
			n, _ := s.Name(hpack.AppendHuffmanString(nil, lines[i]), true)
			v, _ := s.Text(hpack.AppendHuffmanString(nil, lines[i+1]), true)
			s.Add(n, v)
		case 2:
			l := NewLine(lines[i], lines[i+1])
			s.AddLine(&l)
		}
	}
}

func open(size, lines int) *Section {
	s := new(Section)
	s.Limit(size, lines)
	return s
}

func get(more ...string) []string {
	return append([]string{":method", "GET", ":scheme", "https", ":authority", "a.test", ":path", "/x?y"}, more...)
}

func TestRequest(t *testing.T) {
	s := open(4000, 50)
	read(s, get("x-many", "a", "user-agent", "t", "x-many", "b", "te", "trailers", "cookie", "a=1", "content-length", "12",
		"expect", "100-continue", "trailer", "x-sum", "x-many", "", "cookie", "b=2", "priority", "u=1, i", "cookie", "c=3", "host", "a.test")...)
	h, bad := s.Request()
	require.Empty(t, bad)
	require.False(t, s.Over())
	require.Equal(t, Head{Method: "GET", Authority: "a.test", Target: "/x?y", Expect: "100-continue", Length: 12,
		Priority: Importance{1, true}, Prioritized: true, scheme: "https", host: "a.test"}, *h)
	var all []string
	s.All(func(name, value string) bool { all = append(all, name+": "+value); return true })
	require.Equal(t, []string{"X-Many: a", "User-Agent: t", "X-Many: b", "Te: trailers", "Cookie: a=1; b=2; c=3", "X-Many: ", "Priority: u=1, i"}, all)
	require.Equal(t, "a", s.Get("X-Many"))
	require.Equal(t, "a, b, ", s.Combined("X-Many"))
	require.True(t, s.Has("X-Many"))
	require.False(t, s.Has("X-None"))
	require.Empty(t, s.Get("Host"))
	require.False(t, s.Has("Host"))
	require.Empty(t, s.Get("Content-Length"))
	var each []string
	s.Each("X-Many", func(v string) bool { each = append(each, v); return v != "b" })
	require.Equal(t, []string{"a", "b"}, each)

	read(s, get()...)
	h, bad = s.Request()
	require.Empty(t, bad)
	require.Equal(t, int64(-1), h.Length)
	require.Equal(t, Default(), h.Priority, "nothing is left of the former request")
	require.Empty(t, h.Expect)
	require.Empty(t, s.Get("X-Many"))

	// A dictionary on several lines (RFC 9651 §4.2).
	read(s, get("priority", "u=1", "priority", "i", "priority", "u=5")...)
	h, _ = s.Request()
	require.Equal(t, Importance{5, true}, h.Priority)
	read(s, get("priority", "u=1", "priority", "!")...)
	h, _ = s.Request()
	require.Equal(t, Default(), h.Priority)
}

func TestMalformed(t *testing.T) {
	for name, lines := range map[string][]string{
		"no method":          {":scheme", "https", ":authority", "a", ":path", "/"},
		"empty method":       {":method", "", ":scheme", "https", ":authority", "a", ":path", "/"},
		"method is no token": {":method", "G T", ":scheme", "https", ":authority", "a", ":path", "/"},
		"no scheme":          {":method", "GET", ":authority", "a", ":path", "/"},
		"another scheme":     {":method", "GET", ":scheme", "ftp", ":authority", "a", ":path", "/"},
		"no path":            {":method", "GET", ":scheme", "https", ":authority", "a"},
		"empty path":         {":method", "GET", ":scheme", "https", ":authority", "a", ":path", ""},
		"absolute path":      {":method", "GET", ":scheme", "https", ":authority", "a", ":path", "http://b/"},
		"tab in path":        {":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/\tx"},
		"twice":              get(":path", "/"),
		"pseudo late":        {":method", "GET", ":scheme", "https", "x", "y", ":path", "/"},
		"status":             get(":status", "200"),
		"protocol":           get(":protocol", "websocket"),
		"unknown pseudo":     get(":x", "y"),
		"upper case":         get("X-Up", "y"),
		"upper case within":  get("x-uP", "y"),
		"no name":            get("", "y"),
		"space in a name":    get("x y", "z"),
		"colon in a name":    get("x:y", "z"),
		"NUL":                get("x", "a\x00b"),
		"CR":                 get("x", "a\rb"),
		"LF":                 get("x", "a\nb"),
		"DEL":                get("x", "a\x7fb"),
		"space before":       get("x", " a"),
		"tab after":          get("x", "a\t"),
		"connection":         get("connection", "close"),
		"keep-alive":         get("keep-alive", "1"),
		"proxy-connection":   get("proxy-connection", "close"),
		"transfer-encoding":  get("transfer-encoding", "chunked"),
		"upgrade":            get("upgrade", "h2c"),
		"te":                 get("te", "gzip"),
		"other host":         get("host", "b.test"),
		"host twice":         get("host", "a.test", "host", "a.test"),
		"user information":   {":method", "GET", ":scheme", "https", ":authority", "u@a", ":path", "/"},
		"no host at all":     {":method", "GET", ":scheme", "https", ":authority", "a b", ":path", "/"},
		"length":             get("content-length", "+1"),
		"empty length":       get("content-length", ""),
		"huge length":        get("content-length", "9999999999999999999"),
		"length twice":       get("content-length", "1", "content-length", "1"),
		"connect with path":  {":method", "CONNECT", ":authority", "a:1", ":path", "/"},
		"connect, scheme":    {":method", "CONNECT", ":authority", "a:1", ":scheme", "https"},
		"connect, no one":    {":method", "CONNECT", "host", "a:1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(4000, 50)
			read(s, lines...)
			_, bad := s.Request()
			require.NotEmpty(t, bad)
			read(s, get()...)
			_, bad = s.Request()
			require.Empty(t, bad, "the next one is judged anew")
		})
	}
}

func TestAllowed(t *testing.T) {
	for name, lines := range map[string][]string{
		"host alone":    {":method", "GET", ":scheme", "https", ":path", "/", "host", "a.test"},
		"the same host": get("host", "a.test"),
		"star":          {":method", "OPTIONS", ":scheme", "https", ":authority", "a.test", ":path", "*"},
		"connect":       {":method", "CONNECT", ":authority", "a.test"},
		"order":         {":path", "/", ":authority", "a.test", ":scheme", "http", ":method", "GET"},
		"empty value":   get("x", ""),
		"octets":        get("x", "\xff\x80 \t a"),
		"every token":   get("!#$%&'*+-.^_`|~09az", "x"),
	} {
		t.Run(name, func(t *testing.T) {
			s := open(4000, 50)
			read(s, lines...)
			h, bad := s.Request()
			require.Empty(t, bad)
			require.Equal(t, "a.test", h.Authority)
			if h.Method == "CONNECT" {
				require.Equal(t, "a.test", h.Target)
			}
		})
	}
}

func TestTrailers(t *testing.T) {
	s := open(4000, 50)
	read(s, "x-sum", "1")
	require.Empty(t, s.Trailers())
	read(s, "x-sum", "1", ":path", "/")
	require.NotEmpty(t, s.Trailers())
	read(s, ":method", "GET")
	require.NotEmpty(t, s.Trailers())
	read(s, "X-Sum", "1")
	require.NotEmpty(t, s.Trailers())
}

func TestLimits(t *testing.T) {
	size := 0
	lines := get("x", strings.Repeat("v", 100))
	for i := 0; i < len(lines); i += 2 {
		size += len(lines[i]) + len(lines[i+1]) + overhead
	}
	for _, c := range []struct {
		size, lines int
		over        bool
	}{{size, 5, false}, {size - 1, 5, true}, {size, 4, true}} {
		s := open(c.size, c.lines)
		read(s, lines...)
		require.Equal(t, c.over, s.Over())
		read(s, lines[:8]...)
		require.False(t, s.Over())
	}
}

// TestBombIsBounded: one line of a table, told over and over in one byte each.
func TestBombIsBounded(t *testing.T) {
	s := open(32<<10, 200)
	s.Reset()
	l := NewLine("x", strings.Repeat("v", 4000))
	for range 100_000 {
		s.AddLine(&l)
	}
	require.True(t, s.Over())
	require.LessOrEqual(t, len(s.lines), 8)
	require.Zero(t, cap(s.arena))
}

func TestKeptLinesOutliveTheirSection(t *testing.T) {
	s := open(4000, 50)
	s.Reset()
	n, _ := s.Name([]byte("x-name"), false)
	v, _ := s.Text([]byte("value"), false)
	kept := Keep(n, v)
	again := Keep(kept.Name, v)
	require.Equal(t, len("x-name")+len("value")+32, kept.Size())
	s.arena = append(s.arena[:0], "!!!!!!!!!!!!!!!!!!!"...)
	require.Equal(t, "X-Name value", kept.Name.Text+" "+kept.Value)
	require.Equal(t, "X-Name value", again.Name.Text+" "+again.Value)
}

// TestNamesAreCanonicalOnce: whatever way a line comes, it is the same line.
func TestNamesAreCanonicalOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`:?[a-zA-Z0-9 \-]{0,12}`).Draw(t, "name")
		value := rapid.StringMatching(`[ -~\t\x00]{0,8}`).Draw(t, "value")
		l := NewLine(name, value)
		s := open(4000, 50)
		s.Reset()
		n, _ := s.Name([]byte(name), false)
		v, _ := s.Text([]byte(value), false)
		kept := Keep(n, v)
		require.Equal(t, l, kept)
		if !n.Bad && !n.Kind.pseudo() {
			require.True(t, strings.EqualFold(name, n.Text))
			require.Equal(t, strings.ToLower(name), name)
		}
	})
}

// FuzzSection: no section, however odd, panics, goes over its limits, or is a
// request that breaks the rules.
func FuzzSection(f *testing.F) {
	f.Add(strings.Join(get("cookie", "a=1", "cookie", "b=2", "x", "y"), "\n"), 2000, 20)
	f.Add(":method\nGET\nhost\na\nhost\nb", 300, 3)
	f.Add("connection\nclose", 100, 1)
	f.Add(":path\n/\nx\n\n:path\n/", 0, 0)
	f.Fuzz(func(t *testing.T, text string, size, lines int) {
		parts := strings.Split(text, "\n")
		if len(parts)%2 == 1 {
			parts = parts[:len(parts)-1]
		}
		s := open(size, lines)
		read(s, parts...)
		if s.Over() {
			require.LessOrEqual(t, len(s.lines), max(lines, 0))
			return
		}
		h, bad := s.Request()
		if bad != "" {
			return
		}
		require.NotEmpty(t, h.Method)
		require.NotEmpty(t, h.Target)
		cookies := 0
		s.All(func(name, value string) bool {
			require.NotContains(t, []string{"Host", "Content-Length", "Trailer", "Expect", "Connection", "Upgrade", "Transfer-Encoding"}, name)
			require.False(t, strings.ContainsAny(value, "\r\n\x00"))
			require.NotEqual(t, byte(':'), name[0])
			if name == "Cookie" {
				cookies++
			}
			return true
		})
		require.LessOrEqual(t, cookies, 1)
		var _ edge.Fields = s
	})
}

// TestKeptLinesLiveByThemselves: also where the name or the value is empty. A line of a
// table that viewed its section's memory would show what the next request, or another
// client's, puts there.
func TestKeptLinesLiveByThemselves(t *testing.T) {
	for _, line := range [][2]string{{"x-name", "value"}, {"x-name", ""}, {"", "value"}, {"", ""}} {
		var s Section
		s.Limit(1<<10, 10)
		_, _ = s.Text(make([]byte, 100), false) // has memory that is used again
		s.Reset()
		name, ok := s.Name([]byte(line[0]), false)
		require.True(t, ok)
		value, ok := s.Text([]byte(line[1]), false)
		require.True(t, ok)
		kept := Keep(name, value)
		again := Keep(kept.Name, value)
		s.Reset()
		_, _ = s.Text([]byte(strings.Repeat("z", 100)), false)
		for _, l := range []Line{kept, again} {
			require.Equal(t, line[1], l.Value)
			require.True(t, strings.EqualFold(line[0], l.Name.Text), "%q became %q", line[0], l.Name.Text)
		}
	}
}
