package invalidation

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/gossip"
)

func TestRecordsThatCannotBe(t *testing.T) {
	for text, want := range map[string]string{
		`{"purge":"x","select":{"all":true},"mode":"hard","at":"2026-11-23T12:00:00Z"}`:                                  "purge: dot",
		`{"select":{"all":true},"mode":"hard","at":"2026-11-23T12:00:00Z"}`:                                              "purge: dot",
		`{"purge":"a.0000000000000001.1","mode":"hard","at":"2026-11-23T12:00:00Z"}`:                                     "select: must have one of",
		`{"purge":"a.0000000000000001.1","select":{"tags":[]},"mode":"hard","at":"2026-11-23T12:00:00Z"}`:                "tags: must be",
		`{"purge":"a.0000000000000001.1","select":{"all":true},"mode":"gentle","at":"2026-11-23T12:00:00Z"}`:             "mode: ",
		`{"purge":"a.0000000000000001.1","select":{"all":true},"mode":"hard"}`:                                           "at: is missing",
		`{"purge":"a.0000000000000001.1","select":{"all":true},"mode":"hard","at":"2026-11-23T12:00:00Z","applied":"x"}`: "applied",
	} {
		var rec Record
		require.ErrorContains(t, json.Unmarshal([]byte(text), &rec), want, text)
		require.Equal(t, Record{}, rec)
	}
}

func FuzzRecord(f *testing.F) {
	three := 3
	for _, rec := range []Record{
		{Dot: gossip.Dot{Node: "tokyo-1", Incarnation: 7, Seq: 1}, Selector: tagged("doc:pricing"), At: noon, By: "ci"},
		{Dot: gossip.Dot{Node: "tokyo-1", Incarnation: 7, Seq: 2}, Selector: tagged("a"), Mode: ModeSoft, At: noon, Applied: &Applied{AfterMS: 1.9, Entries: &three}},
	} {
		text, err := json.Marshal(rec)
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add([]byte(`{"purge":"a.0000000000000001.1","select":{"all":true},"mode":"soft","at":"2026-11-23T12:00:00Z","applied":{"after_ms":1.5,"entries":null}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var rec, again Record
		if json.Unmarshal(data, &rec) != nil {
			return
		}
		require.NoError(t, rec.Selector.Validate())
		text, err := json.Marshal(rec)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &again))
		second, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(text), string(second))
	})
}
