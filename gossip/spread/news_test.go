package spread

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/gossip"
)

// logged has a rig log into what told returns and empties.
func logged(r *rig) (told func() string) {
	var lines bytes.Buffer
	r.cfg.Log = slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	return func() string {
		defer lines.Reset()
		return lines.String()
	}
}

// A flood of forged statements makes one line in ten seconds, which counts them.
func TestDroppedStatementsAreToldRarely(t *testing.T) {
	r := newRig(t, "a1", "a1")
	told := logged(r)
	stranger := gossip.Member{Cluster: "c", Region: "s", Node: "stranger", Incarnation: 1}
	flood := func(n int) {
		for i := range n {
			r.Receive("a2", sealedBy(t, gossip.KindPurge, stranger, uint64(i+1), "x"))
		}
	}
	flood(1)
	require.Contains(t, told(), "level=WARN msg=\"statement dropped\" claimed=stranger count=1 err=")
	flood(50)
	r.now = r.now.Add(9 * time.Second)
	flood(50)
	require.Empty(t, told())
	r.now = r.now.Add(time.Second)
	r.Receive("a2", sealedBy(t, gossip.KindRecords, other, 1, "{}")) // by a node that does not vote
	line := told()
	require.Equal(t, 1, strings.Count(line, "\n"))
	require.Contains(t, line, "claimed=a2 count=101 err=\"records of the control log are voters' to tell\"")
	require.Equal(t, uint64(101), r.Stats().Foreign)
	require.Equal(t, uint64(1), r.Stats().Forged)
}

// Getting ready, isolated, and back is told once each.
func TestStandingIsTold(t *testing.T) {
	r := newRig(t, "a1", "a1")
	told := logged(r)
	hears := true
	ticks := func(d time.Duration) {
		for end := r.now.Add(d); r.now.Before(end); r.now = r.now.Add(100 * time.Millisecond) {
			if !hears {
				r.mu.Lock()
				r.probeAt = r.now.Add(time.Hour)
				r.mu.Unlock()
			}
			r.Tick()
		}
	}
	r.Tick()
	require.Contains(t, told(), "level=INFO msg=\"ready: ")
	ticks(10 * time.Second)
	require.Empty(t, told())
	hears = false
	ticks(20 * time.Second)
	line := told()
	require.Equal(t, 1, strings.Count(line, "\n"), line)
	require.Contains(t, line, "level=WARN msg=\"isolated: ")
	hears = true
	r.mu.Lock()
	r.probeAt = r.now
	r.mu.Unlock()
	ticks(5 * time.Second)
	require.Equal(t, "level=INFO msg=\"isolated no more\"\n", told())
}
