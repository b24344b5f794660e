package swim

import (
	"encoding/json"
	"fmt"

	"github.com/letteros/letteredge/gossip"
)

// Meta is what a node tells of itself, and is not to be believed without proof.
type Meta struct {
	Region      string `json:"r"`
	Incarnation uint64 `json:"i"`
	Peer        string `json:"p"` // where its peers reach it, host:port
}

// maxMeta is memberlist's bound; above it the library panics.
const maxMeta = 512

func (m Meta) encode() ([]byte, error) {
	b, err := json.Marshal(m)
	if err == nil && len(b) > maxMeta {
		err = fmt.Errorf("has %d bytes, at most %d are allowed", len(b), maxMeta)
	}
	if err != nil {
		return nil, fmt.Errorf("meta data: %w", err)
	}
	return b, nil
}

func decodeMeta(b []byte) (Meta, error) {
	var m Meta
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("meta data: %w", err)
	}
	if !gossip.ValidNode(m.Region) || len(m.Peer) > 256 {
		return m, fmt.Errorf("meta data: %q is no region", m.Region)
	}
	return m, nil
}
