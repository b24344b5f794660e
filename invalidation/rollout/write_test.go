package rollout

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/gossip"
)

// A rollout takes hold of its documents only where no other has them, and its
// versions are above what is released: what the origin was looked at for may not be
// so any more.
func TestWriteBegins(t *testing.T) {
	version := func(v int64, by string) Version { return Version{ID: "trial", Version: v, Rollout: by} }
	waiting := Rollout{ID: "r2", State: Waiting, Stage: Edge, Documents: []Version{version(5, "r2")}}
	started, _ := Next(waiting, Shown{Members: []Member{{ID: "lima-1", Region: "lima", Alive: true}}})
	require.Equal(t, Running, started.State)
	for name, c := range map[string]struct {
		d     Document
		fails bool
	}{
		"the first":              {Document{ID: "trial"}, false},
		"above what is released": {Document{ID: "trial", Released: &Version{ID: "trial", Version: 4}}, false},
		"released already":       {Document{ID: "trial", Released: &Version{ID: "trial", Version: 5}}, true},
		"below what is released": {Document{ID: "trial", Released: &Version{ID: "trial", Version: 7}}, true},
		"another's":              {Document{ID: "trial", Candidate: &Candidate{Version: version(4, "r1")}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := put(DocumentKey+"trial", c.d)
			require.NoError(t, err)
			after := started
			puts, err := Write(waiting, &after, 3, map[string]gossip.Record{p.Key: {Key: p.Key, Value: p.Value, Index: 1}})
			if c.fails {
				require.ErrorIs(t, err, ErrNotYet)
				require.Empty(t, puts)
				require.Equal(t, waiting, after)
				return
			}
			require.NoError(t, err)
			require.Len(t, puts, 2, "its own record, and the document's")
			require.EqualValues(t, 3, after.Term)
			again := after
			puts, err = Write(after, &again, 3, map[string]gossip.Record{puts[1].Key: {Key: puts[1].Key, Value: puts[1].Value, Index: 2}})
			require.NoError(t, err)
			require.Empty(t, puts, "twice changes nothing")
		})
	}
}

// Of two rollouts that touch one artifact, and came to be shown at one moment, one
// begins.
func TestOneBeginsWhereTwoMeet(t *testing.T) {
	shown := func(id, document, path string) (waiting, started Rollout) {
		waiting = Rollout{ID: id, State: Waiting, Stage: Edge, Documents: []Version{{ID: document, Version: 5, Rollout: id}}}
		started, _ = Next(waiting, Shown{
			Members: []Member{{ID: "lima-1", Region: "lima", Alive: true}},
			After:   Index{path: {Documents: []string{"core", "trial"}}},
		})
		return waiting, started
	}
	const shared = "/v1/segments/b2b/ctas/trial"
	waiting, started := shown("r2", "core", shared)
	for name, c := range map[string]struct {
		path  string
		state State
		fails bool
	}{
		"under way":                  {shared, Running, true},
		"halted for an operator":     {shared, Paused, true},
		"ended":                      {shared, Done, false},
		"of another artifact":        {shared + "/proofs/p1", Running, false},
		"waits still, and no holder": {shared, Waiting, false},
	} {
		t.Run(name, func(t *testing.T) {
			other, began := shown("r1", "trial", c.path)
			if c.state != Waiting {
				other = began
				other.State = c.state
			}
			p, err := put(RolloutKey+"r1", other)
			require.NoError(t, err)
			after := started
			_, err = Write(waiting, &after, 3, map[string]gossip.Record{p.Key: {Key: p.Key, Value: p.Value, Index: 1}})
			if !c.fails {
				require.NoError(t, err)
				require.Equal(t, Running, after.State)
				return
			}
			require.ErrorIs(t, err, ErrNotYet)
			require.Equal(t, waiting, after)
		})
	}
}
