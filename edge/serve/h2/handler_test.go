package h2

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/letteros/letteredge/edge"
)

// TestContentOfAnotherLength: content that is shorter or longer than announced is
// broken off, and no END_STREAM says that it is whole.
func TestContentOfAnotherLength(t *testing.T) {
	for _, length := range []int64{3, 7} {
		p := greet(t, newServer(t, atOnce(func(x *edge.Exchange) {
			x.Rep.Status, x.Rep.Length, x.Rep.Stream = 200, length, io.NopCloser(strings.NewReader("abcdef"))
		})))
		p.ask(1, "/")
		for ended := false; !ended; {
			switch f := p.next().(type) {
			case *http2.MetaHeadersFrame:
				require.False(t, f.StreamEnded())
			case *http2.DataFrame:
				require.False(t, f.StreamEnded())
				require.LessOrEqual(t, int64(len(f.Data())), length)
			case *http2.RSTStreamFrame:
				require.Equal(t, http2.ErrCodeInternal, f.ErrCode)
				ended = true
			}
		}
	}
}

// TestErrorsOfHEAD have no content (RFC 9110 §9.3.2), whoever makes them.
func TestErrorsOfHEAD(t *testing.T) {
	lines := []string{":method", "HEAD", ":scheme", "https", ":authority", "edge.test", ":path"}
	for status, more := range map[string][]string{
		"400": {"/%zz"},
		"417": {"/", "expect", "wonders"},
		"431": {"/", "a", strings.Repeat("x", 20<<10), "b", strings.Repeat("x", 15<<10)},
		"500": {"/"},
	} {
		for _, core := range []Core{atOnce(func(*edge.Exchange) { panic("in the core") }), coreFunc(func(context.Context, *edge.Exchange) { panic("in the core") })} {
			p := greet(t, newServer(t, core))
			block := p.fields(append(lines, more...)...)
			require.NoError(t, p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:min(len(block), 10_000)], EndStream: true, EndHeaders: len(block) <= 10_000}))
			for rest := block[min(len(block), 10_000):]; len(rest) > 0; rest = rest[min(len(rest), 10_000):] {
				require.NoError(t, p.WriteContinuation(1, len(rest) <= 10_000, rest[:min(len(rest), 10_000)]))
			}
			f := p.next()
			for _, ok := f.(*http2.GoAwayFrame); ok; _, ok = f.(*http2.GoAwayFrame) { // after a panic
				f = p.next()
			}
			h := f.(*http2.MetaHeadersFrame)
			require.Equal(t, status, h.PseudoValue("status"))
			require.True(t, h.StreamEnded(), status)
		}
	}
}
