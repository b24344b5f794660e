package origin

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		status int
		fields string
		body   string
		length int64
	}{
		"length": {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nEtag: \"x\"\r\n\r\nhi", 200, "Etag: \"x\"\n", "hi", 2},
		"chunked, trailer dropped": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\nhi\r\n0\r\nX-T: 1\r\n\r\n",
			200, "", "hi", -1},
		"unregistered transfer coding: until close (RFC 9112 §6.3)": {
			"HTTP/1.1 200 OK\r\ntransfer-ENCODING:\txyz \r\nEtag: \"x\"\r\nConnection: keep-alive\r\n\r\nhi", 200, "Etag: \"x\"\n", "hi", -1},
		"its name alone": {"HTTP/1.1 200 OK\r\nEdge-Odd-Encoding: chunked\r\nContent-Length: 2\r\n\r\nhi", 200, "Edge-Odd-Encoding: chunked\n", "hi", 2},
		"until close":    {"HTTP/1.0 200 OK\r\n\r\nhi", 200, "", "hi", -1},
		"length and chunked: chunked wins (RFC 9112 §6.3)": {
			"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 200, "", "hi", -1},
		"duplicates stay, in order": {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: b=1\r\nVary: x\r\nSet-Cookie: a=2\r\nVary: y\r\nContent-Type: a\r\nContent-Type: b\r\n\r\n",
			200, "Content-Type: a\nContent-Type: b\nSet-Cookie: b=1\nSet-Cookie: a=2\nVary: x\nVary: y\n", "", 0},
		"hop-by-hop and Connection-listed fields go": {
			"HTTP/1.1 200 OK\r\nConnection: close, x-one\r\nconnection: X-Two\r\nX-One: 1\r\nX-Two: 2\r\nX-Three: 3\r\nKeep-Alive: 5\r\n" +
				"Proxy-Authenticate: a\r\nProxy-Connection: b\r\nTe: c\r\nUpgrade: d\r\nContent-Length: 0\r\n\r\n",
			200, "X-Three: 3\n", "", 0},
		"Connection without close, folded": {
			"HTTP/1.1 100 Continue\r\nConnection: x-three\r\n\r\nHTTP/1.1 200 OK\r\nCONNECTION: x-one,\r\n x-two\r\nX-One: 1\r\nX-Two: 2\r\nX-Three: 3\r\nContent-Length: 0\r\n\r\n",
			200, "X-Three: 3\n", "", 0},
		"interim answers are skipped": {
			"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "", "hi", 2},
		"redirects are not followed": {"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n", 302, "Location: /b\n", "", 0},
		"not decompressed":           {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nzz", 200, "Content-Encoding: gzip\n", "zz", 2},
		"304 has no body":            {"HTTP/1.1 304 Not Modified\r\nEtag: \"x\"\r\nContent-Length: 7\r\n\r\n", 304, "Etag: \"x\"\n", "", 0},
		"unknown status":             {"HTTP/1.1 599 Odd\r\nContent-Length: 0\r\n\r\n", 599, "", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			o := connect(t, Config{URL: answering(t, c.answer).URL()})
			before := time.Now()
			a, body, err := read(t, o, get("/a"))
			require.NoError(t, err)
			require.Equal(t, c.status, a.Status)
			require.Equal(t, c.fields, fieldText(a.Fields))
			require.Equal(t, c.body, body)
			require.Equal(t, c.length, a.Length)
			require.False(t, a.RequestAt.Before(before) || a.ResponseAt.Before(a.RequestAt))
		})
	}
}

func TestBadAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		err    error // nil: any
	}{
		"ends in the length":        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi", io.ErrUnexpectedEOF},
		"ends in a chunk":           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi", io.ErrUnexpectedEOF},
		"has no last chunk":         {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", io.ErrUnexpectedEOF},
		"has a bad chunk":           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhi\r\n0\r\n\r\n", nil},
		"status 099":                {"HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n", ErrStatus},
		"status 600":                {"HTTP/1.1 600 High\r\nContent-Length: 0\r\n\r\n", ErrStatus},
		"status 999":                {"HTTP/1.1 999 High\r\nContent-Length: 0\r\n\r\n", ErrStatus},
		"switches protocols":        {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", ErrStatus},
		"ends in the header":        {"HTTP/1.1 200 OK\r\nContent-Le", nil},
		"says nothing":              {"", io.EOF},
		"no HTTP":                   {"SSH-2.0-x\r\n", nil},
		"two lengths":               {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi", nil},
		"space before the colon":    {"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nhi", nil},
		"space in a name":           {"HTTP/1.1 200 OK\r\nFoo Bar: 2\r\nContent-Length: 0\r\n\r\n", nil},
		"control character":         {"HTTP/1.1 200 OK\r\nX-A: a\x00b\r\nContent-Length: 0\r\n\r\n", nil},
		"other control character":   {"HTTP/1.1 200 OK\r\nX-A: a\x01b\r\nContent-Length: 0\r\n\r\n", nil},
		"bare CR":                   {"HTTP/1.1 200 OK\r\nX-A: a\rX-B: b\r\nContent-Length: 0\r\n\r\n", nil},
		"unknown transfer coding":   {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", nil},
		"registered coding":         {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhi", nil},
		"odd coding, length":        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: xyz\r\nContent-Length: 2\r\n\r\nhi", ErrField},
		"odd coding, no length":     {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: xyz\r\n\r\n", ErrField},
		"odd coding, chunked":       {"HTTP/1.1 200 OK\r\nTransfer-Encoding: xyz\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", ErrField},
		"chunked, odd coding":       {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: xyz\r\n\r\n2\r\nhi\r\n0\r\n\r\n", ErrField},
		"odd coding, folded":        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: xyz\r\n , chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", ErrField},
		"two odd codings":           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: xyz\r\nTransfer-Encoding: xyz\r\n\r\nhi", ErrField},
		"a coding's long line":      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + strings.Repeat("a", 300) + "\r\n\r\nhi", nil},
		"a header that is too long": {"HTTP/1.1 200 OK\r\nX-A: " + strings.Repeat("a", 20<<10) + "\r\n\r\n", nil},
		"too many header lines":     {"HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 5000) + "\r\n", nil},
		"endless interim answers":   {strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 5000), nil},
	} {
		t.Run(name, func(t *testing.T) {
			o := connect(t, Config{URL: answering(t, c.answer).URL(), MaxHeaderBytes: 8 << 10})
			_, body, err := read(t, o, get("/a"))
			require.Error(t, err, "body %q", body)
			if c.err != nil {
				require.ErrorIs(t, err, c.err)
			}
			require.Zero(t, o.InFlight())
		})
	}
}

func TestHead(t *testing.T) {
	o := connect(t, Config{URL: answering(t, "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n").URL()})
	f := get("/a")
	f.Method = "HEAD"
	a, body, err := read(t, o, f)
	require.NoError(t, err)
	require.Equal(t, int64(1234), a.Length)
	require.Empty(t, body)
}

// However the bytes come, an answer reads the same.
func TestAnswersInSmallParts(t *testing.T) {
	o := connect(t, Config{URL: answeringBytewise(t,
		"HTTP/1.1 103 Early Hints\r\nTransfer: abc\r\n\r\nHTTP/1.1 200 OK\r\nTrailers-Are: none\r\nTransfer-Encoding: xyz\r\nConnection: x-one\r\nX-One: 1\r\nX-Two: 2\r\n\r\nTransfer-Encoding: xyz\n").URL()})
	a, body, err := read(t, o, get("/a"))
	require.NoError(t, err)
	require.Equal(t, "Trailers-Are: none\nX-Two: 2\n", fieldText(a.Fields))
	require.Equal(t, "Transfer-Encoding: xyz\n", body)
}

func TestInterimAnswers(t *testing.T) {
	o := connect(t, Config{URL: answering(t,
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: x-one\r\nX-One: 1\r\nKeep-Alive: 5\r\nLink: </b>\r\n\r\n"+
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").URL()})
	var seen []string
	f := get("/a")
	f.Interim = func(status int, fields []edge.Field) {
		seen = append(seen, fmt.Sprintf("%d %s", status, fieldText(fields)))
	}
	a, body, err := read(t, o, f)
	require.NoError(t, err)
	require.Equal(t, "hi", body)
	require.Empty(t, a.Fields)
	require.Equal(t, []string{"102 ", "103 Link: </a>\nLink: </b>\n"}, seen)
}

func TestTooManyInterimAnswers(t *testing.T) {
	o := connect(t, Config{URL: answering(t, strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", maxInterim+1)+"HTTP/1.1 204 No Content\r\n\r\n").URL()})
	f := get("/a")
	f.Interim = func(int, []edge.Field) {}
	_, _, err := read(t, o, f)
	require.ErrorIs(t, err, ErrStatus)
}

func TestTrailersOfAnswers(t *testing.T) {
	o := connect(t, Config{URL: answering(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T, X-U, Set-Cookie, Content-Type, X-None, X-Here\r\nX-Here: 1\r\n\r\n"+
		"2\r\nhi\r\n0\r\nX-T: 1\r\nSet-Cookie: a=b\r\nX-U: 2\r\nX-U: 3\r\nX-Unsaid: 4\r\nX-Here: 2\r\n\r\n").URL()})
	a, body, err := read(t, o, get("/a"))
	require.NoError(t, err)
	require.Equal(t, "hi", body)
	require.Equal(t, "X-Here: 1\n", fieldText(a.Fields))
	require.Equal(t, []string{"X-None", "X-T", "X-U"}, a.Announced)
	require.Equal(t, "X-T: 1\nX-U: 2\nX-U: 3\n", fieldText(a.Trailer()))
}
