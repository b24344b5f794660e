package serve

import (
	"context"
	"net/textproto"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// written is what a client gets of an artifact: the header section's lines.
func written(t *testing.T, art *edge.Artifact, extra ...edge.ExtraField) []string {
	h, ctx := h1Bench(t)
	h.core = coreFunc(func(_ context.Context, x *edge.Exchange) {
		x.Rep.Status, x.Rep.Art, x.Rep.Body, x.Rep.Length = 200, art, art.Body, int64(len(art.Body))
		for _, l := range extra {
			x.Rep.Extra.Add(l.Name, l.Value)
		}
	})
	var first []string
	for range 3 { // written anew, kept, and from what was kept
		reset(ctx)
		ctx.Response.Header.SetNoDefaultContentType(true)
		h.serve(ctx)
		lines := strings.Split(strings.TrimSuffix(string(ctx.Response.Header.Header()), "\r\n\r\n"), "\r\n")
		require.True(t, strings.HasPrefix(lines[1], "Date: "), "fasthttp's own, which a server of ours has turned off")
		lines = append(lines[:1:1], lines[2:]...)
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
		"Content-Encoding: br", "Content-Type: text/html", "Date: " + originDate, `Etag: "v"`, "Server: origin",
		"Set-Cookie: a=1", "Set-Cookie: b=2", "Vary: A", "Vary: B", "Age: 7", "Cache-Status: n; hit", `Alt-Svc: h3=":443"; ma=300`,
	}, got[1:])

	dateless := written(t, edge.NewArtifact(200, []byte("x"), edge.Field{Name: "Etag", Value: `"v"`}), age, status)
	require.Len(t, dateless, 6)
	require.Equal(t, 1, strings.Count(strings.Join(dateless, "\n"), "\nDate: "))
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
		for _, line := range written(t, edge.NewArtifact(200, []byte("x"), c.field), c.extra)[1:] {
			name, _, _ := strings.Cut(line, ":")
			require.NotEqual(t, "X-Evil", textproto.CanonicalMIMEHeaderKey(name))
			require.NotContains(t, line, "\r")
			require.NotContains(t, line, "\n")
		}
	}
}
