package control

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/hashicorp/raft"

	"github.com/letteros/letteredge/gossip"
)

// machine applies the log to the records.
type machine struct{ records *gossip.Records }

// Apply returns a gossip.Outcome. What is no transaction is applied by nobody,
// and so everywhere the same.
func (m machine) Apply(l *raft.Log) any {
	var txn gossip.Txn
	if err := json.Unmarshal(l.Data, &txn); err != nil {
		m.records.Advance(l.Index)
		return gossip.Outcome{Index: l.Index}
	}
	return m.records.Apply(l.Index, txn)
}

func (m machine) Snapshot() (raft.FSMSnapshot, error) {
	data, err := m.records.Snapshot()
	return image(data), err
}

func (m machine) Restore(from io.ReadCloser) error {
	defer from.Close()
	data, err := io.ReadAll(io.LimitReader(from, maxImage+1))
	if err != nil {
		return fmt.Errorf("restore the control log: %w", err)
	}
	if len(data) > maxImage {
		return fmt.Errorf("restore the control log: the snapshot has more than %d bytes", maxImage)
	}
	return m.records.Restore(data)
}

// maxImage bounds a snapshot.
const maxImage = 1 << 30

// image is a snapshot on its way to the disk.
type image []byte

func (i image) Persist(sink raft.SnapshotSink) error {
	if _, err := sink.Write(i); err != nil {
		_ = sink.Cancel() // the write's error tells more
		return err
	}
	return sink.Close()
}

func (image) Release() {}
