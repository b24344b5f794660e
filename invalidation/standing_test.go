package invalidation

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func peers(ids ...string) []Peer {
	list := []Peer{}
	for _, id := range ids {
		list = append(list, Peer{ID: id, Region: id[:1]})
	}
	return list
}

// say is a standing in short: complete; a1 applied, b1 pending; a complete, ….
func (s Standing) say() string {
	var nodes, regions []string
	for _, n := range s.Nodes {
		nodes = append(nodes, n.ID+" "+n.State)
	}
	for _, r := range s.Regions {
		regions = append(regions, r.Region+" "+r.State)
	}
	return s.State + "; " + strings.Join(nodes, ", ") + "; " + strings.Join(regions, ", ")
}

func TestStanding(t *testing.T) {
	presence := map[string]Presence{}
	q := Inquiry{
		Acceptor: peers("a1", "a2", "b1", "c1"), Voters: []string{"a1", "b1", "c1"},
		Receipts: map[string][]Peer{"a1": nil}, Presence: func(id string) Presence { return presence[id] },
	}
	require.Equal(t, "pending; a1 applied, a2 pending, b1 pending, c1 pending; a pending, b pending, c pending", q.Standing().say())
	q.Overdue = true
	presence["b1"] = Dead
	require.Equal(t, "partial; a1 applied, a2 pending, b1 unreachable, c1 pending; a partial, b partial, c partial", q.Standing().say())
	q.SinceMajority = time.Hour
	require.Equal(t, "unreachable", q.Standing().Nodes[2].State, "nobody is fenced without a majority")
	q.Receipts["a2"] = nil
	require.Equal(t, "a partial", q.Standing().say()[len("partial; a1 applied, a2 applied, b1 unreachable, c1 pending; "):][:9], "a majority of the voters is needed for a region, too")

	q.SinceMajority = FenceAfter - 1
	q.Receipts["c1"] = nil
	require.Equal(t, "partial; a1 applied, a2 applied, b1 unreachable, c1 applied; a complete, b partial, c complete", q.Standing().say())
	q.SinceMajority = FenceAfter
	require.Equal(t, "complete; a1 applied, a2 applied, b1 fenced, c1 applied; a complete, b complete, c complete", q.Standing().say())
	presence["b1"] = Left
	require.Equal(t, "left", q.Standing().Nodes[2].State)
	q.Receipts["b1"] = nil
	require.Equal(t, "applied", q.Standing().Nodes[2].State, "what it applied it applied, wherever it is now")
}

// Who is enrolled later is awaited if a majority of the voters name it, or may
// yet do.
func TestWhoIsExpected(t *testing.T) {
	q := Inquiry{
		Acceptor: peers("a1"), Voters: []string{"a1", "b1", "c1"},
		Receipts: map[string][]Peer{"a1": peers("a1", "b1", "d1", "e1")}, Presence: func(string) Presence { return Alive },
	}
	expected := func() string { return fmt.Sprint(q.expected()) }
	require.Equal(t, "[{a1 a} {b1 b} {d1 d} {e1 e}]", expected())
	q.Receipts["b1"] = peers("d1")
	require.Equal(t, "[{a1 a} {b1 b} {d1 d} {e1 e}]", expected(), "c1 may name b1 and e1")
	q.Receipts["c1"] = peers("b1", "f1")
	require.Equal(t, "[{a1 a} {b1 b} {d1 d}]", expected())
}

// drawn draws an inquiry about up to seven nodes.
func drawn(t *rapid.T) Inquiry {
	ids := []string{"a1", "a2", "b1", "b2", "c1", "c2", "d1"}
	subset := func(label string) []string {
		return slices.Sorted(slices.Values(rapid.SliceOfNDistinct(rapid.SampledFrom(ids), 0, len(ids), rapid.ID[string]).Draw(t, label)))
	}
	presence := map[string]Presence{}
	for _, id := range ids {
		presence[id] = Presence(rapid.IntRange(0, 2).Draw(t, "presence"))
	}
	q := Inquiry{
		Acceptor: peers(append(subset("acceptor"), "a1")...), Voters: rapid.SampledFrom([][]string{{"a1"}, {"a1", "b1", "c1"}, {"a1", "a2", "b1", "b2", "c1"}}).Draw(t, "voters"),
		Receipts: map[string][]Peer{}, Presence: func(id string) Presence { return presence[id] },
		SinceMajority: rapid.SampledFrom([]time.Duration{0, FenceAfter}).Draw(t, "since"), Overdue: rapid.Bool().Draw(t, "overdue"),
	}
	for _, id := range subset("receipts") {
		q.Receipts[id] = peers(subset("names")...)
	}
	return q
}

// Whatever is heard further, however late, and whoever leaves: complete stays
// complete, of the whole and of each region.
func TestCompleteIsNeverUndone(t *testing.T) {
	seen := 0
	rapid.Check(t, func(t *rapid.T) {
		q := drawn(t)
		before := q.Standing()
		if before.State == stateComplete {
			seen++
		}
		more := drawn(t)
		further := q
		further.Receipts = maps.Clone(more.Receipts)
		maps.Copy(further.Receipts, q.Receipts) // a receipt does not change
		further.SinceMajority = max(q.SinceMajority, more.SinceMajority)
		further.Overdue = q.Overdue || more.Overdue
		further.Presence = func(id string) Presence {
			if q.Presence(id) == Left { // nobody who left comes back as the same
				return Left
			}
			return more.Presence(id)
		}
		after := further.Standing()
		if before.State == stateComplete {
			require.Equal(t, stateComplete, after.State, "%s\n%s", before.say(), after.say())
		}
		for _, r := range before.Regions {
			for _, later := range after.Regions {
				if r.Region == later.Region && r.State == stateComplete {
					require.Equal(t, stateComplete, later.State, "%s\n%s", before.say(), after.say())
				}
			}
		}
	})
	require.NotZero(t, seen)
}

// Complete says what SEMANTICS §6 says it does.
func TestCompleteMeansWhatItSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := drawn(t)
		s := q.Standing()
		applied := 0
		for _, v := range q.Voters {
			if _, ok := q.Receipts[v]; ok {
				applied++
			}
		}
		require.Equal(t, applied > len(q.Voters)/2, s.Majority)
		all := true
		for _, n := range s.Nodes {
			_, receipt := q.Receipts[n.ID]
			require.Equal(t, receipt, n.State == stateApplied)
			if n.State == stateFenced {
				require.True(t, s.Majority && q.SinceMajority >= FenceAfter)
			}
			all = all && n.State != statePending && n.State != stateUnreachable
		}
		require.Equal(t, s.Majority && all, s.State == stateComplete, s.say())
		for _, p := range q.Acceptor {
			require.True(t, slices.ContainsFunc(s.Nodes, func(n NodeStanding) bool { return n.Peer == p }))
		}
	})
}
