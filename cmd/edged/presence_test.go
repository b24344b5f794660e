package main

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/gossip/swim"
	"github.com/letteros/letteredge/quota"
)

// Each change of a node is told once, as it happens.
func TestNodesThatComeAndGoAreTold(t *testing.T) {
	var lines bytes.Buffer
	log := slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	told := func() string {
		defer lines.Reset()
		return lines.String()
	}
	records, index := gossip.NewRecords(), uint64(0)
	enrol := func(id string, incarnation uint64, gone bool) {
		index++
		p := gossip.Put{Key: quota.NodeKey + id, Delete: gone}
		if !gone {
			value, err := enrolment{Region: "tokyo", Incarnation: incarnationText(incarnation), Peer: "127.0.0.1:1"}.record()
			require.NoError(t, err)
			p.Value = value
		}
		require.True(t, records.Apply(index, gossip.Txn{Puts: []gossip.Put{p}}).Applied)
	}
	var pool []swim.Member
	enrol("tokyo-1", 1, false)
	r := newRoster(gossip.Member{Cluster: "c", Region: "tokyo", Node: "tokyo-1", Incarnation: 1}, records, func() []swim.Member { return pool }, nil, log)
	require.Empty(t, told(), "itself")

	enrol("tokyo-2", 1, false)
	r.update()
	require.Equal(t, "level=INFO msg=\"node joined\" other=tokyo-2 region=tokyo address=127.0.0.1:1\n", told())
	pool = []swim.Member{{ID: "tokyo-2", Meta: swim.Meta{Region: "tokyo", Incarnation: 1, Peer: "127.0.0.1:1"}}}
	r.update()
	require.Equal(t, "level=INFO msg=\"node answers\" other=tokyo-2 region=tokyo incarnation=0000000000000001\n", told())
	r.update()
	require.Empty(t, told(), "nothing new")
	enrol("tokyo-2", 2, false)
	r.update()
	require.Equal(t, "level=INFO msg=\"node has started again\" other=tokyo-2 region=tokyo incarnation=0000000000000002\n", told())
	value, err := enrolment{Region: "tokyo", Incarnation: incarnationText(2), Left: true}.record()
	require.NoError(t, err)
	index++
	require.True(t, records.Apply(index, gossip.Txn{Puts: []gossip.Put{{Key: quota.NodeKey + "tokyo-2", Value: value}}}).Applied)
	r.update()
	require.Equal(t, "level=INFO msg=\"node left\" other=tokyo-2 region=tokyo\n", told())
	enrol("tokyo-2", 3, false)
	r.update()
	require.Equal(t, "level=INFO msg=\"node answers\" other=tokyo-2 region=tokyo incarnation=0000000000000003\n", told())
	pool = nil
	r.update()
	require.Equal(t, "level=WARN msg=\"node does not answer\" other=tokyo-2 region=tokyo\n", told())
	enrol("tokyo-2", 0, true)
	r.update()
	require.Equal(t, "level=INFO msg=\"node left\" other=tokyo-2 region=tokyo\n", told())
}
