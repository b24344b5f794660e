package control

import (
	"log/slog"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/gossip"
)

// Raft may drop, unanswered, what waits for the state machine as it stops: here the
// barrier of a new leader whose records are slow.
func TestCloseWhileTheRecordsAreSlow(t *testing.T) {
	disk, dir := &memory{}, t.TempDir()
	open := func(records *gossip.Records) *Control {
		v, err := Open(Config{ID: "a", Voters: []Voter{{ID: "a"}}, Log: disk, Stable: disk.stable(), Snapshots: dir, Logger: slog.New(slog.DiscardHandler)}, records)
		require.NoError(t, err)
		return v
	}
	closed := func(v *Control) {
		done := make(chan error, 1)
		go func() { done <- v.Close() }()
		select {
		case err := <-done:
			require.NoError(t, err)
		case <-time.After(time.Minute):
			require.Fail(t, "close never returns")
		}
	}
	first := gossip.NewRecords()
	v := open(first)
	_, err := NewClient(v, first, nil, []string{"a"}).Update(t.Context(), []string{"k"}, set("k", "1"))
	require.NoError(t, err)
	closed(v)

	for range 16 { // raft drops it or not, by chance
		records, slow := gossip.NewRecords(), make(chan struct{})
		records.Subscribe(func([]gossip.Record) { <-slow })
		last, err := disk.Last()
		require.NoError(t, err)
		v := open(records)
		// The leader's first entry, and its barrier.
		require.Eventually(t, func() bool { return v.raft.CommitIndex() >= last+2 }, time.Minute, time.Millisecond)
		go func() {
			for v.raft.State() != raft.Shutdown {
				select {
				case <-t.Context().Done():
					return
				case <-time.After(time.Millisecond):
				}
			}
			close(slow)
		}()
		closed(v)
	}
}
