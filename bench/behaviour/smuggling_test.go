package behaviour

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The origin that is to tell calls nothing sound, and nothing unsent, that is not.
func TestStrictOrigin(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]string{
		"": "EOF", "GET / HT": "unexpected EOF", "GET / HTTP/1.1\r\nHost: a\r\n": "unexpected EOF",
		"GET / HTTP/1.1\nHost: a\r\n\r\n": "line", "GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n": "line", "GET / HTTP/1.1\r\nHost: a\n\r\n": "line",
		"GET / HTTP/1.0\r\nHost: a\r\n\r\n": "request line", "GET / HTTP/1.1\r\nHost : a\r\n\r\n": "field line", "GET / HTTP/1.1\r\n\r\n": "host",
		"PUT / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\n\r\n":                      "field line",
		"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n": "coding",
		"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n":  "chunk size",
	} {
		_, err := readStrictly(bufio.NewReader(strings.NewReader(sent)))
		require.ErrorContains(t, err, want, "%q", sent)
		require.Equal(t, strings.Contains(want, "EOF"), err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF), "%q: %v", sent, err)
	}
	request, err := readStrictly(bufio.NewReader(strings.NewReader("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n")))
	require.NoError(t, err)
	require.Equal(t, "PUT / a", request)
}

// Whatever bytes come over HTTP/1.1, an origin gets each request that is let through
// as one that is framed in exactly one way, with the content that was meant, and of
// one that is refused nothing, nor of what stands behind it (RFC 9112 §11.2).
//
// Each case is sent with a request for /smuggled behind it. A `~` is the path of the
// case, `^` CRLF.
func TestSmuggling(t *testing.T) {
	t.Parallel()
	origin := NewStrictOrigin(t)
	node := edged.Node(t, origin.URL)
	const (
		post   = "POST ~ HTTP/1.1^Host: a^"
		hidden = "GET /hidden HTTP/1.1^Host: a^^"
	)
	chunk := fmt.Sprintf("%x^%s^0^^", len(strings.ReplaceAll(hidden, "^", "\r\n")), hidden)
	length := fmt.Sprintf("Content-Length: %d^", len(strings.ReplaceAll(hidden, "^", "\r\n")))
	content := strings.TrimSpace(strings.ReplaceAll(hidden, "^", "\r\n"))
	for _, c := range []struct {
		name, request string
		want          string // what the origin sees of it; "" for nothing
	}{
		// CL.TE, TE.CL and their disguises
		{"CL and TE", post + "Content-Length: 6^Transfer-Encoding: chunked^^0^^G", ""},
		{"TE and CL", post + "Transfer-Encoding: chunked^" + length + "^" + chunk, ""},
		{"CL 0 and TE", post + "Content-Length: 0^Transfer-Encoding: chunked^^" + chunk, ""},
		{"CL and TE, other case", post + "content-length: 6^tRANSFER-eNCODING: chunked^^0^^G", ""},
		{"CL and TE identity", post + "Content-Length: 0^Transfer-Encoding: identity^^" + hidden, ""},
		{"CL and TE, space before the colon", post + length + "Transfer-Encoding : chunked^^0^^" + hidden, ""},
		{"CL and TE, tab before the colon", post + length + "Transfer-Encoding\t: chunked^^0^^" + hidden, ""},
		{"CL and TE folded", post + length + "Transfer-Encoding:^ chunked^^0^^" + hidden, ""},
		{"CL and TE behind a fold", post + "X: a^ Transfer-Encoding: chunked^" + length + "^" + hidden, ""},
		{"CL and TE behind a bare LF", post + length + "X: a\nTransfer-Encoding: chunked^^0^^" + hidden, ""},
		{"CL and TE behind a bare CR", post + length + "X: a\rTransfer-Encoding: chunked^^0^^" + hidden, ""},
		{"CL and TE behind a NUL", post + length + "X: a\x00Transfer-Encoding: chunked^^0^^" + hidden, ""},
		{"CL and TE with a vertical tab", post + length + "Transfer-Encoding: \x0bchunked^^0^^" + hidden, ""},
		{"CL and TE with a name beyond ASCII", post + length + "Transfer-Encoding\xa0: chunked^^0^^" + hidden, ""},

		// transfer codings
		{"TE twice", post + "Transfer-Encoding: chunked^Transfer-Encoding: chunked^^" + chunk, ""},
		{"TE twice, other", post + "Transfer-Encoding: chunked^Transfer-Encoding: identity^^" + chunk, ""},
		{"TE list", post + "Transfer-Encoding: chunked, chunked^^" + chunk, ""},
		{"TE gzip, chunked", post + "Transfer-Encoding: gzip, chunked^^" + chunk, ""},
		{"TE chunked, gzip", post + "Transfer-Encoding: chunked, gzip^^" + chunk, ""},
		{"TE identity", post + "Transfer-Encoding: identity^^" + hidden, ""},
		{"TE xchunked", post + "Transfer-Encoding: xchunked^^" + chunk, ""},
		{"TE chunkedfoo", post + "Transfer-Encoding: chunkedfoo^^" + chunk, ""},
		{"TE quoted", post + "Transfer-Encoding: \"chunked\"^^" + chunk, ""},
		{"TE with a parameter", post + "Transfer-Encoding: chunked;a=b^^" + chunk, ""},
		{"TE empty", post + "Transfer-Encoding:^^" + chunk, ""},
		{"TE on HTTP/1.0", "POST ~ HTTP/1.0^Host: a^Transfer-Encoding: chunked^^" + chunk, ""},

		// lengths
		{"CL twice", post + "Content-Length: 0^" + length + "^" + hidden, ""},
		{"CL twice, same", post + length + length + "^" + hidden, ""},
		{"CL list", post + "Content-Length: 0, 0^^" + hidden, ""},
		{"CL +0", post + "Content-Length: +0^^" + hidden, ""},
		{"CL -0", post + "Content-Length: -0^^" + hidden, ""},
		{"CL hexadecimal", post + "Content-Length: 0x0^^" + hidden, ""},
		{"CL with a fraction", post + "Content-Length: 0.0^^" + hidden, ""},
		{"CL in quotes", post + "Content-Length: \"0\"^^" + hidden, ""},
		{"CL with a space in it", post + "Content-Length: 1 0^^" + hidden, ""},
		{"CL beyond 64 bits", post + "Content-Length: 18446744073709551616^^" + hidden, ""},
		{"CL with other digits", post + "Content-Length: \xd9\xa0^^" + hidden, ""},
		{"CL with an underscore", post + "Content_Length: 5^Content-Length: 0^^", "POST ~"},
		{"TE with an underscore", post + "Transfer_Encoding: chunked^Content-Length: 0^^", "POST ~"},
		{"TE with an underscore, other case", post + "tRANSFER_eNCODING: chunked^Content-Length: 0^^", "POST ~"},
		{"TE with an underscore in a cacheable request", "GET ~ HTTP/1.1^Host: a^Transfer_Encoding: chunked^Content_Length: 7^^", "GET ~"},
		{"CL empty", post + "Content-Length:^^" + hidden, ""},
		{"CL, space before the colon", post + "Content-Length : 0^^" + hidden, ""},
		{"CL shorter than the content", post + "Content-Length: 1^^" + "x", "POST ~ x"},

		// chunks
		{"chunk extension", post + "Transfer-Encoding: chunked^^3;a=b^abc^0^^", "POST ~ abc"},
		{"chunk extension with a bare LF", post + "Transfer-Encoding: chunked^^3;\nabc^0^^", ""},
		{"chunk extension with a bare CR", post + "Transfer-Encoding: chunked^^3;\rabc^abc^0^^", ""},
		{"chunk size with a bare LF", post + "Transfer-Encoding: chunked^^3\nabc^0^^", ""},
		{"chunk size with a sign", post + "Transfer-Encoding: chunked^^+3^abc^0^^", ""},
		{"chunk size with 0x", post + "Transfer-Encoding: chunked^^0x3^abc^0^^", ""},
		{"chunk size with an underscore", post + "Transfer-Encoding: chunked^^1_0^abc^0^^", ""},
		{"chunk size beyond 64 bits", post + "Transfer-Encoding: chunked^^10000000000000003^abc^0^^", ""},
		{"chunk size negative", post + "Transfer-Encoding: chunked^^-1^abc^0^^", ""},
		{"chunk size missing", post + "Transfer-Encoding: chunked^^^abc^0^^", ""},
		{"chunk longer than its size", post + "Transfer-Encoding: chunked^^2^abc^0^^", ""},
		{"chunk ends in a bare LF", post + "Transfer-Encoding: chunked^^3^abc\n0^^", ""},
		{"chunk ends in a bare CR", post + "Transfer-Encoding: chunked^^3^abc\r0^^", ""},
		{"trailers of framing", post + "Transfer-Encoding: chunked^^3^abc^0^Content-Length: 5^Host: b^Transfer-Encoding: x^^", ""},
		{"a request in a chunk", post + "Transfer-Encoding: chunked^^" + chunk, "POST ~ " + content},
		{"a request as content", post + length + "^" + hidden, "POST ~ " + content},
		{"content of a GET", "GET ~ HTTP/1.1^Host: a^" + length + "^" + hidden, "GET ~"},

		// lines
		{"obs-fold", post + "X: a^ b^Content-Length: 0^^", ""},
		{"first field folded", "POST ~ HTTP/1.1^ Host: a^Content-Length: 0^^", ""},
		{"bare LF", "POST ~ HTTP/1.1\nHost: a\nContent-Length: 0\n\n", ""},
		{"bare LF ends the fields", post + "Content-Length: 0^\n" + hidden, ""},
		{"bare CR ends the fields", post + "Content-Length: 0^\r" + hidden, ""},
		{"space in a name", post + "X Y: a^Content-Length: 0^^", ""},
		{"no name", post + ": a^Content-Length: 0^^", ""},
		{"no colon", post + "X^Content-Length: 0^^", ""},
		{"NUL in a value", post + "X: a\x00b^Content-Length: 0^^", ""},
		{"CRLF before the request", "^" + post + "Content-Length: 0^^", "POST ~"},

		// targets and hosts
		{"no Host", "GET ~ HTTP/1.1^^", ""},
		{"two Hosts", "GET ~ HTTP/1.1^Host: a^Host: b^^", ""},
		{"Host with a path", "GET ~ HTTP/1.1^Host: a/b^^", ""},
		{"Host with userinfo", "GET ~ HTTP/1.1^Host: a@b^^", ""},
		{"Host with a space", "GET ~ HTTP/1.1^Host: a b^^", ""},
		{"absolute form of another host", "GET http://b~ HTTP/1.1^Host: a^^", "GET ~"},
		{"absolute form with userinfo", "GET http://a@b~ HTTP/1.1^Host: a^^", ""},
		{"authority form", "CONNECT a:80 HTTP/1.1^Host: a^^", next},
		{"space in the target", "GET ~ HTTP/1.1 HTTP/1.1^Host: a^^", ""},
		{"CR in the target", "GET ~\rX: y HTTP/1.1^Host: a^^", ""},
		{"encoded CRLF in the target", "GET ~%0d%0aX:%20y HTTP/1.1^Host: a^^", "GET ~%0D%0AX:%20y"},
		{"two spaces", "GET  ~ HTTP/1.1^Host: a^^", ""},
		{"tab in the request line", "GET\t~ HTTP/1.1^Host: a^^", ""},
		{"HTTP/0.9", "GET ~^^", ""},
		{"HTTP/1.10", "GET ~ HTTP/1.10^Host: a^^", ""},
		{"h2 preface", "PRI * HTTP/2.0^^SM^^", ""},

		// connections
		{"Connection names a framing field", post + "Connection: content-length, x-b^X-B: 1^Content-Length: 3^^abc", "POST ~ abc"},
		{"Connection names Host", post + "Connection: host^Content-Length: 0^^", "POST ~"},
		{"Upgrade to h2c", "GET ~ HTTP/1.1^Host: a^Connection: Upgrade, HTTP2-Settings^Upgrade: h2c^HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA^^", "GET ~"},
		{"Expect with content", post + "Expect: 100-continue^Content-Length: 3^^abc", "POST ~ abc"},
		{"Expect something", post + "Expect: 200-ok^Content-Length: 3^^abc", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := "/" + strings.ReplaceAll(strings.ToLower(t.Name()), "/", "-")
			path = strings.Map(func(r rune) rune {
				if strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-/", r) {
					return r
				}
				return '-'
			}, path)
			request := strings.NewReplacer("^", "\r\n", "~", path).Replace(c.request)
			status := node.sendRaw(t, request+"GET /smuggled HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
			seen, faults := origin.Take()
			require.Empty(t, faults)
			if c.want == "" {
				require.NotEqual(t, 200, status)
				require.Empty(t, seen, "of what is refused the origin sees nothing")
				return
			}
			if c.want == next {
				require.NotEqual(t, 200, status)
				require.Equal(t, []string{"GET /smuggled"}, seen)
				return
			}
			require.Equal(t, 200, status)
			require.Equal(t, []string{strings.ReplaceAll(c.want, "~", path), "GET /smuggled"}, seen)
		})
	}
}

// next is what the origin sees of a request that is well-framed and refused: only
// the one that follows it (RFC 9110 §9.3.6: a CONNECT that is refused makes no tunnel).
const next = "the next request alone"

// sendRaw sends bytes and reads to the connection's end. It returns the status of
// the first final answer, 0 if there is none.
func (n *Node) sendRaw(t *testing.T, bytes string) (status int) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(n.HTTP, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	_, _ = io.WriteString(conn, bytes) // fails where the node has closed already
	answer, _ := io.ReadAll(conn)
	text := strings.TrimPrefix(string(answer), "HTTP/1.1 100 Continue\r\n\r\n")
	_, _ = fmt.Sscanf(text, "HTTP/1.1 %d", &status)
	return status
}
