package h2

import (
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
