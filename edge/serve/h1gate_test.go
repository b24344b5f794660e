package serve

import (
	"context"
	"encoding/json"
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
		field         string // at fault; "" where nothing is, and the connection serves the next request
	}{
		{"no request", "NONSENSE\r\n\r\n", 400, "request-line"},
		{"controls", "\x00\x01\x02\r\n\r\n", 400, "request-line"},
		{"controls in the target", "GET /a\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target"},
		{"Host with a space", "GET /a HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "host"},
		{"another authority with user information", "GET http://b@c/a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target"},
		{"a URL without a host", "GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target"},
		{"another scheme", "GET ftp:/a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target"},
		{"forbidden trailer", "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n0\r\n\r\n", 400, "trailer"},
		{"no Host", "GET /a HTTP/1.1\r\n\r\n", 400, "host"},
		{"empty Host", "GET /a HTTP/1.1\r\nHost:\r\n\r\n", 400, "host"},
		{"two Hosts", get + "Host: a\r\n\r\n", 400, "host"},
		{"Host with userinfo", "GET /a HTTP/1.1\r\nHost: a@b\r\n\r\n", 400, "host"},
		{"Host with path", "GET /a HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "host"},
		{"Host with a bad port", "GET /a HTTP/1.1\r\nHost: a:b\r\n\r\n", 400, "host"},
		{"Host with two ports", "GET /a HTTP/1.1\r\nHost: a:1:2\r\n\r\n", 400, "host"},
		{"Host with half an address", "GET /a HTTP/1.1\r\nHost: [::1\r\n\r\n", 400, "host"},
		{"Host with no address", "GET /a HTTP/1.1\r\nHost: [x]\r\n\r\n", 400, "host"},
		{"Host with a bad percent", "GET /a HTTP/1.1\r\nHost: a%zz\r\n\r\n", 400, "host"},
		{"Host list", "GET /a HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, "host"},
		{"CL and TE", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "transfer-encoding"},
		{"TE and CL", "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400, "transfer-encoding"},
		{"CL 0 and TE", "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\ncontent-length: 0\r\n\r\n0\r\n\r\n", 400, "transfer-encoding"},
		{"TE identity with CL", "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n", 501, "transfer-encoding"},
		{"TE identity", "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 501, "transfer-encoding"},
		{"TE gzip, chunked", "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, "transfer-encoding"},
		{"TE xchunked", "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, "transfer-encoding"},
		{"two TE", "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "transfer-encoding"},
		{"TE on 1.0", "POST /a HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "transfer-encoding"},
		{"folded TE", "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400, "fields"},
		{"two CL, same", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", 400, "content-length"},
		{"CL list", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 0\r\n\r\n", 400, "content-length"},
		{"CL +0", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n", 400, "content-length"},
		{"CL -1", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400, "content-length"},
		{"CL hex", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n", 400, "content-length"},
		{"CL overflow", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400, "content-length"},
		{"obs-fold", get + "X: a\r\n b\r\n\r\n", 400, "fields"},
		{"obs-fold with tab", get + "X: a\r\n\tb\r\n\r\n", 400, "fields"},
		{"bare LF in the fields", "GET /a HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400, "fields"},
		{"bare LF hides a field", get + "X: a\nContent-Length: 54\r\n\r\n", 400, "fields"},
		{"bare LF before the end", get + "X: a\n\r\n\r\n", 400, "fields"},
		{"bare LF everywhere", "GET /a HTTP/1.1\nHost: a\n\n", 400, "fields"},
		{"space in a name", get + "Foo Bar: x\r\n\r\n", 400, "fields"},
		{"space before the colon", get + "Foo : x\r\n\r\n", 400, "fields"},
		{"tab before the colon", get + "Foo\t: x\r\n\r\n", 400, "fields"},
		{"space before CL's colon", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nabcde", 400, "fields"},
		{"no name", get + ": x\r\n\r\n", 400, "fields"},
		{"no colon", get + "Foo\r\n\r\n", 400, "fields"},
		{"name that is no token", get + "Fo(o: x\r\n\r\n", 400, "fields"},
		{"name beyond ASCII", get + "F\xc3\xb6: x\r\n\r\n", 400, "fields"},
		{"NUL in a value", get + "X: a\x00b\r\n\r\n", 400, "fields"},
		{"bare CR in a value", get + "X: a\rb\r\n\r\n", 400, "fields"},
		{"leading space", "GET /a HTTP/1.1\r\n Host: a\r\n\r\n", 400, "fields"},
		{"HTTP/2.0", "GET /a HTTP/2.0\r\nHost: a\r\n\r\n", 505, "version"},
		{"HTTP/1.2", "GET /a HTTP/1.2\r\nHost: a\r\n\r\n", 505, "version"},
		{"HTTP/0.9", "GET /a HTTP/0.9\r\nHost: a\r\n\r\n", 505, "version"},
		{"no version", "GET /a\r\nHost: a\r\n\r\n", 400, "request-line"},
		{"http/1.1", "GET /a http/1.1\r\nHost: a\r\n\r\n", 400, "version"},
		{"two spaces", "GET  /a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "version"},
		{"space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "version"},
		{"bad percent", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target"},
		{"percent at the end", "GET /a% HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target"},
		{"bad percent in the query", "GET /?a=%4 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target"},
		{"fragment", "GET /a#frag HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target"},
		{"relative target", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target"},
		{"asterisk", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target"},
		{"method that is no token", "G(T /a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "method"},
		{"h2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "target"},
		{"unknown expectation", get + "Expect: foo\r\n\r\n", 417, "expect"},
		{"header too large", get + "X: " + strings.Repeat("x", 40_000) + "\r\n\r\n", 431, "fields"},
		{"target too large", "GET /" + strings.Repeat("x", 40_000) + " HTTP/1.1\r\nHost: a\r\n\r\n", 431, "fields"},
		{"content too large", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n" + strings.Repeat("x", 1001), 413, "content"},
		{"announced content too large", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n", 413, "content"},
		{"chunks too large", "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("64\r\n"+strings.Repeat("x", 100)+"\r\n", 11) + "0\r\n\r\n", 413, "content"},

		{"plain", get + "\r\n", 200, ""},
		{"HTTP/1.0", "GET /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", 200, ""},
		{"bare LF after the request line", "GET /a HTTP/1.1\nHost: a\r\n\r\n", 200, ""}, // DESIGN.md
		{"leading CRLF", "\r\n" + get + "\r\n", 200, ""},
		{"tab and space around a value", get + "X:\t a b \t\r\n\r\n", 200, ""},
		{"bytes beyond ASCII in a value", get + "X: \xe3\x81\x82\r\n\r\n", 200, ""},
		{"absolute form of another host", "GET http://b/a HTTP/1.1\r\nHost: a\r\n\r\n", 200, ""},
		{"HTTP/1.0 without Host", "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, ""},
		{"absolute form", "GET http://a/a HTTP/1.1\r\nHost: a\r\n\r\n", 200, ""},
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 200, ""},
		{"content on GET", "GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 200, ""},
		{"chunked", "POST /a HTTP/1.1\r\nHost: a\r\ntransfer-encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, ""},
		{"trailer", "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n", 200, ""},
		{"junk as multipart", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 4\r\n\r\njunk", 200, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			served = nil
			answers, closed := r.exchange(t, c.request+next)
			require.NotEmpty(t, answers)
			a := answers[0]
			require.Equal(t, c.status, a.StatusCode)
			require.True(t, closed)
			if c.field == "" {
				require.Len(t, answers, 2)
				require.Equal(t, smuggled, served[len(served)-1])
				return
			}
			require.Len(t, answers, 1, "the connection is closed after it")
			require.NotContains(t, served, smuggled)
			require.Equal(t, "application/problem+json", a.Header.Get("Content-Type"))
			require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
			require.NotEmpty(t, a.Header.Get("Date"))
			var problem struct {
				Status        int
				Field, Detail string
			}
			require.NoError(t, json.NewDecoder(a.Body).Decode(&problem))
			require.Equal(t, c.status, problem.Status)
			require.Equal(t, c.field, problem.Field, problem.Detail)
			require.Greater(t, len(problem.Detail), 20, "it says what is allowed")
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

// Whose request it is says the target where that is a whole URL, and a client of
// HTTP/1.0 need not say it at all.
func TestWhichHostIsMeant(t *testing.T) {
	var host string
	r := start(t, coreFunc(func(_ context.Context, x *edge.Exchange) {
		host = strings.Clone(x.Req.Host)
		x.Rep.Status = 204
	}), func(c *Config) { c.Secure = "" })
	for request, want := range map[string]string{
		"GET /a HTTP/1.1\r\nHost: a\r\n":                        "a",
		"GET http://b/a HTTP/1.1\r\nHost: a\r\n":                "b", // RFC 9112 §3.2.2
		"GET HTTPS://b:81?x HTTP/1.1\r\nHost: a\r\n":            "b:81",
		"GET /http://b/a HTTP/1.1\r\nHost: a\r\n":               "a",
		"GET /a HTTP/1.0\r\nHost: a\r\n":                        "a",
		"GET /a HTTP/1.0\r\n":                                   r.Addrs().Plain.String(), // RFC 9112 §3.3
		"GET /a HTTP/1.0\r\nHost:\r\n":                          r.Addrs().Plain.String(),
		"GET http://b/a HTTP/1.0\r\nConnection: keep-alive\r\n": "b",
	} {
		answers, _ := r.exchange(t, request+"Connection: close\r\n\r\n")
		require.Len(t, answers, 1)
		require.Equal(t, 204, answers[0].StatusCode, request)
		require.Equal(t, want, host, request)
	}
}
