package quota

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/gossip"
)

func TestETag(t *testing.T) {
	v := Versioned{Quota: New("b2b", 200), Revision: 17}
	require.Regexp(t, `^"17-[0-9a-f]{16}"$`, v.ETag())
	require.Equal(t, v.ETag(), v.ETag())
	other := v
	other.Revision++
	require.NotEqual(t, v.ETag(), other.ETag())
	other = v
	other.Quota.Priority++
	require.NotEqual(t, v.ETag(), other.ETag(), "the same revision of another content")
}

// What Put writes into the log is what every node reads there.
func TestDefinitionRoundTrip(t *testing.T) {
	q := New("b2b", 0.1)
	text, err := json.Marshal(q)
	require.NoError(t, err)
	back, err := definition(gossip.Record{Key: QuotaKey + "b2b", Index: 1<<63 + 1, Value: text})
	require.NoError(t, err)
	require.Equal(t, Versioned{Quota: q, Revision: 1<<63 + 1}, back)
	_, err = definition(gossip.Record{Key: QuotaKey + "b2b", Index: 1, Value: []byte(`{"segment":"b2b"}`)})
	require.Error(t, err)
}

// Whatever a record says: a definition that is read is valid, and can be written
// and read again.
func FuzzDefinition(f *testing.F) {
	for _, text := range []string{
		`{"segment":"b2b","rps":200,"burst":400,"scope":"global","overflow":"reject","mode":"enforce","priority":5,"partition":"strict"}`,
		`{"segment":"b2b","rps":-1}`, `[]`, `{"segment":7}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		v, err := definition(gossip.Record{Key: QuotaKey + "b2b", Index: 1, Value: value})
		if err != nil {
			return
		}
		require.NoError(t, v.Quota.Validate())
		text, err := json.Marshal(v.Quota)
		require.NoError(t, err)
		again, err := definition(gossip.Record{Key: QuotaKey + "b2b", Index: 1, Value: text})
		require.NoError(t, err)
		require.Equal(t, v, again)
	})
}
