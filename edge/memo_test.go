package edge_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/invalidation"
)

// A request with a memo gets what it would get without: whatever is stored in the
// meantime, and by whatever fields it was selected.
func TestMemosChangeNoAnswer(t *testing.T) {
	for _, conformance := range []bool{false, true} {
		n := newNode(t, func(c *edge.Config, _ *edge.Deps) { c.Conformance = conformance })
		version, vary := 0, ""
		n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
			body := fmt.Sprint(version)
			for _, l := range f.Fields {
				if strings.Contains(vary, l.Name) {
					body += " " + l.Name + "=" + l.Value
				}
			}
			return answer(200, body, "Cache-Control: max-age=60", "Vary: "+vary), nil
		})
		var all []edge.Request
		for _, method := range []string{"GET", "HEAD"} {
			for _, target := range []string{"/a", "/a?b=2&a=1", "/%62"} {
				for _, lines := range [][]string{nil, {"Accept-Language: en"}, {"Accept-Language: ja, en"}, {"Cache-Control: no-cache, no-transform"}} {
					all = append(all, edge.Request{
						Method: edge.ParseMethod(method), MethodText: method, Host: "Edge.test", Target: target,
						Fields: fields(lines...), Length: -1, Memo: new(edge.Memo),
					})
				}
			}
		}
		x := new(edge.Exchange) // as a transport's, which writes over what it had before
		ask := func(req edge.Request) string {
			x.Reset()
			x.Now, x.Req = n.now(), req
			n.core.Serve(context.Background(), x)
			key, keyed := x.Key()
			return fmt.Sprint(x.Rep.Status, content(t, x), x.Rep.Length, x.Rep.Cache, key, keyed)
		}
		for _, vary = range []string{"", "Accept-Language", "Accept-Language, Cache-Control", "Accept-Language", ""} {
			n.marks.Raise(cachekey.Selector{Prefix: "edge.test/"}, invalidation.ModeHard)
			version++
			for range 2 {
				want := make([]string, len(all))
				for i, req := range all {
					req.Memo = nil
					ask(req) // fills
					want[i] = ask(req)
				}
				for i, req := range all {
					require.Equal(t, want[i], ask(req), "%s %s %v with Vary: %s", req.MethodText, req.Target, req.Fields, vary)
				}
			}
		}
	}
}

// content is what a reader gets; what is shown while it comes is a stream.
func content(t *testing.T, x *edge.Exchange) string {
	if x.Rep.Stream == nil {
		return string(x.Rep.Body)
	}
	all, err := io.ReadAll(x.Rep.Stream)
	require.NoError(t, err)
	require.NoError(t, x.Rep.Stream.Close())
	return string(all)
}

// A memo that is reset is another request's.
func TestMemosAreReset(t *testing.T) {
	n := newNode(t)
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		return answer(200, f.Target, "Cache-Control: max-age=60", "Vary: Accept-Language"), nil
	})
	memo := new(edge.Memo)
	for _, target := range []string{"/a", "/b"} {
		for _, language := range []string{"en", "ja"} {
			memo.Reset()
			for i := range 3 {
				x := &edge.Exchange{Now: n.now(), Req: edge.Request{
					Method: edge.MethodGet, MethodText: "GET", Host: "edge.test", Target: target, Fields: fields("Accept-Language: " + language), Memo: memo,
				}}
				n.core.Serve(context.Background(), x)
				require.Equal(t, target, content(t, x))
				require.Equal(t, i > 0, x.Rep.Cache.Hit)
			}
		}
	}
}
