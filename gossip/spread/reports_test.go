package spread

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/gossip"
)

func reportOf(process, seq uint64) *Report {
	return &Report{From: gossip.Member{Node: "n", Incarnation: process}, Seq: seq}
}

// Of a node that has started often the last processes are kept. Two nodes that keep
// different ones tell each other of them once, not for ever, and the present
// process is never the one that makes room.
func TestReportsOfFormerProcesses(t *testing.T) {
	one, other := newReports(), newReports()
	for process := uint64(1); process <= 6; process++ {
		require.True(t, one.add(reportOf(process, 9), nil))
		require.True(t, other.add(reportOf(7-process, 9), nil))
	}
	require.Len(t, one.latest, maxProcesses)
	exchange := func() (told int) {
		for process := uint64(1); process <= 6; process++ {
			for _, to := range []*reports{one, other} {
				if to.add(reportOf(process, 9), nil) {
					told++
				}
			}
		}
		return told
	}
	require.Zero(t, exchange())

	// The present one is 6, which other has dropped: it is heard of again as soon as
	// it says something new.
	for _, s := range []*reports{one, other} {
		require.True(t, s.add(reportOf(6, 10), nil))
		require.Zero(t, exchange())
		require.Equal(t, uint64(6), s.former("n").From.Incarnation)
	}
	for process := uint64(7); process <= 9; process++ {
		require.True(t, one.add(reportOf(6, process+4), nil))
		require.True(t, one.add(reportOf(process, 1), nil))
		require.Contains(t, one.latest, gossip.Source{Node: "n", Incarnation: 6})
	}
}
