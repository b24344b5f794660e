package h2

import (
	"strconv"
	"time"

	"golang.org/x/net/http2/hpack"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/serve/gate"
	"github.com/letteros/letteredge/edge/serve/section"
)

// Answers use the static table and literals that enter no table: a block is then
// the same on every connection, and a stored one is copied as it is. Stored
// blocks are Huffman coded, what is made for one answer is not.

// A stored block begins with a flag.
const (
	blockDated   = 0
	blockUndated = 1 // it has no Date
)

// bake writes the lines of a stored artifact.
func bake(a *edge.Artifact) []byte {
	b := []byte{blockUndated}
	for name, value := range a.All {
		if gate.OwnLine(name) {
			continue
		}
		if name == "Date" {
			b[0] = blockDated
		}
		b = appendText(appendName(b, name, true), value, true)
	}
	return append(make([]byte, 0, len(b)), b...) // it is kept, and counted
}

// appendFields writes the field block of an answer. length is the Content-Length,
// none if it is negative.
func (s *Server) appendFields(b []byte, x *edge.Exchange, length int64, now time.Time) []byte {
	rep := &x.Rep
	b = appendStatus(b, rep.Status)
	dated := false
	switch {
	case rep.Art == nil:
	case rep.Skip == 0:
		block := rep.Art.Form(edge.H2, bake)
		dated = block[0] == blockDated
		b = append(b, block[1:]...)
	default:
		for name, value := range rep.Art.All {
			if !rep.Skip.Has(name) {
				b, dated = appendOthers(b, name, value, dated)
			}
		}
	}
	for i := range rep.Passed {
		b, dated = appendOthers(b, rep.Passed[i].Name, rep.Passed[i].Value, dated)
	}
	lines := rep.Extra.Lines()
	for i := range lines {
		b = appendName(b, lines[i].Name, false)
		b = section.AppendInt(b, 0, 7, len(lines[i].Value))
		b = append(b, lines[i].Value...)
	}
	if length >= 0 {
		b = appendLength(b, length)
	}
	for _, name := range gate.Announced(x) {
		b = appendText(appendName(b, "Trailer", false), name, false)
	}
	b = append(b, s.altSvc...)
	if !dated {
		b = append(b, s.date.Line(now, encodeDate)...)
	}
	return b
}

// encodeDate writes a Date line.
func encodeDate(value string) []byte { return appendText(appendName(nil, "Date", false), value, false) }

// appendOthers writes a line of an origin, unless it is this connection's own.
func appendOthers(b []byte, name, value string, dated bool) ([]byte, bool) {
	if gate.OwnLine(name) {
		return b, dated
	}
	return appendText(appendName(b, name, false), value, false), dated || name == "Date"
}

func appendStatus(b []byte, status int) []byte {
	switch status {
	case 200:
		return append(b, 0x80|8)
	case 204:
		return append(b, 0x80|9)
	case 206:
		return append(b, 0x80|10)
	case 304:
		return append(b, 0x80|11)
	case 400:
		return append(b, 0x80|12)
	case 404:
		return append(b, 0x80|13)
	case 500:
		return append(b, 0x80|14)
	}
	return append(b, 8, 3, '0'+byte(status/100%10), '0'+byte(status/10%10), '0'+byte(status%10))
}

func appendLength(b []byte, n int64) []byte {
	b = append(b, 0x0f, 28-0x0f, 0)
	at := len(b)
	b = strconv.AppendInt(b, n, 10)
	b[at-1] = byte(len(b) - at)
	return b
}

// appendName begins a literal line. Names that answers are made with are written
// from constants.
func appendName(b []byte, canonical string, huffman bool) []byte {
	if i := staticIndex(canonical); i > 0 {
		return section.AppendInt(b, 0, 4, i)
	}
	if !huffman {
		switch canonical {
		case "Cache-Status":
			return append(b, "\x00\x0ccache-status"...)
		case "Server-Timing":
			return append(b, "\x00\x0dserver-timing"...)
		case "Ratelimit":
			return append(b, "\x00\x09ratelimit"...)
		case "Ratelimit-Policy":
			return append(b, "\x00\x10ratelimit-policy"...)
		case "Edge-Degraded":
			return append(b, "\x00\x0dedge-degraded"...)
		}
	}
	var lower [64]byte
	name := append(lower[:0], canonical...)
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			name[i] = c + ('a' - 'A')
		}
	}
	b = append(b, 0)
	if huffman {
		return appendText(b, string(name), true)
	}
	b = section.AppendInt(b, 0, 7, len(name))
	return append(b, name...)
}

func appendText(b []byte, v string, huffman bool) []byte {
	if huffman {
		if n := int(hpack.HuffmanEncodeLength(v)); n < len(v) {
			return hpack.AppendHuffmanString(section.AppendInt(b, 0x80, 7, n), v)
		}
	}
	return append(section.AppendInt(b, 0, 7, len(v)), v...)
}
