package origin

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

func TestRequestOnTheWire(t *testing.T) {
	raw, seen := recording(t)
	host := strings.TrimPrefix(raw.URL(), "http://")
	for name, c := range map[string]struct {
		cfg   Config
		fetch edge.Fetch
		wire  string
	}{
		"target byte for byte": {Config{}, *get("/a%2Fb//c|{}%7e;x?q=%zz&r=|"),
			"GET /a%2Fb//c|{}%7e;x?q=%zz&r=| HTTP/1.1\r\nHost: HOST\r\nVia: 1.1 letteredge\r\n\r\n"},
		"empty query":       {Config{}, *get("/a?"), "GET /a? HTTP/1.1\r\nHost: HOST\r\nVia: 1.1 letteredge\r\n\r\n"},
		"two slashes":       {Config{}, *get("//evil.example/a"), "GET //evil.example/a HTTP/1.1\r\nHost: HOST\r\nVia: 1.1 letteredge\r\n\r\n"},
		"server as a whole": {Config{}, edge.Fetch{Method: "OPTIONS", Target: "*"}, "OPTIONS * HTTP/1.1\r\nHost: HOST\r\nVia: 1.1 letteredge\r\n\r\n"},
		"base path":         {Config{URL: raw.URL() + "/base/"}, *get("/a?q"), "GET /base/a?q HTTP/1.1\r\nHost: HOST\r\nVia: 1.1 letteredge\r\n\r\n"},
		"preserved host":    {Config{PreserveHost: true}, *get("/a"), "GET /a HTTP/1.1\r\nHost: reader.example\r\nVia: 1.1 letteredge\r\n\r\n"},
		"fields": {Config{Via: "tokyo-1"}, *get("/a", edge.Field{Name: "X-A", Value: "1"}, edge.Field{Name: "x-a", Value: "2"},
			edge.Field{Name: "User-Agent", Value: "u"}, edge.Field{Name: "Via", Value: "1.0 old"}, edge.Field{Name: "Accept-Encoding", Value: "gzip"}),
			"GET /a HTTP/1.1\r\nHost: HOST\r\nUser-Agent: u\r\nAccept-Encoding: gzip\r\nVia: 1.0 old\r\nVia: 1.1 tokyo-1\r\nX-A: 1\r\nX-A: 2\r\n\r\n"},
		"hop-by-hop": {Config{}, *get("/a", edge.Field{Name: "Connection", Value: "x-one, close"}, edge.Field{Name: "connection", Value: "Upgrade"},
			edge.Field{Name: "X-One", Value: "1"}, edge.Field{Name: "Keep-Alive", Value: "1"}, edge.Field{Name: "TE", Value: "trailers"},
			edge.Field{Name: "Transfer-Encoding", Value: "chunked"}, edge.Field{Name: "Content-Length", Value: "7"}, edge.Field{Name: "Upgrade", Value: "h2c"},
			edge.Field{Name: "Host", Value: "evil.example"}, edge.Field{Name: "Expect", Value: "100-continue"},
			edge.Field{Name: "transfer_encoding", Value: "chunked"}, edge.Field{Name: "Content_Length", Value: "7"}, edge.Field{Name: "Proxy_Connection", Value: "close"},
			edge.Field{Name: "Transfer_encoding", Value: "chunked"}, edge.Field{Name: "HTTP2-Settings", Value: "x"}, edge.Field{Name: "HOST", Value: "b"},
			edge.Field{Name: "Trailer", Value: "x"}, edge.Field{Name: "Proxy-Authorization", Value: "x"}, edge.Field{Name: "X-Two", Value: "2"}),
			"GET /a HTTP/1.1\r\nHost: HOST\r\nVia: 1.1 letteredge\r\nX-Two: 2\r\n\r\n"},
		"underscores": {Config{}, *get("/a", edge.Field{Name: "api_key", Value: "1"}), "GET /a HTTP/1.1\r\nHost: HOST\r\nApi_key: 1\r\nVia: 1.1 letteredge\r\n\r\n"},
		"pinned versions": {Config{}, edge.Fetch{Method: "GET", Target: "/a", Vector: "core=7, trial=42", Fields: []edge.Field{{Name: "docs-pin", Value: "trial=1"}}},
			"GET /a HTTP/1.1\r\nHost: HOST\r\nDocs-Pin: core=7, trial=42\r\nVia: 1.1 letteredge\r\n\r\n"},
		"a client's pin": {Config{}, *get("/a", edge.Field{Name: "Docs-Pin", Value: "trial=1"}), "GET /a HTTP/1.1\r\nHost: HOST\r\nVia: 1.1 letteredge\r\n\r\n"},
		"body with a length": {Config{}, edge.Fetch{Method: "POST", Target: "/a", Body: strings.NewReader("hi"), Length: 2},
			"POST /a HTTP/1.1\r\nHost: HOST\r\nContent-Length: 2\r\nVia: 1.1 letteredge\r\n\r\nhi"},
		"body without": {Config{}, edge.Fetch{Method: "PUT", Target: "/a", Body: strings.NewReader("hi"), Length: -1},
			"PUT /a HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\nVia: 1.1 letteredge\r\n\r\n2\r\nhi\r\n0\r\n\r\n"},
		"empty body": {Config{}, edge.Fetch{Method: "POST", Target: "/a", Body: strings.NewReader(""), Length: 0},
			"POST /a HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\nVia: 1.1 letteredge\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			fill(&c.cfg.URL, raw.URL())
			_, _, err := read(t, connect(t, c.cfg), &c.fetch)
			require.NoError(t, err)
			require.Equal(t, strings.Replace(c.wire, "HOST", host, 1), <-seen)
		})
	}
}

