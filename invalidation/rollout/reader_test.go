package rollout

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/letteros/letteredge/gossip"
)

// A Reader that is asked at any time says what one that has never been asked does.
func TestReaderForgetsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := gossip.NewRecords()
		reader := NewReader(records)
		for i := range rapid.IntRange(1, 12).Draw(t, "changes") {
			key := rapid.SampledFrom([]string{"doc/a", "doc/b", "rollout/r", "artifacts", "quota/x"}).Draw(t, "key")
			value := rapid.SampledFrom([]string{"", `{"id":"one"}`, `{"rollout":"one","state":"waiting"}`, `{"state":"running"}`, `{"/p":{"documents":["one"]}}`, `7`}).Draw(t, "value")
			index := uint64(i + 1)
			rec := gossip.Record{Key: key, Index: index, Value: json.RawMessage(value), Deleted: value == ""}
			switch {
			case rapid.Bool().Draw(t, "from another"):
				require.NoError(t, records.Merge([]gossip.Record{rec}, index))
			case rapid.IntRange(0, 4).Draw(t, "restored") == 0:
				other := gossip.NewRecords()
				require.NoError(t, other.Merge([]gossip.Record{rec}, index))
				data, err := other.Snapshot()
				require.NoError(t, err)
				require.NoError(t, records.Restore(data))
			default:
				records.Apply(index, gossip.Txn{Puts: []gossip.Put{{Key: key, Value: rec.Value, Delete: rec.Deleted}}})
			}
			if rapid.Bool().Draw(t, "asked") {
				got, err := reader.Facts()
				want, wantErr := ReadFacts(records)
				require.Equal(t, want, got)
				require.Equal(t, wantErr, err)
			}
		}
	})
}

// A record is decoded once: what has not changed is the same.
func TestReaderDecodesOnce(t *testing.T) {
	records := gossip.NewRecords()
	reader := NewReader(records)
	putAll(t, records, 1, map[string]any{"doc/trial": book().Documents["trial"]})
	first, err := reader.Facts()
	require.NoError(t, err)
	putAll(t, records, 2, map[string]any{"doc/core": book().Documents["core"]})
	second, err := reader.Facts()
	require.NoError(t, err)
	require.Len(t, second.Documents, 2)
	require.Same(t, first.Documents["trial"].Released, second.Documents["trial"].Released)
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = reader.Facts() }), "nothing has changed")
}
