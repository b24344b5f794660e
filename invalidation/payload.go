package invalidation

import (
	"encoding/json"
	"fmt"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/gossip"
)

// MaxPayload is the longest purge that travels between nodes, in bytes: a stream
// message holds 1 MiB, its envelope included.
const MaxPayload = 900 << 10

// encode writes a purge as it travels: without its dot, which is the envelope's,
// and without a receipt. One that is too long gives a *cachekey.Error.
func encode(rec Record) ([]byte, error) {
	rec.Dot, rec.Applied = gossip.Dot{}, nil
	payload, err := json.Marshal(rec)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	if len(payload) > MaxPayload {
		return nil, &cachekey.Error{Status: 400, Field: "select", Reason: "is too long; send it in parts"}
	}
	return payload, nil
}

// decode is the inverse of encode for the purge of that dot.
func decode(dot gossip.Dot, payload []byte) (Record, error) {
	var raw recordJSON
	if len(payload) > MaxPayload {
		return Record{}, fmt.Errorf("purge %s: has %d bytes, at most %d are allowed", dot, len(payload), MaxPayload)
	}
	if err := json.Unmarshal(payload, &raw); err != nil {
		return Record{}, fmt.Errorf("purge %s: %w", dot, err)
	}
	raw.Applied = nil
	rec, err := raw.record(dot)
	if err != nil {
		return Record{}, fmt.Errorf("purge %s: %w", dot, err)
	}
	return rec, nil
}
