package edge_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// A hit at its target allocates nothing, up to date or isolated.
func TestManagedHitAllocatesNothing(t *testing.T) {
	for _, isolated := range []bool{false, true} {
		n, x, req := managedHit(t)
		n.standing.Isolate(isolated)
		now := n.now()
		require.Zero(t, testing.AllocsPerRun(2000, func() {
			x.Reset()
			x.Now, x.Req = now, req
			n.core.Serve(context.Background(), x)
			if !x.Rep.Cache.Hit || x.Rep.Status != 200 || isolated != (x.Rep.Degraded == "isolated") {
				panic(fmt.Sprintf("not a hit: %d %+v", x.Rep.Status, x.Rep.Cache))
			}
		}))
	}
}

func managedHit(t testing.TB) (*managed, *edge.Exchange, edge.Request) {
	n := newManaged(t)
	require.Equal(t, 200, n.get(trial, "Accept-Language: en").status)
	n.skew.Add(int64(time.Hour))
	n.standing.SetAge(3 * time.Second)
	req := edge.Request{Method: edge.MethodGet, MethodText: "GET", Host: "edge.test", Target: trial, Fields: fields("Accept-Language: en")}
	return n, &edge.Exchange{}, req
}

func BenchmarkManagedHit(b *testing.B) {
	n, x, req := managedHit(b)
	now := n.now()
	b.ReportAllocs()
	for b.Loop() {
		x.Reset()
		x.Now, x.Req = now, req
		n.core.Serve(context.Background(), x)
	}
}
