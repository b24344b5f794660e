package serve

import (
	"bytes"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/letteros/letteredge/edge/serve/gate"
)

// The strict gate in front of HTTP/1.1. fasthttp accepts forms that other
// implementations read in another way, which is how requests are smuggled past
// one of them (DEPENDENCIES §1.3); all of these are refused here, and the
// connection is closed, so that what follows on it is never read as a request.
//
// Refused by fasthttp already: no or several Host, several or malformed
// Content-Length, transfer codings other than chunked and identity, those on
// HTTP/1.0, white space before the colon, bare CR and other controls.

// checkH1 checks the start line and the framing of a request, and finds its field
// lines in f.
func checkH1(h *fasthttp.RequestHeader, f *h1Fields, maxBody int64) gate.Refusal {
	if p := h.Protocol(); string(p) != "HTTP/1.1" && string(p) != "HTTP/1.0" {
		return gate.Refuse(505, "version", "this listener speaks HTTP/1.0 and HTTP/1.1")
	}
	if bad := f.scan(h.RawHeaders()); bad.Refused() {
		return bad
	}
	if bad := gate.CheckTarget(gate.View(h.RequestURI())); bad.Refused() {
		return bad
	}
	if bad := gate.CheckHost(gate.View(h.Host())); bad.Refused() {
		return bad
	}
	if int64(h.ContentLength()) > maxBody {
		return gate.TooLarge(maxBody)
	}
	return gate.Refusal{}
}

// scan validates a raw header section, up to and with the empty line that ends
// it, makes its names canonical in place and notes its lines.
func (f *h1Fields) scan(raw []byte) gate.Refusal {
	f.raw, f.lines, f.lengths, f.framing = raw, f.lines[:0], 0, h1Framing{}
	framing := &f.framing
	for i := 0; i < len(raw); {
		if raw[i] == '\r' && i+2 == len(raw) && raw[i+1] == '\n' {
			break
		}
		n := canonicalName(raw[i:])
		if n <= 0 {
			return gate.Refuse(400, "fields", "a field line is a token, a colon and a value (RFC 9110 §5.1), and ends in CRLF")
		}
		line := h1Line{name: uint32(i), nameEnd: uint32(i + n)}
		i += n
		end := bytes.IndexByte(raw[i:], '\n')
		if end < 1 {
			return gate.Refuse(400, "fields", "a field line ends in CRLF")
		}
		end += i
		if raw[end-1] != '\r' {
			return gate.Refuse(400, "fields", "lines end in CRLF, not in a bare LF")
		}
		from, to := i+1, end-1
		for from < to && (raw[from] == ' ' || raw[from] == '\t') {
			from++
		}
		for to > from && (raw[to-1] == ' ' || raw[to-1] == '\t') {
			to--
		}
		line.value, line.valueEnd = uint32(from), uint32(to)
		i = end + 1
		if i < len(raw) && (raw[i] == ' ' || raw[i] == '\t') {
			return gate.Refuse(400, "fields", "line folding is obsolete (RFC 9112 §5.2)")
		}
		consumed, bad := framing.note(raw[line.name:line.nameEnd], raw[from:to])
		if bad.Refused() {
			return bad
		}
		if !consumed {
			f.lines = append(f.lines, line)
			f.lengths |= lengthBit(n)
		}
	}
	if framing.length && framing.coding {
		return gate.Refuse(400, "transfer-encoding", "not allowed together with Content-Length (RFC 9112 §6.1)")
	}
	return gate.Refusal{}
}

// h1Framing is what a header section says about its message's framing, and what
// else of it is the transport's own.
type h1Framing struct {
	length, coding bool
	other          bool // Expect or Trailer
	host           []byte
	hosts, lines   int // how many
}

// note reports whether a field is the transport's own business.
func (f *h1Framing) note(name, value []byte) (consumed bool, bad gate.Refusal) {
	f.lines++
	switch string(name) {
	case "Host":
		f.host = value
		f.hosts++
		return true, gate.Refusal{}
	case "Trailer":
		f.other = true
		return true, gate.Refusal{}
	case "Content-Length":
		f.length = true
		return true, gate.Refusal{}
	case "Transfer-Encoding":
		if f.coding || !strings.EqualFold(gate.View(value), "chunked") {
			return true, gate.Refuse(501, "transfer-encoding", "chunked, once, is the only transfer coding here")
		}
		f.coding = true
		return true, gate.Refusal{}
	case "Expect":
		f.other = true
		return true, gate.CheckExpect(gate.View(value))
	}
	return false, gate.Refusal{}
}

// tokenBytes maps the bytes of a token (RFC 9110 §5.6.2) to their lower case, all
// others to 0. Constant.
var tokenBytes = [256]byte{
	'!': '!', '#': '#', '$': '$', '%': '%', '&': '&', '\'': '\'', '*': '*', '+': '+',
	'-': '-', '.': '.', '^': '^', '_': '_', '`': '`', '|': '|', '~': '~',
	'0': '0', '1': '1', '2': '2', '3': '3', '4': '4', '5': '5', '6': '6', '7': '7', '8': '8', '9': '9',
	'a': 'a', 'b': 'b', 'c': 'c', 'd': 'd', 'e': 'e', 'f': 'f', 'g': 'g', 'h': 'h', 'i': 'i',
	'j': 'j', 'k': 'k', 'l': 'l', 'm': 'm', 'n': 'n', 'o': 'o', 'p': 'p', 'q': 'q', 'r': 'r',
	's': 's', 't': 't', 'u': 'u', 'v': 'v', 'w': 'w', 'x': 'x', 'y': 'y', 'z': 'z',
	'A': 'a', 'B': 'b', 'C': 'c', 'D': 'd', 'E': 'e', 'F': 'f', 'G': 'g', 'H': 'h', 'I': 'i',
	'J': 'j', 'K': 'k', 'L': 'l', 'M': 'm', 'N': 'n', 'O': 'o', 'P': 'p', 'Q': 'q', 'R': 'r',
	'S': 's', 'T': 't', 'U': 'u', 'V': 'v', 'W': 'w', 'X': 'x', 'Y': 'y', 'Z': 'z',
}

// canonicalName makes the field name at the start of line canonical, in place,
// and returns its length: up to a colon, or -1 where it is no token.
func canonicalName(line []byte) int {
	upper := true
	for i, b := range line {
		c := tokenBytes[b]
		if c == 0 {
			if b == ':' {
				return i
			}
			return -1
		}
		if upper && 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != b {
			line[i] = c
		}
		upper = c == '-'
	}
	return -1
}