func TestRequestsThatAreNotSent(t *testing.T) {
	raw, seen := recording(t)
	for name, f := range map[string]*edge.Fetch{
		"line break in a value":  get("/a", edge.Field{Name: "X-A", Value: "1\r\nX-B: 2"}),
		"line feed in a value":   get("/a", edge.Field{Name: "X-A", Value: "1\nX-B: 2"}),
		"NUL in a value":         get("/a", edge.Field{Name: "X-A", Value: "1\x00"}),
		"line break in a name":   get("/a", edge.Field{Name: "X-A: 1\r\nX-B", Value: "2"}),
		"empty name":             get("/a", edge.Field{Name: "", Value: "2"}),
		"line break in a target": get("/a HTTP/1.1\r\nX-B: 2\r\n\r\nGET /b"),
		"space in a target":      get("/a b"),
		"fragment":               get("/a#b"),
		"not ASCII":              get("/é"),
		"no slash":               get("a"),
		"full URL":               get("http://evil.example/"),
		"authority":              get("@evil.example/"),
		"empty target":           get(""),
		"leaves the base":        get("/../secret"),
		"leaves it coded":        get("/%2E%2e/secret"),
		"leaves it by slashes":   get("/x/..%2f..%5C../secret"),
		"leaves it by backslash": get(`/..\secret`),
		"no method":              {Target: "/a"},
		"tunnel":                 {Method: "CONNECT", Target: "/a"},
		"no token as a method":   {Method: "GET /x HTTP/1.1\r\nA:", Target: "/a"},
		"host":                   {Method: "GET", Target: "/a", Host: "a\r\nX-B: 1"},
	} {
		t.Run(name, func(t *testing.T) {
			o := connect(t, Config{URL: raw.URL() + "/base", PreserveHost: true})
			_, err := o.Fetch(context.Background(), f)
			require.Error(t, err)
			require.Zero(t, o.InFlight())
			require.Empty(t, seen)
		})
	}
}

func TestConfigErrorsNameTheField(t *testing.T) {
	for url, field := range map[string]string{
		"": "URL", "ftp://a": "URL", "http://": "URL", "http://u:p@a": "URL", "http://a/?q": "URL", "http://a/#f": "URL",
		"http://a/%2e%2e/b": "URL", "http://a//b": "URL", "http://a:b": "URL", "a:80": "URL",
	} {
		_, err := New(Config{URL: url})
		require.ErrorContains(t, err, field, url)
	}
	for field, cfg := range map[string]Config{
		"MaxInFlight":   {MaxInFlight: -1},
		"BodyTimeout":   {BodyTimeout: -1},
		"HeaderTimeout": {HeaderTimeout: -1},
		"Via":           {Via: "a b"},
		"CAFile":        {CAFile: "testdata/none.pem", URL: "https://a"},
	} {
		fill(&cfg.URL, "http://a")
		_, err := New(cfg)
		require.ErrorContains(t, err, field)
	}
}

// FuzzAddress holds that no target leaves the base or reaches another host.
func FuzzAddress(f *testing.F) {
	for _, target := range []string{"/a", "//x", "/../a", "/%2e%2e/", "/a?b#c", "*", "http://x/", "/\\..\\", "/%zz"} {
		f.Add(target)
	}
	cfg := Config{URL: "http://origin.example/base"}
	base, err := cfg.base()
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, target string) {
		u, err := address(base, target)
		if err != nil || target == "*" {
			return
		}
		require.Equal(t, "origin.example", u.Host)
		require.Equal(t, "/base"+target, u.RequestURI())
		require.NotContains(t, strings.Split(strings.Split(u.RequestURI(), "?")[0], "/"), "..")
	})
}

// slowReader blocks until it is released and notes reads.
type slowReader struct {
	reading chan struct{}
	release chan struct{}
}

func (r *slowReader) Read(p []byte) (int, error) {
	r.reading <- struct{}{}
	<-r.release
	return copy(p, "x"), nil
}

// An answer may come before the request's body has been taken. Once the answer
// is closed, the reader belongs to its owner again.
func TestRequestBodyIsNotReadAfterClose(t *testing.T) {
	o := connect(t, Config{URL: answering(t, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").URL()})
	r := &slowReader{make(chan struct{}), make(chan struct{})}
	var a *edge.Answer
	var err error
	fetched := make(chan struct{})
	go func() {
		defer close(fetched)
		a, err = o.Fetch(context.Background(), &edge.Fetch{Method: "POST", Target: "/a", Body: r, Length: 100})
	}()
	<-r.reading
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		<-fetched
		if err == nil {
			_, _ = io.Copy(io.Discard, a.Body)
			_ = a.Body.Close()
		}
	}()
	r.release <- struct{}{}
	for done := false; !done; {
		select {
		case <-r.reading:
			r.release <- struct{}{}
		case <-closed:
			done = true
		}
	}
	select {
	case <-r.reading:
		t.Fatal("read after Close")
	default:
	}
	require.Zero(t, o.InFlight())
}
