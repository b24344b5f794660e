package edgetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/freshness"
	"github.com/letteros/letteredge/invalidation"
	"github.com/letteros/letteredge/quota"
)

// NewCore returns a core over an unbounded store: one node without quotas, whose
// catch-all route keeps the whole query. It is closed with the test.
func NewCore(tb testing.TB, up edge.Upstream) *edge.Core {
	tb.Helper()
	keyer, err := cachekey.NewKeyer([]cachekey.Pattern{{Query: cachekey.QueryRule{Names: []string{"*"}}}})
	if err != nil {
		tb.Fatal(fmt.Errorf("edgetest: keyer: %w", err))
	}
	route := edge.Route{Name: "all", Upstream: up, Policy: freshness.Policy{}}
	core, err := edge.New(edge.Config{
		Node: "test-1", Keyer: keyer, Routes: []edge.Route{route}, Artifacts: route,
	}, edge.Deps{
		Store: NewStore(), Marks: invalidation.NewMarks(), Gate: quota.NewGate(time.Now),
		Targets: edge.Unmanaged{}, Now: time.Now,
	})
	if err != nil {
		tb.Fatal(fmt.Errorf("edgetest: core: %w", err))
	}
	tb.Cleanup(core.Close)
	return core
}

// Artifact is a stored response of that content, with header lines given as
// name, value pairs: baked by a real core.
func Artifact(tb testing.TB, body string, header ...string) *edge.Artifact {
	tb.Helper()
	up := &Upstream{FetchFunc: func(context.Context, *edge.Fetch) (*edge.Answer, error) {
		return Answer(200, body, append([]string{"Cache-Control", "max-age=60"}, header...)...), nil
	}}
	core := NewCore(tb, up)
	// The first asks for it, and may be shown it while it comes.
	Do(core, Request{Target: "/"})
	x := &edge.Exchange{Now: time.Now()}
	x.Req = edge.Request{Method: edge.MethodGet, MethodText: "GET", Host: "edge.test", Target: "/", Fields: &Fields{}}
	core.Serve(context.Background(), x)
	if x.Rep.Art == nil {
		tb.Fatalf("edgetest: the core stored nothing: status %d", x.Rep.Status)
	}
	return x.Rep.Art
}
