package edgetest_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/edgetest"
)

// keeper is a core that keeps what it must not keep.
type keeper struct{ target, accept, body string }

func (k *keeper) Serve(_ context.Context, x *edge.Exchange) {
	k.target = x.Req.Target
	k.accept = x.Req.Fields.Get("Accept")
	content, _ := io.ReadAll(x.Req.Body)
	k.body = string(content)
	x.Rep.Status = 200
	x.Rep.Passed = []edge.Field{{Name: "X-Target", Value: x.Req.Target}}
	x.Rep.Body = content
}

func TestDoPoisonsWhatTheCoreKept(t *testing.T) {
	k := &keeper{}
	r := edgetest.Get("/abc", "Accept", "text/html")
	r.Method, r.Body = "POST", []byte("content")
	resp := edgetest.Do(k, r)
	require.Equal(t, "/abc", resp.Get("x-target"), "the answer is copied before")
	require.Equal(t, "content", string(resp.Body))
	require.Equal(t, strings.Repeat("\xDB", 4), k.target)
	require.Equal(t, strings.Repeat("\xDB", 9), k.accept)
	require.Equal(t, "content", k.body)
}

func TestRealCoreKeepsNothing(t *testing.T) {
	up := &edgetest.Upstream{FetchFunc: func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		return edgetest.Answer(200, "of "+f.Target, "Cache-Control", "max-age=60", "Vary", "Accept"), nil
	}}
	core := edgetest.NewCore(t, up)
	for range 3 {
		for _, target := range []string{"/a", "/b?x=1", "/c/../d"} {
			for _, accept := range []string{"text/html", "image/png"} {
				resp := edgetest.Do(core, edgetest.Get(target, "Accept", accept))
				require.Equal(t, 200, resp.Status)
				require.Equal(t, "of "+strings.Replace(target, "/c/..", "", 1), string(resp.Body))
			}
		}
	}
	require.Equal(t, 6, up.Calls())
}

func TestArtifact(t *testing.T) {
	art := edgetest.Artifact(t, "body", "Vary", "Accept", "Vary", "Cookie")
	require.Equal(t, "body", string(art.Body))
	art.Lists(func(name string, values []string) bool {
		if name == "Vary" {
			require.Equal(t, []string{"Accept", "Cookie"}, values)
		}
		return true
	})
}
