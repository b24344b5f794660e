package main

import (
	"bytes"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/gossip/spread"
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

// Silence counts from what was heard last: neither a new process, of which no report
// has come yet, nor a late report of the former one makes it longer.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records, index := gossip.NewRecords(), uint64(0)
		enrol := func(incarnation uint64) {
			index++
			value, err := enrolment{Region: "tokyo", Incarnation: incarnationText(incarnation)}.record()
			require.NoError(t, err)
			require.True(t, records.Apply(index, gossip.Txn{Puts: []gossip.Put{{Key: quota.NodeKey + "tokyo-2", Value: value}}}).Applied)
		}
		self := gossip.Member{Cluster: "c", Region: "tokyo", Node: "tokyo-1", Incarnation: 1}
		enrol(1)
		r := newRoster(self, records, func() []swim.Member { return nil }, nil, slog.New(slog.DiscardHandler))
		covers := rolloutCluster{&mesh{self: self, roster: r, records: records}}.Covers
		report := func(incarnation, upTo uint64) {
			r.observe(spread.Report{From: gossip.Member{Node: "tokyo-2", Incarnation: incarnation}, Index: upTo})
		}
		passes := func(d time.Duration) { time.Sleep(d); r.update() }

		passes(time.Second)
		require.Equal(t, time.Second, r.silence("tokyo-2"), "since this node started")
		report(1, 5)
		require.Zero(t, r.silence("tokyo-2"))
		require.True(t, covers("tokyo-2", 5))
		passes(time.Minute)
		require.Equal(t, time.Minute, r.silence("tokyo-2"))
		enrol(2)
		passes(0)
		passes(time.Second)
		require.Equal(t, time.Second, r.silence("tokyo-2"), "it has just started again")
		require.False(t, covers("tokyo-2", 5), "the new process has said nothing")

		report(2, 6)
		passes(time.Second)
		report(1, 5) // late, by another way
		require.Zero(t, r.silence("tokyo-2"))
		require.True(t, covers("tokyo-2", 6))
	})
}
