package serve

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	"golang.org/x/net/http/httpguts"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/serve/gate"
)

// keyOf is what a request comes to: a canonical text, "refused" by the
// transport, or the key's error.
func keyOf(t *testing.T, k *cachekey.Keyer, req *edge.Request, bad gate.Refusal) string {
	if bad.Refused() {
		return "refused"
	}
	var s cachekey.Scratch
	key, err := k.Key(cachekey.Input{Method: req.MethodText, Host: req.Host, Target: req.Target}, &s)
	if err != nil {
		require.NotEmpty(t, err.Error())
		return "refused"
	}
	return strings.Clone(key.Text)
}

// viaH1 parses the bytes that a client would send with fasthttp and the gate.
func viaH1(t *testing.T, k *cachekey.Keyer, method, host, target string) string {
	ctx := &fasthttp.RequestCtx{}
	ctx.Init(&fasthttp.Request{}, nil, nil)
	wire := method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
	if err := ctx.Request.Header.Read(bufio.NewReaderSize(strings.NewReader(wire), 64<<10)); err != nil {
		return "refused"
	}
	if len(ctx.Request.Header.RawHeaders()) != len("Host: "+host+"\r\n\r\n") {
		return "refused" // other bytes than one target and one host
	}
	var x h1Exchange
	return keyOf(t, k, &x.Req, x.read(ctx, 1<<20))
}

// viaNet makes the http.Request that x/net/http2 and quic-go make of :method,
// :authority and :path; they refuse by the same rules.
func viaNet(t *testing.T, k *cachekey.Keyer, proto edge.Proto, method, host, target string) string {
	if !strings.HasPrefix(target, "/") && !(target == "*" && method == "OPTIONS") {
		return "refused"
	}
	if host == "" || strings.Contains(host, "@") || !httpguts.ValidHostHeader(host) {
		return "refused"
	}
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return "refused"
	}
	r := &http.Request{
		Method: method, Host: host, RequestURI: target, URL: u, Header: http.Header{},
		TLS: &tls.ConnectionState{HandshakeComplete: true}, RemoteAddr: "127.0.0.1:1",
	}
	var x netExchange
	return keyOf(t, k, &x.Req, x.read(r, proto, 1<<20))
}

func parityKeyer(t testing.TB) *cachekey.Keyer {
	k, err := cachekey.NewKeyer([]cachekey.Pattern{{Query: cachekey.QueryRule{Names: []string{"*"}}}})
	require.NoError(t, err)
	return k
}

// targets are the ones that fasthttp's and net/http's URL parsers read in
// different ways, and ordinary ones.
var paritySeeds = []struct{ method, host, target string }{
	{"GET", "edge.test", "/v1/segments/b2b/ctas/trial"},
	{"GET", "EDGE.test:443", "/v1/segments/b2b/ctas/trial?lang=ja&utm=1"},
	{"GET", "edge.test.", "/v1/segments/%622b/ctas/trial"},
	{"GET", "edge.test", "/a/../b//c/%2e%2e/d%2Fe"},
	{"GET", "edge.test", "/v1/segments/b2b/../b2c/ctas/trial"},
	{"GET", "edge.test", "/v1//segments/b2b/ctas/trial"},
	{"GET", "edge.test", "//evil/x"},
	{"GET", "edge.test", "/x?y=1&y=2&z=%zz"},
	{"GET", "edge.test", "/x#frag"},
	{"GET", "edge.test", "/%zz"},
	{"GET", "edge.test", "/\\..\\x"},
	{"GET", "edge.test", "/a;b=c/d?e;f"},
	{"GET", "edge.test", "/?"},
	{"GET", "edge.test", "/??a?b"},
	{"GET", "edge.test", "*"},
	{"OPTIONS", "edge.test", "*"},
	{"GET", "a@b", "/"},
	{"GET", "[::1]:80", "/"},
	{"GET", "edge.test:", "/"},
	{"GET", "edge.test:0x50", "/"},
	{"GET", "a,b", "/"},
	{"GET", "a b", "/"},
	{"POST", "edge.test", "/x"},
	{"GET", "edge.test", "/\xe3\x81\x82"},
	{"GET", "edge.test", "/%E3%81%82"},
	{"GET", "edge.test", "/a%00b"},
	{"GET", "edge.test", "http://edge.test/x"},
	{"GET", "edge.test", "http://evil/x"},
}

