package edge_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// Many origins cannot tell an underscore in a name from a hyphen (RFC 3875 §4.1.18).
// What they would take for a field that ends here, or that this node sends in its own
// words, ends here too; all else is theirs.
func TestNamesWithUnderscores(t *testing.T) {
	aliases := []string{"Content_length: 7", "Edge_hops: 1", "Docs_pin: trial=1", "Accept_language: ja", "Accept_Language: ja"}
	shaping := []string{"X_forwarded_host: evil", "X-Forwarded_host: evil", "Accept_encoding: gzip", "If_none_match: *", "X_original_url: /b"}
	own := []string{"Api_key: 1", "X_: 2", "_: 3"}
	var seen []string
	for _, conformance := range []bool{false, true} {
		n := newNode(t, func(c *edge.Config, _ *edge.Deps) { c.Conformance = conformance })
		n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
			seen = nil
			for _, l := range f.Fields {
				seen = append(seen, l.Name+": "+l.Value)
			}
			return answer(200, "x", "Cache-Control: max-age=60"), nil
		})
		lines := slices.Concat(aliases, shaping, own)
		n.do(context.Background(), "GET", "/a", lines...)
		require.Subset(t, seen, own)
		for _, l := range aliases {
			require.NotContains(t, seen, l)
		}
		for _, l := range []string{"Accept_encoding: gzip", "If_none_match: *"} {
			require.NotContains(t, seen, l, "a fill has no conditions and one Accept-Encoding")
		}
		for _, l := range shaping {
			if !conformance {
				require.NotContains(t, seen, l)
			}
		}
		n.do(context.Background(), "POST", "/a", lines...)
		require.Subset(t, seen, append(own, shaping...), "its answer is for nobody else")
		for _, l := range aliases {
			require.NotContains(t, seen, l)
		}
	}
}
