package spread

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/letteros/letteredge/gossip"
)

func sources() *rapid.Generator[gossip.Source] {
	return rapid.Custom(func(t *rapid.T) gossip.Source {
		return gossip.Source{Node: rapid.SampledFrom([]string{"a1", "b-2", "c.3"}).Draw(t, "node"), Incarnation: rapid.Uint64().Draw(t, "incarnation")}
	})
}

func said() *rapid.Generator[Report] {
	numbers := rapid.Uint64Min(1)
	return rapid.Custom(func(t *rapid.T) Report {
		r := Report{
			Applied: rapid.MapOfN(sources(), numbers, 0, 4).Draw(t, "applied"), Index: rapid.Uint64().Draw(t, "index"),
			Ready: rapid.Bool().Draw(t, "ready"), Isolated: rapid.Bool().Draw(t, "isolated"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "known") {
			r.Known = append(r.Known, Peer{ID: sources().Draw(t, "peer").Node, Region: rapid.SampledFrom([]string{"eu", "jp"}).Draw(t, "region")})
		}
		for range rapid.IntRange(0, 3).Draw(t, "details") {
			s := sources().Draw(t, "source")
			d := Detail{Dot: gossip.Dot{Node: s.Node, Incarnation: s.Incarnation, Seq: numbers.Draw(t, "seq")}, AfterMS: rapid.Float64Range(0, 1e9).Draw(t, "after")}
			if rapid.Bool().Draw(t, "counted") {
				n := rapid.IntMin(0).Draw(t, "entries")
				d.Entries = &n
			}
			r.Details = append(r.Details, d)
		}
		for range rapid.IntRange(0, 2).Draw(t, "echo") {
			if r.Echo == nil {
				r.Echo = map[string]uint64{}
			}
			r.Echo[sources().Draw(t, "asked by").Node] = rapid.Uint64().Draw(t, "nonce")
		}
		return r
	})
}

// What is read of a report is what was said, whichever report of the node was
// read before.
func TestReportForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var former *Report
		for range 3 {
			r := said().Draw(t, "report")
			data, err := r.AppendBinary(nil)
			require.NoError(t, err)
			var back Report
			require.NoError(t, back.unmarshal(data, former))
			names := back.names
			back.names = nil
			require.Equal(t, r, back)
			for cut := range data {
				require.Error(t, new(Report).unmarshal(data[:cut], former), "cut short")
			}
			require.Error(t, new(Report).unmarshal(append(data, 0), former))
			back.names, former = names, &back
		}
	})
	require.ErrorContains(t, new(Report).unmarshal([]byte(`{"applied":[]}`), nil), "another form")
}

func TestDigestForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := digest{
			Vector: rapid.MapOfN(sources(), rapid.Uint64Min(1), 0, 4).Draw(t, "vector"), Index: rapid.Uint64().Draw(t, "index"),
			Reports: rapid.MapOfN(sources(), rapid.Uint64(), 0, 4).Draw(t, "reports"), Want: rapid.Bool().Draw(t, "want"),
		}
		data, err := d.AppendBinary(nil)
		require.NoError(t, err)
		var back digest
		require.NoError(t, back.UnmarshalBinary(data))
		require.Equal(t, d, back)
		require.Error(t, back.UnmarshalBinary(append(data, 0)))
	})
}

// FuzzReport: whatever is signed as a report is read or refused, within its
// bounds, and what is read has one meaning.
func FuzzReport(f *testing.F) {
	entries := 3
	r := Report{
		Applied: gossip.Vector{other.Source(): 3}, Index: 4, Known: []Peer{{ID: "a1", Region: "a"}}, Ready: true,
		Details: []Detail{{gossip.Dot{Node: "a2", Incarnation: 7, Seq: 3}, 1.5, &entries}}, Echo: map[string]uint64{"a1": 9},
	}
	data, err := r.AppendBinary(nil)
	require.NoError(f, err)
	f.Add(data)
	f.Add([]byte{formReport, 1, 0, 4, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		var r Report
		if r.unmarshal(data, nil) != nil {
			return
		}
		require.LessOrEqual(t, len(r.Details), maxDetails)
		require.LessOrEqual(t, len(r.Known), maxKnown)
		again, err := r.AppendBinary(nil)
		require.NoError(t, err)
		var back Report
		require.NoError(t, back.unmarshal(again, &r))
		require.Equal(t, r, back)
	})
}
