package serve

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/letteros/letteredge/edge"
)

// smuggled is the target of a request that must never be served: it is sent
// behind a request that two implementations read differently.
const smuggled = "/smuggled"

func TestMalformedRequests(t *testing.T) {
	var served []string
	core := coreFunc(func(_ context.Context, x *edge.Exchange) {
		served = append(served, strings.Clone(x.Req.Target))
		if x.Req.Body != nil {
			_, _ = io.Copy(io.Discard, x.Req.Body)
		}
		x.Rep.Status, x.Rep.Body, x.Rep.Length = 200, []byte("ok"), 2
	})
	r := start(t, core, func(c *Config) { c.Secure = ""; c.MaxBody = 1000 })
	const get = "GET /a HTTP/1.1\r\nHost: a\r\n"
	const next = "GET " + smuggled + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	cases := []struct {
		name, request string
		status        int
		keeps         bool // the connection serves the next request
	}{
		{"no Host", "GET /a HTTP/1.1\r\n\r\n", 400, false},
		{"empty Host", "GET /a HTTP/1.1\r\nHost:\r\n\r\n", 400, false},
		{"two Hosts", get + "Host: a\r\n\r\n", 400, false},
		{"Host with userinfo", "GET /a HTTP/1.1\r\nHost: a@b\r\n\r\n", 400, false},
		{"Host with path", "GET /a HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, false},
		{"Host list", "GET /a HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, false},
		{"CL and TE", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, false},
		{"TE and CL", "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400, false},
		{"CL 0 and TE", "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\ncontent-length: 0\r\n\r\n0\r\n\r\n", 400, false},
		{"TE identity with CL", "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n", 501, false},
		{"TE identity", "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 501, false},
		{"TE gzip, chunked", "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, false},
		{"TE xchunked", "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, false},
		{"two TE", "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, false},
		{"TE on 1.0", "POST /a HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, false},
		{"folded TE", "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400, false},
		{"two CL, same", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", 400, false},
		{"CL list", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 0\r\n\r\n", 400, false},
		{"CL +0", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n", 400, false},
		{"CL -1", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400, false},
		{"CL hex", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n", 400, false},
		{"CL overflow", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400, false},
		{"obs-fold", get + "X: a\r\n b\r\n\r\n", 400, false},
		{"obs-fold with tab", get + "X: a\r\n\tb\r\n\r\n", 400, false},
		{"bare LF in the fields", "GET /a HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400, false},
		{"bare LF hides a field", get + "X: a\nContent-Length: 54\r\n\r\n", 400, false},
		{"bare LF before the end", get + "X: a\n\r\n\r\n", 400, false},
		{"bare LF everywhere", "GET /a HTTP/1.1\nHost: a\n\n", 400, false},
		{"space in a name", get + "Foo Bar: x\r\n\r\n", 400, false},
		{"space before the colon", get + "Foo : x\r\n\r\n", 400, false},
		{"tab before the colon", get + "Foo\t: x\r\n\r\n", 400, false},
		{"space before CL's colon", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nabcde", 400, false},
		{"no name", get + ": x\r\n\r\n", 400, false},
		{"no colon", get + "Foo\r\n\r\n", 400, false},
		{"name that is no token", get + "Fo(o: x\r\n\r\n", 400, false},
		{"name beyond ASCII", get + "F\xc3\xb6: x\r\n\r\n", 400, false},
		{"NUL in a value", get + "X: a\x00b\r\n\r\n", 400, false},
		{"bare CR in a value", get + "X: a\rb\r\n\r\n", 400, false},
		{"leading space", "GET /a HTTP/1.1\r\n Host: a\r\n\r\n", 400, false},
		{"HTTP/2.0", "GET /a HTTP/2.0\r\nHost: a\r\n\r\n", 505, false},
		{"HTTP/1.2", "GET /a HTTP/1.2\r\nHost: a\r\n\r\n", 505, false},
		{"HTTP/0.9", "GET /a HTTP/0.9\r\nHost: a\r\n\r\n", 505, false},
		{"no version", "GET /a\r\nHost: a\r\n\r\n", 400, false},
		{"http/1.1", "GET /a http/1.1\r\nHost: a\r\n\r\n", 400, false},
		{"two spaces", "GET  /a HTTP/1.1\r\nHost: a\r\n\r\n", 400, false},
		{"space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400, false},
		{"bad percent", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400, false},
		{"percent at the end", "GET /a% HTTP/1.1\r\nHost: a\r\n\r\n", 400, false},
		{"bad percent in the query", "GET /?a=%4 HTTP/1.1\r\nHost: a\r\n\r\n", 400, false},
		{"fragment", "GET /a#frag HTTP/1.1\r\nHost: a\r\n\r\n", 400, false},
		{"relative target", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400, false},
		{"asterisk", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, false},
		{"method that is no token", "G(T /a HTTP/1.1\r\nHost: a\r\n\r\n", 400, false},
		{"h2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, false},
		{"unknown expectation", get + "Expect: foo\r\n\r\n", 417, false},
		{"header too large", get + "X: " + strings.Repeat("x", 40_000) + "\r\n\r\n", 431, false},
		{"target too large", "GET /" + strings.Repeat("x", 40_000) + " HTTP/1.1\r\nHost: a\r\n\r\n", 431, false},
		{"content too large", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n" + strings.Repeat("x", 1001), 413, false},
		{"announced content too large", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n", 413, false},
		{"chunks too large", "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("64\r\n"+strings.Repeat("x", 100)+"\r\n", 11) + "0\r\n\r\n", 413, false},

		{"plain", get + "\r\n", 200, true},
		{"HTTP/1.0", "GET /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", 200, true},
		{"bare LF after the request line", "GET /a HTTP/1.1\nHost: a\r\n\r\n", 200, true}, // DESIGN.md
		{"leading CRLF", "\r\n" + get + "\r\n", 200, true},
		{"tab and space around a value", get + "X:\t a b \t\r\n\r\n", 200, true},
		{"bytes beyond ASCII in a value", get + "X: \xe3\x81\x82\r\n\r\n", 200, true},
		{"absolute form", "GET http://a/a HTTP/1.1\r\nHost: a\r\n\r\n", 200, true},
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 200, true},
		{"content on GET", "GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 200, true},
		{"chunked", "POST /a HTTP/1.1\r\nHost: a\r\ntransfer-encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, true},
		{"trailer", "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n", 200, true},
		{"junk as multipart", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 4\r\n\r\njunk", 200, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			served = nil
			answers, closed := r.exchange(t, c.request+next)
			require.NotEmpty(t, answers)
			a := answers[0]
			require.Equal(t, c.status, a.StatusCode)
			require.True(t, closed)
			if c.keeps {
				require.Len(t, answers, 2)
				require.Equal(t, smuggled, served[len(served)-1])
				return
			}
			require.Len(t, answers, 1, "the connection is closed after it")
			require.NotContains(t, served, smuggled)
			require.Equal(t, "application/problem+json", a.Header.Get("Content-Type"))
			require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
			require.NotEmpty(t, a.Header.Get("Date"))
			content, _ := io.ReadAll(a.Body)
			require.Contains(t, string(content), `"status":`)
		})
	}
}

func TestChunkFramingErrors(t *testing.T) {
	core := coreFunc(func(_ context.Context, x *edge.Exchange) {
		_, err := io.Copy(io.Discard, x.Req.Body)
		x.Rep.Status = 200
		if err != nil {
			x.Rep.Status = 502
		}
	})
	r := start(t, core, func(c *Config) { c.Secure = "" })
	for _, chunks := range []string{"zz\r\nabc\r\n", "3\r\nabcd\r\n0\r\n\r\n", "3\nabc\n0\n\n", "-1\r\n", "3 x\r\nabc\r\n0\r\n\r\n", "ffffffffffffffffff\r\na"} {
		t.Run(chunks, func(t *testing.T) {
			answers, closed := r.exchange(t, "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"+chunks+
				"GET "+smuggled+" HTTP/1.1\r\nHost: a\r\n\r\n")
			require.True(t, closed)
			require.Len(t, answers, 1)
			require.Equal(t, 400, answers[0].StatusCode, "the client's fault, though the core blames its origin")
		})
	}
}

// FuzzGate: what passes holds only what the gate promises, and nothing makes it
// panic.
func FuzzGate(f *testing.F) {
	f.Add("Host: a\r\nX: y\r\n\r\n")
	f.Add("Host: a\r\nX: y\r\n z\r\n\r\n")
	f.Add("Host: a\nX: y\r\n\r\n")
	f.Add("Content-Length: 1\r\nTransfer-Encoding: chunked\r\nHost:a\r\n\r\n")
	f.Add(":\r\n\r\n")
	f.Fuzz(func(t *testing.T, section string) {
		var fields h1Fields
		if bad := fields.scan([]byte(section)); bad.Refused() {
			return
		}
		require.NotContains(t, strings.ReplaceAll(section, "\r\n", ""), "\n")
		fields.All(func(name, value string) bool {
			require.NotEmpty(t, name)
			require.NotContains(t, name, " ")
			require.Equal(t, name, canonical(name), "names are canonical")
			require.Equal(t, strings.Trim(value, " \t"), value)
			require.NotContains(t, value, "\n")
			return true
		})
	})
}

// canonical is fasthttp's idea of a canonical name.
func canonical(name string) string {
	var h fasthttp.RequestHeader
	h.Set(name, "x")
	for key := range h.All() {
		return string(key)
	}
	return ""
}
