package qpack

import "github.com/letteros/letteredge/edge/serve/section"

// Table is the static table with its names and values judged, once for a server.
type Table struct {
	lines [len(staticTable)]section.Line
}

// NewTable judges the static table.
func NewTable() *Table {
	t := &Table{}
	for i := range staticTable {
		t.lines[i] = section.NewLine(staticTable[i].name, staticTable[i].value)
	}
	return t
}

// Decode adds the lines of an encoded field section to s, which the caller has
// reset. It reports whether the block is one (RFC 9204 §4.5); whether it is a
// request, and within the limits, s says.
func (t *Table) Decode(block []byte, s *section.Section) bool {
	// §4.5.1: nothing has been inserted, so nothing can be required. A base is not
	// used then, but it must not be negative, which its sign would make it.
	required, block, ok := section.Int(block, 8)
	if !ok || required != 0 || len(block) == 0 || block[0]&0x80 != 0 {
		return false
	}
	if _, block, ok = section.Int(block, 7); !ok {
		return false
	}
	for len(block) > 0 {
		if block, ok = t.line(block, s); !ok {
			return false
		}
	}
	return true
}

// line decodes one field line representation and returns what follows it.
func (t *Table) line(b []byte, s *section.Section) ([]byte, bool) {
	switch c := b[0]; {
	case c&0xc0 == 0xc0: // §4.5.2, static
		i, rest, ok := section.Int(b, 6)
		if !ok || i >= len(t.lines) {
			return nil, false
		}
		s.AddLine(&t.lines[i])
		return rest, true
	case c&0xd0 == 0x50: // §4.5.4, the name static
		i, rest, ok := section.Int(b, 4)
		if !ok || i >= len(t.lines) {
			return nil, false
		}
		value, rest, ok := text(rest, s)
		if !ok {
			return nil, false
		}
		s.Add(t.lines[i].Name, value)
		return rest, true
	case c&0xe0 == 0x20: // §4.5.6
		raw, huffman, rest, ok := section.String(b, 3)
		if !ok {
			return nil, false
		}
		name, ok := s.Name(raw, huffman)
		if !ok {
			return nil, false
		}
		value, rest, ok := text(rest, s)
		if !ok {
			return nil, false
		}
		s.Add(name, value)
		return rest, true
	}
	return nil, false // the dynamic table, by §4.5.2 to §4.5.5
}

// text decodes a value.
func text(b []byte, s *section.Section) (string, []byte, bool) {
	raw, huffman, rest, ok := section.String(b, 7)
	if !ok {
		return "", nil, false
	}
	value, ok := s.Text(raw, huffman)
	return value, rest, ok
}
