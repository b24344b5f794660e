package control

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// logStore is a Log as raft wants it.
type logStore struct{ log Log }

// stored is the form of an entry on disk.
type stored struct {
	Term       uint64       `json:"t"`
	Type       raft.LogType `json:"k"`
	Data       []byte       `json:"d,omitempty"`
	Extensions []byte       `json:"x,omitempty"`
	At         time.Time    `json:"at"`
}

func (s logStore) FirstIndex() (uint64, error) { return s.log.First() }
func (s logStore) LastIndex() (uint64, error)  { return s.log.Last() }

func (s logStore) GetLog(index uint64, into *raft.Log) error {
	data, err := s.log.Get(index)
	if err != nil {
		return err
	}
	if data == nil {
		return raft.ErrLogNotFound
	}
	var read stored
	if err := json.Unmarshal(data, &read); err != nil {
		return fmt.Errorf("entry %d of the control log: %w", index, err)
	}
	*into = raft.Log{Index: index, Term: read.Term, Type: read.Type, Data: read.Data, Extensions: read.Extensions, AppendedAt: read.At}
	return nil
}

func (s logStore) StoreLog(l *raft.Log) error { return s.StoreLogs([]*raft.Log{l}) }

func (s logStore) StoreLogs(logs []*raft.Log) error {
	entries := make([]Entry, len(logs))
	for i, l := range logs {
		data, err := json.Marshal(stored{Term: l.Term, Type: l.Type, Data: l.Data, Extensions: l.Extensions, At: l.AppendedAt})
		if err != nil {
			return fmt.Errorf("entry %d of the control log: %w", l.Index, err)
		}
		entries[i] = Entry{l.Index, data}
	}
	return s.log.Append(entries)
}

func (s logStore) DeleteRange(low, high uint64) error { return s.log.Delete(low, high) }

// IsMonotonic tells raft that the log has no gaps.
func (logStore) IsMonotonic() bool { return true }

// stableStore is a Stable as raft wants it.
type stableStore struct{ stable Stable }

func (s stableStore) Set(key, value []byte) error    { return s.stable.Set(string(key), value) }
func (s stableStore) Get(key []byte) ([]byte, error) { return s.stable.Get(string(key)) }
func (s stableStore) SetUint64(key []byte, v uint64) error {
	return s.stable.Set(string(key), binary.BigEndian.AppendUint64(nil, v))
}

func (s stableStore) GetUint64(key []byte) (uint64, error) {
	data, err := s.stable.Get(string(key))
	if err != nil || data == nil {
		return 0, err
	}
	if len(data) != 8 {
		return 0, fmt.Errorf("%s of the control log has %d bytes", key, len(data))
	}
	return binary.BigEndian.Uint64(data), nil
}
