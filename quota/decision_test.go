package quota

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
	"unsafe"

	"github.com/dunglas/httpsfv"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// view makes a string of a buffer as transports do, without a copy.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func rateLimit(d Decision) string { return string(d.AppendRateLimit(nil)) }

func TestRateLimitFields(t *testing.T) {
	g, c := gateWith(t, New("b2b", 200))
	d := g.Take("b2b", 1)
	require.Equal(t, `"b2b";q=200;w=1`, d.Policy)
	require.Equal(t, `"b2b";r=399;t=1`, rateLimit(d))
	require.Zero(t, d.RetryAfter)
	d = g.Take("b2b", 399)
	require.True(t, d.Allowed)
	require.Equal(t, `"b2b";r=0;t=1`, rateLimit(d))
	d = g.Take("b2b", 1)
	require.False(t, d.Allowed)
	require.Equal(t, `"b2b";r=0;t=1`, rateLimit(d))
	require.Positive(t, d.RetryAfter)
	c.Advance(7 * time.Millisecond)
	require.Equal(t, `"b2b";r=0;t=1`, rateLimit(g.Take("b2b", 1)))

	// Below one a second: t is the policy's window while there are tokens, and
	// then the time until the next one.
	g, c = gateWith(t, Quota{Segment: "slow", RPS: 0.01, Burst: 2})
	require.Equal(t, `"slow";r=1;t=100`, rateLimit(g.Take("slow", 1)))
	c.Advance(30 * time.Second)
	require.Equal(t, `"slow";r=0;t=70`, rateLimit(g.Take("slow", 1)))
	c.Advance(500 * time.Millisecond)
	d = g.Take("slow", 1)
	require.Equal(t, `"slow";r=0;t=70`, rateLimit(d), "69.5 s, rounded up")
	require.Equal(t, "", rateLimit(Decision{Allowed: true}), "nothing governs")
}

func TestRateLimitOfARefusedBatch(t *testing.T) {
	g, _ := gateWith(t, New("b2b", 10))
	require.True(t, g.Take("b2b", 17).Allowed)
	d := g.Take("b2b", 20)
	require.False(t, d.Allowed)
	require.Equal(t, `"b2b";r=3;t=2`, rateLimit(d), "three are left; twenty are there in 1.7 s")
	require.GreaterOrEqual(t, d.RetryAfter, 2)
}

// Both fields are lists of one string with integer parameters.
func TestRateLimitFieldsParse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := anyQuota(t, rapid.StringMatching(`[a-z][a-z0-9_-]{0,63}|_default`).Draw(t, "segment"))
		c := newClock()
		g := NewSeededGate(c.Now, 1)
		_, err := g.Set(q)
		require.NoError(t, err)
		c.Advance(time.Duration(rapid.Int64Range(0, 1e15).Draw(t, "pause")))
		d := g.Take(q.Segment, rapid.IntRange(1, 100).Draw(t, "n"))

		params := func(field string, names ...string) []int64 {
			list, err := httpsfv.UnmarshalList([]string{field})
			require.NoError(t, err, field)
			require.Len(t, list, 1)
			item := list[0].(httpsfv.Item)
			require.Equal(t, q.Segment, item.Value)
			require.Equal(t, names, item.Params.Names())
			var values []int64
			for _, name := range names {
				v, _ := item.Params.Get(name)
				require.IsType(t, int64(0), v)
				values = append(values, v.(int64))
			}
			return values
		}
		policy := params(d.Policy, "q", "w")
		require.Positive(t, policy[0])
		require.Positive(t, policy[1])
		limit := params(rateLimit(d), "r", "t")
		require.GreaterOrEqual(t, limit[0], int64(0))
		require.LessOrEqual(t, limit[0], int64(q.Burst))
		require.Positive(t, limit[1])
		if !d.Allowed {
			require.GreaterOrEqual(t, int64(d.RetryAfter), min(d.Reset, maxRetryAfter))
		}
	})
}

func TestAppendProblem(t *testing.T) {
	g, c := gateWith(t, Quota{Segment: "slow", RPS: 0.5, Burst: 1})
	g.Take("slow", 1)
	c.Advance(time.Millisecond)
	d := g.Take("slow", 1)
	body := d.AppendProblem([]byte("x"))[1:]
	require.JSONEq(t, fmt.Sprintf(`{"type":"https://iana.org/assignments/http-problem-types#quota-exceeded",
		"title":"Quota Exceeded","status":429,
		"detail":"The quota slow allows 1 request per 2 seconds; try again in %d s.",
		"violated-policies":["slow"]}`, d.RetryAfter), string(body))
	require.True(t, json.Valid(body))
	none := Decision{Allowed: true}
	require.Empty(t, none.AppendProblem(nil))

	g, _ = gateWith(t, New("b2b", 200))
	d = g.Take("b2b", 401)
	require.Contains(t, string(d.AppendProblem(nil)), "The quota b2b allows 200 requests per second;")
}

func TestRetryAfterIsJittered(t *testing.T) {
	spread := func(seed uint64) (values []int) {
		c := newClock()
		g := NewSeededGate(c.Now, seed)
		_, err := g.Set(New("b2b", 200))
		require.NoError(t, err)
		for range 100 {
			values = append(values, g.Take("b2b", 1).RetryAfter)
		}
		return values
	}
	seen := map[int]int{}
	for _, v := range spread(1) {
		seen[v]++
	}
	require.Len(t, seen, 3, "%v", seen)
	for v := 1; v <= 3; v++ {
		require.Greater(t, seen[v], 15, "%v", seen)
	}
	require.Equal(t, spread(1), spread(1), "the seed decides")
	require.NotEqual(t, spread(1), spread(2))
}

func TestRetryAfterBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wait := rapid.Int64Range(1, maxSeconds).Draw(t, "wait")
		s := int64(retryAfter(wait, rapid.Uint64().Draw(t, "random")))
		require.GreaterOrEqual(t, s, min(wait, maxRetryAfter))
		require.LessOrEqual(t, s, min(wait+max(2, wait/2), maxRetryAfter))
	})
}
