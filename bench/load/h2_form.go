package load

import (
	"encoding/binary"
	"strings"

	"golang.org/x/net/http2/hpack"
)

// h2Form is how requests are written on one HTTP/2 connection. Fields that are
// the same in all of them enter the server's dynamic table with the first
// request and are two bytes each from then on, as they are of a browser; the
// path is a literal that is not indexed, as it is of most.
type h2Form struct {
	host  string
	head  []byte // :method and :scheme
	first []byte // host and fields of the first request; nil once it was sent
	later []byte
}

// HPACK's static table (RFC 7541 appendix A), and where the dynamic one begins.
const (
	staticAuthority = 1
	staticGET       = 2
	staticMethod    = 2
	staticPath      = 4
	staticHTTPS     = 7
	firstDynamic    = 62
	entryOverhead   = 32 // bytes that an entry counts beside its strings (RFC 7541 §4.1)
	defaultTable    = 4096
)

func newH2Form(p *plan, host string, tableSize uint32) *h2Form {
	f := &h2Form{host: host, head: []byte{0x80 | staticGET}}
	if p.Method != "GET" {
		f.head = append(appendInteger(nil, 0, 4, staticMethod), stringOf(p.Method)...)
	}
	f.head = append(f.head, 0x80|staticHTTPS)
	fields := []Field{{":authority", host}}
	agent := true
	for _, h := range p.Header {
		if h.is("Host") {
			continue
		}
		agent = agent && !h.is("User-Agent")
		fields = append(fields, Field{strings.ToLower(h.Name), h.Value})
	}
	if agent {
		fields = append(fields, Field{"user-agent", userAgent})
	}
	size := 0
	for _, h := range fields {
		size += len(h.Name) + len(h.Value) + entryOverhead
	}
	if size > int(min(tableSize, defaultTable)) {
		f.literal(fields, tableSize)
		return f
	}
	for i, h := range fields {
		f.first = appendLiteral(f.first, 0x40, 6, h)
		f.later = appendInteger(f.later, 0x80, 7, uint64(firstDynamic+len(fields)-1-i))
	}
	return f
}

// literal is the form for a table that does not hold the fields.
func (f *h2Form) literal(fields []Field, tableSize uint32) {
	for _, h := range fields {
		f.later = appendLiteral(f.later, 0, 4, h)
	}
	if tableSize < defaultTable {
		// RFC 7541 §4.2: a smaller table is acknowledged at the start of the next block.
		f.head = append(appendInteger(nil, 0x20, 5, uint64(tableSize)), f.head...)
	}
}

// appendRequest appends the HEADERS frame of a request.
func (f *h2Form) appendRequest(out []byte, id uint32, t *target) []byte {
	at := len(out)
	out = append(out, make([]byte, frameHead)...)
	out = append(out, f.head...)
	out = append(out, t.h2path...)
	rest := f.later
	if f.first != nil {
		rest, f.first = f.first, nil
	}
	out = append(out, rest...)
	putFrameHead(out[at:], len(out)-at-frameHead, frameHeaders, flagEndStream|flagEndHeaders, id)
	return out
}

// h2Path is the field line of a target's path.
func h2Path(path string) []byte {
	return append(appendInteger(nil, 0, 4, staticPath), stringOf(path)...)
}

// appendLiteral appends a field line whose name is a literal (RFC 7541 §6.2).
func appendLiteral(out []byte, kind byte, prefix uint, f Field) []byte {
	if f.Name == ":authority" {
		return append(appendInteger(out, kind, prefix, staticAuthority), stringOf(f.Value)...)
	}
	out = appendInteger(out, kind, prefix, 0)
	return append(append(out, stringOf(f.Name)...), stringOf(f.Value)...)
}

// stringOf is a string literal, Huffman-coded where that is shorter (RFC 7541 §5.2).
func stringOf(s string) []byte {
	if n := hpack.HuffmanEncodeLength(s); n < uint64(len(s)) {
		return hpack.AppendHuffmanString(appendInteger(nil, 0x80, 7, n), s)
	}
	return append(appendInteger(nil, 0, 7, uint64(len(s))), s...)
}

// appendInteger appends an integer with a prefix of some bits (RFC 7541 §5.1).
func appendInteger(out []byte, kind byte, prefix uint, n uint64) []byte {
	most := uint64(1)<<prefix - 1
	if n < most {
		return append(out, kind|byte(n))
	}
	return binary.AppendUvarint(append(out, kind|byte(most)), n-most)
}
