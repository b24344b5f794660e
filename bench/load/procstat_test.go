package load

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const aStat = "4242 (edged) run) S 1 4242 4242 0 -1 4194560 9000 0 1 0 250 75 0 0 20 0 9 0 7654321 1300000000 9000 18446744073709551615 1 1 0 0 0 0 0 0\n"

func TestParseProcStat(t *testing.T) {
	got, err := parseProcStat([]byte(aStat))
	require.NoError(t, err)
	require.Equal(t, procTimes{2500 * time.Millisecond, 750 * time.Millisecond, 7654321}, got)
	for _, bad := range []string{"", "1 (a", "1 (a) S 1 2 3", "1 (a) S 1 1 1 0 -1 1 1 0 1 0 x 75 0 0 20 0 9 0 7 1 1"} {
		_, err := parseProcStat([]byte(bad))
		require.Error(t, err, bad)
	}
}

func FuzzParseProcStat(f *testing.F) {
	f.Add([]byte(aStat))
	f.Fuzz(func(t *testing.T, text []byte) {
		if got, err := parseProcStat(text); err == nil && (got.user < 0 || got.system < 0) {
			t.Fatalf("negative time: %v", got)
		}
	})
}

// A process that ends, or whose id goes to another, has no processor time.
func TestProcessEnds(t *testing.T) {
	at := func(started int64, user time.Duration) mark {
		return mark{procs: []procTimes{{user, 0, started}}}
	}
	require.InDelta(t, 500, cpu([]int{1}, at(1, 0), at(1, time.Second), 2000)[0].PerRequestUS, 1e-9)
	require.NotEmpty(t, cpu([]int{1}, at(1, 0), at(2, time.Second), 2000)[0].Error)
	require.NotEmpty(t, cpu([]int{1}, at(1, 0), mark{err: ErrUnreachable}, 2000)[0].Error)
	_, err := (&Result{InWindow: 1, CPU: []CPU{{PID: 1, Error: "gone"}}}).CPUPerRequest()
	require.ErrorContains(t, err, "gone")
}
