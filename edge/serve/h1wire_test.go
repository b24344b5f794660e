package serve

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/letteros/letteredge/edge"
)

// written is what a client gets of an artifact in one piece: the header section's
// lines; nil where it goes another way.
func written(t *testing.T, art *edge.Artifact, extra ...edge.ExtraField) []string {
	h, _ := h1Bench(t)
	x := &h1Exchange{}
	x.Now = time.Unix(1e9, 0)
	x.Rep.Status, x.Rep.Art, x.Rep.Body, x.Rep.Length = 200, art, art.Body, int64(len(art.Body))
	for _, l := range extra {
		x.Rep.Extra.Add(l.Name, l.Value)
	}
	var first []string
	for range 3 { // made, and from what was kept
		if !h.wire(x) {
			return nil
		}
		section, ended := strings.CutSuffix(string(x.lines), "\r\n\r\n")
		require.True(t, ended)
		lines := strings.Split(section, "\r\n")
		if first == nil {
			first = lines
		}
		require.Equal(t, first, lines)
	}
	return first
}

func TestStoredAnswersAreWrittenInOnePiece(t *testing.T) {
	art := edge.NewArtifact(200, []byte("x"),
		edge.Field{Name: "Connection", Value: "close"}, edge.Field{Name: "Content-Encoding", Value: "br"},
		edge.Field{Name: "Content-Length", Value: "77"}, edge.Field{Name: "Content-Type", Value: "text/html"},
		edge.Field{Name: "Date", Value: originDate}, edge.Field{Name: "Date", Value: "another"}, edge.Field{Name: "Etag", Value: `"v"`},
		edge.Field{Name: "Server", Value: "origin"}, edge.Field{Name: "Set-Cookie", Value: "a=1"}, edge.Field{Name: "Set-Cookie", Value: "b=2"},
		edge.Field{Name: "Vary", Value: "A"}, edge.Field{Name: "Vary", Value: "B"})
	age, status := edge.ExtraField{Name: "Age", Value: []byte("7")}, edge.ExtraField{Name: "Cache-Status", Value: []byte("n; hit")}
	got := written(t, art, age, status)
	require.Equal(t, "HTTP/1.1 200 OK", got[0])
	require.ElementsMatch(t, []string{
		"Content-Length: 1", "Content-Encoding: br", "Content-Type: text/html", "Date: " + originDate, `Etag: "v"`, "Server: origin",
		"Set-Cookie: a=1", "Set-Cookie: b=2", "Vary: A", "Vary: B", "Age: 7", "Cache-Status: n; hit", `Alt-Svc: h3=":443"; ma=300`,
	}, got[1:])

	dateless := written(t, edge.NewArtifact(200, []byte("x"), edge.Field{Name: "Etag", Value: `"v"`}), age, status)
	require.Len(t, dateless, 7)
	require.Contains(t, dateless, "Date: Sun, 09 Sep 2001 01:46:40 GMT")
}

// A line break in a value begins no line, whoever has brought it in.
func TestLineBreaksBeginNoLine(t *testing.T) {
	age := edge.ExtraField{Name: "Age", Value: []byte("7")}
	for _, c := range []struct {
		field edge.Field
		extra edge.ExtraField
	}{
		{edge.Field{Name: "X-A", Value: "1\r\nX-Evil: 1"}, age},
		{edge.Field{Name: "X-A", Value: "1\nX-Evil: 1"}, age},
		{edge.Field{Name: "X-A", Value: "1\rX-Evil: 1"}, age},
		{edge.Field{Name: "X-A", Value: "1"}, edge.ExtraField{Name: "Age", Value: []byte("7\r\nX-Evil: 1")}},
	} {
		require.Nil(t, written(t, edge.NewArtifact(200, []byte("x"), c.field), c.extra), "fasthttp takes them out")
	}
}

// wireNames are names that fasthttp looks at, and some that it does not, in order.
var wireNames = []string{"Cache-Control", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Date", "Etag", "Keep-Alive",
	"Last-Modified", "Server", "Set-Cookie", "Trailer", "Transfer-Encoding", "Upgrade", "Vary", "X-Trail"}