// FuzzKeyParity: a cache that is keyed by parsers that disagree can be poisoned.
func FuzzKeyParity(f *testing.F) {
	for _, s := range paritySeeds {
		f.Add(s.method, s.host, s.target)
	}
	k := parityKeyer(f)
	f.Fuzz(func(t *testing.T, method, host, target string) {
		if bytes.ContainsAny([]byte(method+host+target), "\r\n") || strings.ContainsAny(method+target, " ") || method == "" || target == "" {
			return // not one request line and one Host
		}
		if strings.Trim(host, " \t") != host || method == "CONNECT" {
			return // not what a field value or a target is
		}
		h1 := viaH1(t, k, method, host, target)
		h2 := viaNet(t, k, edge.H2, method, host, target)
		h3 := viaNet(t, k, edge.H3, method, host, target)
		require.Equal(t, h2, h3)
		if strings.HasPrefix(target, "/") {
			require.Equal(t, h1, h2)
			return
		}
		// Only HTTP/1.1 has an absolute form; it names what the origin form does.
		if h1 != "refused" && target != "*" {
			u, err := url.Parse(target)
			require.NoError(t, err)
			origin := u.EscapedPath()
			if i := strings.IndexByte(target, '?'); i >= 0 {
				origin = target[strings.Index(target, "://")+3:]
				origin = origin[strings.IndexAny(origin, "/?"):]
			}
			if !strings.HasPrefix(origin, "/") {
				origin = "/" + origin
			}
			authority, _ := authorityOf(target) // it counts, whatever Host says
			require.Equal(t, viaH1(t, k, method, authority, origin), h1)
		}
	})
}

// TestKeyParityOnTheWire sends what clients can be made to send over real
// connections.
func TestKeyParityOnTheWire(t *testing.T) {
	t.Parallel()
	k := parityKeyer(t)
	core := coreFunc(func(_ context.Context, x *edge.Exchange) {
		key := keyOf(t, k, &x.Req, gate.Refusal{})
		x.Rep.Status, x.Rep.Body, x.Rep.Length = 200, []byte(key), int64(len(key))
	})
	r := start(t, core)
	clients := r.clients()
	for _, s := range paritySeeds {
		if s.method == "OPTIONS" || !strings.HasPrefix(s.target, "/") || strings.HasPrefix(s.target, "//") {
			continue // the client makes others of these
		}
		if _, err := url.ParseRequestURI(s.target); err != nil || strings.Contains(s.host, "@") || !httpguts.ValidHostHeader(s.host) {
			continue // a stream error on HTTP/2, which Go's client retries without end
		}
		t.Run(s.host+s.target, func(t *testing.T) {
			var seen []string
			for _, c := range clients {
				base, err := url.Parse(c.base)
				require.NoError(t, err)
				path, query, asked := strings.Cut(s.target, "?")
				req := &http.Request{Method: s.method, Host: s.host, Header: http.Header{},
					URL: &url.URL{Scheme: base.Scheme, Host: base.Host, Opaque: path, RawQuery: query, ForceQuery: asked}}
				resp, err := c.Do(req)
				if err != nil { // the client, or the server as a stream error
					seen = append(seen, "refused")
					continue
				}
				var b bytes.Buffer
				_, err = b.ReadFrom(resp.Body)
				require.NoError(t, err)
				_ = resp.Body.Close()
				if resp.StatusCode != 200 {
					seen = append(seen, "refused")
					continue
				}
				seen = append(seen, b.String())
			}
			t.Log(seen)
			for _, got := range seen {
				require.Equal(t, seen[0], got)
			}
		})
	}
}
