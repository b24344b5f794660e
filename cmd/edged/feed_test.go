package main

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/gossip"
)

func feedOf() *feed { return &feed{records: gossip.NewRecords(), log: slog.New(slog.DiscardHandler)} }

func change(f *feed, index uint64, key, value string) {
	f.records.Apply(index, gossip.Txn{Puts: []gossip.Put{{Key: key, Value: json.RawMessage(value)}}})
}

// A node that was away is told of the latest change before it has asked for those
// that it missed: it must not take that for everything.
func TestFeedWithAGap(t *testing.T) {
	voter, node := feedOf(), feedOf()
	change(voter, 1, "a", "1")
	change(voter, 2, "b", "2")
	latest, complete := voter.Since(1, 1<<20)
	require.Equal(t, uint64(2), complete)
	require.NoError(t, node.Merge(latest))
	require.Zero(t, node.records.Index(), "a is missing")
	_, there := node.records.Get("b")
	require.True(t, there)
	whole, _ := voter.Since(node.records.Index(), 1<<20)
	require.NoError(t, node.Merge(whole))
	require.Equal(t, uint64(2), node.records.Index())
	require.Equal(t, voter.records.List(""), node.records.List(""))
}

// What does not fit comes in parts, each of whole changes.
func TestFeedInParts(t *testing.T) {
	voter, node := feedOf(), feedOf()
	big := `"` + strings.Repeat("x", 64) + `"`
	for i := range 5 {
		voter.records.Apply(uint64(i+1), gossip.Txn{Puts: []gossip.Put{
			{Key: "a" + string(rune('0'+i)), Value: json.RawMessage(big)}, {Key: "b" + string(rune('0'+i)), Value: json.RawMessage(big)}}})
	}
	parts := 0
	for node.records.Index() < 5 {
		part, complete := voter.Since(node.records.Index(), 500)
		require.Greater(t, complete, node.records.Index())
		require.NoError(t, node.Merge(part))
		require.Len(t, node.records.List(""), 2*int(complete), "both of a change, or none")
		parts++
	}
	require.Greater(t, parts, 1)
}

func FuzzFeed(f *testing.F) {
	v := feedOf()
	change(v, 1, "a", "1")
	data, _ := v.Since(0, 1<<20)
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) { _ = feedOf().Merge(data) })
}
