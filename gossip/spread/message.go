package spread

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/letteros/letteredge/gossip"
)

// version begins every message. A node of another one is not understood, and
// says so in its statistics, not in its behaviour.
const version = 1

// part is what a message is made of.
type part struct {
	kind byte
	data []byte
}

// The kinds of parts.
const (
	partEnvelope byte = 'E' // a gossip.Envelope
	partFanOut   byte = 'G' // pass the envelopes on in your region
	partDigest   byte = 'D' // digest, in its binary form
	partSkipped  byte = 'S' // what of the asked is not kept any more
	partMore     byte = 'M' // there is more: ask again
	partProbe    byte = 'P' // eight bytes: a nonce
)

const maxParts = 4096

// digest says what a node has.
type digest struct {
	Vector  gossip.Vector
	Index   uint64
	Reports map[gossip.Source]uint64 // the number of the latest of each process
	Want    bool                     // tell me, and ask me back
}

// skipped says up to where entries of sources are not kept.
type skipped struct {
	UpTo gossip.Vector `json:"up_to"`
}

func encode(parts ...part) []byte {
	n := 1
	for _, p := range parts {
		n += 1 + binary.MaxVarintLen32 + len(p.data)
	}
	b := append(make([]byte, 0, n), version)
	for _, p := range parts {
		b = append(b, p.kind)
		b = binary.AppendUvarint(b, uint64(len(p.data)))
		b = append(b, p.data...)
	}
	return b
}

// decode returns views of message.
func decode(message []byte) ([]part, error) {
	if len(message) > MaxMessage {
		return nil, fmt.Errorf("message: has %d bytes, at most %d are allowed", len(message), MaxMessage)
	}
	if len(message) == 0 || message[0] != version {
		return nil, errors.New("message: is of another version")
	}
	var parts []part
	for rest := message[1:]; len(rest) > 0; {
		n, used := binary.Uvarint(rest[1:])
		if used <= 0 || n > uint64(len(rest)-1-used) || len(parts) == maxParts {
			return nil, errors.New("message: is cut short, or has too many parts")
		}
		end := 1 + used + int(n)
		parts = append(parts, part{rest[0], rest[1+used : end : end]})
		rest = rest[end:]
	}
	return parts, nil
}

func jsonPart(kind byte, v any) part {
	data, err := json.Marshal(v)
	if err != nil { // cannot be: maps of texts and numbers
		return part{kind, []byte("{}")}
	}
	return part{kind, data}
}
