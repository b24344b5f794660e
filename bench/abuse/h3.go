package abuse

import (
	"context"
	"strings"

	"github.com/quic-go/qpack"
	"github.com/quic-go/quic-go/quicvarint"
)

// Codes, frames and stream types (RFC 9114 §7.2, §8.1, RFC 9218 §7.2).
const (
	noError          = 0x100
	requestCancelled = 0x10c

	frameData           = 0x0
	frameHeaders        = 0x1
	frameSettings       = 0x4
	frameGoAway         = 0x7
	frameMaxPushID      = 0xd
	framePriorityUpdate = 0xf0700
	frameUnknown        = 0x21

	controlStream = "\x00"
	unknownStream = "\x21"
)

// H3 is what an abusive client of HTTP/3 does on one connection. It returns when it
// has done all, or the server has ended the connection, with the last stream that it
// left open, if any.
type H3 struct {
	Name string
	Do   func(ctx context.Context, c *Conn) (last *Stream, err error)
}

// frame is one frame on the wire.
func frame(typ uint64, payload string) string {
	return ints(typ, uint64(len(payload))) + payload
}

// ints are integers of RFC 9000 §16.
func ints(values ...uint64) string {
	var b []byte
	for _, v := range values {
		b = quicvarint.Append(b, v)
	}
	return string(b)
}

// section encodes lines.
func section(lines ...string) string {
	var b strings.Builder
	e := qpack.NewEncoder(&b)
	for i := 0; i < len(lines); i += 2 {
		_ = e.WriteField(qpack.HeaderField{Name: lines[i], Value: lines[i+1]}) // a builder takes all
	}
	return b.String()
}

// request is a HEADERS frame.
func request(method, target string, more ...string) string {
	return frame(frameHeaders, section(append([]string{":method", method, ":scheme", "https", ":authority", "edge.test", ":path", target}, more...)...))
}

// settings are an ordinary client's: no table, no blocked stream.
func settings() string { return frame(frameSettings, ints(0x1, 0, 0x7, 0)) }
