package quota

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// memoryStore keeps definitions as their JSON, as a real store does; fail, if
// set, is asked before each operation.
type memoryStore struct {
	texts map[string][]byte
	fail  func(op, segment string) error
}

var _ Store = (*memoryStore)(nil)

func newMemoryStore() *memoryStore { return &memoryStore{texts: map[string][]byte{}} }

func (s *memoryStore) failing(op, segment string) error {
	if s.fail == nil {
		return nil
	}
	return s.fail(op, segment)
}

func (s *memoryStore) Load() ([]Versioned, error) {
	if err := s.failing("load", ""); err != nil {
		return nil, err
	}
	var all []Versioned
	for _, segment := range slices.Sorted(maps.Keys(s.texts)) {
		var v Versioned
		if err := json.Unmarshal(s.texts[segment], &v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

func (s *memoryStore) Put(v Versioned) error {
	if err := s.failing("put", v.Quota.Segment); err != nil {
		return err
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	s.texts[v.Quota.Segment] = text
	return nil
}

func (s *memoryStore) Delete(segment string) error {
	if err := s.failing("delete", segment); err != nil {
		return err
	}
	delete(s.texts, segment)
	return nil
}

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

func TestVersionedRoundTrip(t *testing.T) {
	v := Versioned{Quota: New("b2b", 0.1), Revision: 1<<63 + 1}
	text, err := json.Marshal(v)
	require.NoError(t, err)
	var back Versioned
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, v, back)
	require.Error(t, json.Unmarshal([]byte(`{"quota":{"segment":"b2b"},"revision":1}`), &back))
}