// genReply is an answer as a core may plan it; its fields are in order of name.
func genReply(t *rapid.T) edge.Reply {
	value := rapid.StringOfN(rapid.RuneFrom([]rune("ab1 ,;=\"/\t\r\n:é")), 1, 40, -1)
	var fields []edge.Field
	for _, name := range wireNames {
		for range rapid.SampledFrom([]int{0, 0, 1, 1, 2}).Draw(t, name) {
			v := "v" + value.Draw(t, "value") + "v"
			if rapid.IntRange(0, 30).Draw(t, "broken") > 0 {
				v = strings.NewReplacer("\r", "", "\n", "").Replace(v)
			}
			switch name {
			case "Connection":
				v = "close"
			case "Content-Length":
				v = "77"
			}
			fields = append(fields, edge.Field{Name: name, Value: v})
		}
	}
	body := strings.Repeat("b", rapid.SampledFrom([]int{0, 1, 1000, 9000, 40_000}).Draw(t, "body"))
	art := edge.NewArtifact(200, []byte(body), fields...)
	rep := edge.Reply{Status: rapid.SampledFrom([]int{200, 200, 206, 304, 404, 301, 204}).Draw(t, "status"), Art: art, Body: art.Body, Length: int64(len(body))}
	for _, name := range []string{"Age", "Cache-Status", "Date", "Content-Type", "Set-Cookie", "Connection", "Server-Timing", "Ratelimit"} {
		if rapid.IntRange(0, 3).Draw(t, name) == 0 {
			rep.Extra.Add(name, []byte("e"+value.Draw(t, "value")))
		}
	}
	switch rapid.IntRange(0, 3).Draw(t, "content") {
	case 0: // a range
		rep.Body = art.Body[len(body)/3:]
		rep.Length = int64(len(rep.Body))
	case 1: // being filled
		rep.Body, rep.Stream = nil, io.NopCloser(strings.NewReader(body))
	case 2:
		rep.Body, rep.Stream, rep.Length = nil, io.NopCloser(strings.NewReader(body)), -1
		if rapid.IntRange(0, 3).Draw(t, "trailer") > 0 {
			rep.Announced, rep.Trailer = []string{"X-Trail"}, func() []edge.Field { return []edge.Field{{Name: "X-Trail", Value: "t"}} }
		}
	}
	return rep
}

// seen is what a client makes of all that comes on a connection, one request after
// the other: of a name that may stand once, or whose lines fasthttp joins, all lines
// as one.
func seen(conn net.Conn, method string, sent ...string) (told []string) {
	defer func() { _ = conn.Close() }()
	from := bufio.NewReader(conn)
	for _, request := range append(sent, "") {
		_, err := io.WriteString(conn, request)
		if err != nil {
			return append(told, "ended")
		}
		a, err := http.ReadResponse(from, &http.Request{Method: method})
		if err != nil {
			return append(told, "ended") // by what depends on whether the next request was written before
		}
		content, err := io.ReadAll(a.Body)
		told = append(told, fmt.Sprint(a.Proto, a.Status, a.ContentLength, a.TransferEncoding, a.Close, len(content), err, a.Trailer))
		for _, name := range []string{"Content-Type", "Content-Encoding", "Server"} {
			if lines := a.Header[name]; len(lines) > 0 {
				a.Header[name] = []string{strings.Join(lines, ", ")}
			}
		}
		from := len(told)
		for name, values := range a.Header {
			told = append(told, fmt.Sprintf("%s: %q", name, values))
		}
		slices.Sort(told[from:])
	}
	return told
}

// A client gets the same, by lines and by connections, whether an answer is written
// here in one piece or by fasthttp line by line.
func TestOnePieceSaysWhatTheLinesSay(t *testing.T) {
	if leanly {
		return // there is one server of HTTP/1.1
	}
	var reply atomic.Pointer[func() edge.Reply]
	r := start(t, readyCore(func(x *edge.Exchange) {
		x.Rep, x.Now = (*reply.Load())(), time.Unix(1e9, 0) // Date
		if x.Req.Method == edge.MethodHead {
			x.Rep.Body = nil
		}
	}), func(c *Config) { c.Secure = "" })
	rapid.Check(t, func(rt *rapid.T) {
		planned := genReply(rt)
		content := ""
		if planned.Stream != nil {
			all, err := io.ReadAll(planned.Stream)
			require.NoError(rt, err)
			content = string(all)
		}
		replies := func(skip edge.Skips) *func() edge.Reply {
			made := func() edge.Reply {
				again := planned
				again.Skip = skip
				if planned.Stream != nil {
					again.Stream = io.NopCloser(strings.NewReader(content))
				}
				return again
			}
			return &made
		}
		method := rapid.SampledFrom([]string{"GET", "GET", "HEAD"}).Draw(rt, "method")
		one := fmt.Sprintf("%s /a HTTP/1.%d\r\nHost: a\r\n", method, rapid.SampledFrom([]int{0, 1, 1}).Draw(rt, "minor"))
		keep := one + rapid.SampledFrom([]string{"", "Connection: keep-alive\r\n"}).Draw(rt, "keep") + "\r\n"
		last := one + "Connection: close\r\n\r\n"
		told := map[edge.Skips][]string{}
		for _, skip := range []edge.Skips{0, edge.SkipRange} { // an answer that leaves a field out goes line by line
			reply.Store(replies(skip))
			// The first may be made, the second is kept; and all at once.
			told[skip] = append(seen(r.raw(t), method, keep, keep, last), seen(r.raw(t), method, keep+keep, "", last)...)
		}
		require.Equal(rt, told[edge.SkipRange], told[0])
	})
}
