//go:build !race

// The race detector's pools drop what they are given, so there is nothing to count with it.

package h3

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/edgetest"
	"github.com/letteros/letteredge/edge/serve/section"
)

// hitting is a connection, and a stream on it, whose request a real core answers from
// memory; again makes the stream ready for the next.
func hitting(t testing.TB, size int) (c *conn, s *fakeStream, again func()) {
	up := &edgetest.Upstream{FetchFunc: func(context.Context, *edge.Fetch) (*edge.Answer, error) {
		return edgetest.Answer(200, strings.Repeat("x", size), "Cache-Control", "max-age=600",
			"Content-Type", "application/json", "Vary", "Accept-Language", "Etag", `"x"`), nil
	}}
	c = newConn(newServer(testConfig(), edgetest.NewCore(t, up), slog.New(slog.DiscardHandler)), newFakePeer())
	s = &fakeStream{then: io.EOF, parts: [][]byte{[]byte(head("GET", "/page?x=1", "accept", "*/*", "accept-language", "ja",
		"user-agent", "Mozilla/5.0 (X11; Linux x86_64)", "accept-encoding", "gzip, deflate, br", "priority", "u=1, i"))}}
	again = func() { s.at, s.off, s.closed, s.read, s.write = 0, 0, false, 0, 0 }
	for range 3 { // fills, and has the lines kept as they are written
		c.take(s)
		c.work.Wait()
		again()
	}
	statuses, content, err := parse(s.sent.Bytes())
	require.NoError(t, err)
	require.Equal(t, []string{"200", "200", "200"}, statuses)
	require.Len(t, content, 3*size)
	s.quiet = true
	return c, s, again
}

// Our layer, apart from quic-go's streams, allocates nothing for a hit, whether the
// connection knows its request or not.
func TestHitAllocatesNothing(t *testing.T) {
	for _, size := range []int{1 << 10, 16 << 10} {
		c, s, again := hitting(t, size)
		require.Zero(t, testing.AllocsPerRun(1000, func() {
			c.take(s)
			again()
		}))
		require.NotNil(t, kept(c, string(s.parts[0])))
		require.Zero(t, testing.AllocsPerRun(1000, func() {
			c.repeats = section.Repeats{}
			c.take(s)
			again()
		}))
		require.Nil(t, kept(c, string(s.parts[0])))
		require.Zero(t, c.active.Load())
	}
}

func BenchmarkHit(b *testing.B) {
	c, s, again := hitting(b, 1<<10)
	b.ReportAllocs()
	for b.Loop() {
		c.take(s)
		again()
	}
}
