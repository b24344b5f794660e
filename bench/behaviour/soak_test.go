package behaviour

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// soak is a load that lasts. LETTEREDGE_SOAK says how long; then the nodes detect
// races. Without it, it is some seconds on nodes that do not.
type soak struct {
	t     *testing.T
	edged Edged
	until time.Time // its end; zero before begin
	lasts time.Duration
	long  bool
	races string // where the nodes write what they find
}

func newSoak(t *testing.T, short time.Duration) *soak {
	t.Helper()
	s := &soak{t: t, edged: edged, lasts: short}
	text := os.Getenv("LETTEREDGE_SOAK")
	if text == "" {
		return s
	}
	var err error
	s.lasts, err = time.ParseDuration(text)
	require.NoError(t, err, "LETTEREDGE_SOAK")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	s.edged, err = edged.Racing(ctx)
	require.NoError(t, err)
	s.long = true
	s.races = filepath.Join(t.TempDir(), "race")
	t.Setenv("GORACE", "log_path="+s.races)
	return s
}

func (s *soak) begin() { s.until = time.Now().Add(s.lasts) }

func (s *soak) over() bool { return !time.Now().Before(s.until) }

// patience is how long an abusive client stays where it is borne.
func (s *soak) patience() time.Duration {
	return min(8*time.Second, max(time.Second, time.Until(s.until)))
}

// noRaces fails the test for each that a node found.
func (s *soak) noRaces() {
	s.t.Helper()
	if !s.long {
		return
	}
	found, err := filepath.Glob(s.races + "*")
	require.NoError(s.t, err)
	for _, file := range found {
		text, err := os.ReadFile(file)
		require.NoError(s.t, err)
		s.t.Errorf("%s", text)
	}
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
