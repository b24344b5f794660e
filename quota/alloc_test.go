package quota

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The whole of what a request asks of this package allocates nothing.
func TestHotPathAllocatesNothing(t *testing.T) {
	g, c := gateWith(t, New("b2b", 1000), Quota{Segment: "slow", RPS: 1e-6, Burst: 1}, New(Default, 1000))
	g.Take("slow", 1)
	text := []byte("....b2bslowother")
	body := make([]byte, 0, 512)
	for _, segment := range []string{view(text[4:7]), view(text[7:11]), view(text[11:]), ""} {
		require.Zero(t, testing.AllocsPerRun(1000, func() {
			c.Advance(time.Millisecond)
			d := g.Take(segment, 1)
			body = d.AppendRateLimit(body[:0])
			if !d.Allowed {
				body = d.AppendProblem(body)
			}
		}), "%q", segment)
	}
	none := NewGate(c.Now)
	require.Zero(t, testing.AllocsPerRun(1000, func() { none.Take("b2b", 1) }))
}
