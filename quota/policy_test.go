package quota

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestWindow(t *testing.T) {
	type pair struct{ q, w int64 }
	for rps, want := range map[float64]pair{
		200:            {200, 1},
		1:              {1, 1},
		1.5:            {3, 2},
		2.25:           {9, 4},
		0.5:            {1, 2},
		0.75:           {3, 4},
		0.1:            {1, 10},
		0.333333:       {1, 3},
		1.0 / 3:        {1, 3},
		2.0 / 60:       {1, 30},
		100.0 / 86400:  {1, 864},
		1000.5:         {2001, 2},
		1e-3:           {1, 1000},
		MaxRPS:         {MaxRPS, 1},
		1e-15:          {1, maxSeconds},
		5e-324:         {1, maxSeconds},
		12345.67:       {37037, 3},
		math.Pi:        {355, 113},
		0.000277777778: {1, 3600},
	} {
		q, w := window(rps)
		require.Equal(t, want, pair{q, w}, "rps %v", rps)
	}
}

func TestWindowStatesTheRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rps := math.Pow(10, rapid.Float64Range(-14, 7).Draw(t, "exponent"))
		q, w := window(rps)
		require.Positive(t, q)
		require.Positive(t, w)
		require.LessOrEqual(t, q, int64(maxSeconds))
		require.LessOrEqual(t, w, int64(maxSeconds))
		require.InEpsilon(t, rps, float64(q)/float64(w), windowError*1.001)
	})
}
