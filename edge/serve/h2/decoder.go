package h2

import "github.com/letteros/letteredge/edge/serve/section"

// tableSize is how large the client may make the table of its lines: the default,
// so that it need not wait for our settings.
const tableSize = 4096

// decoder reads field blocks (RFC 7541) into sections. It allocates where a line
// enters the dynamic table, and nowhere else.
type decoder struct {
	static []section.Line
	// lines is the dynamic table, the newest last; those before first are gone.
	lines []section.Line
	first int
	size  int // of the lines, as RFC 7541 §4.1 counts
	max   int // what size may be, by the client's last update
	// changes counts what the client did to the table: a block means the same as
	// long as it stands.
	changes uint64
}

func newDecoder(static []section.Line) decoder { return decoder{static: static, max: tableSize} }

// decode reads one whole block. false: it cannot be read, and nothing that the
// client sends after it can.
func (d *decoder) decode(b []byte, s *section.Section) bool {
	for len(b) > 0 {
		var ok bool
		switch c := b[0]; {
		case c&0x80 != 0: // §6.1: an index
			b, ok = d.indexed(b, s)
		case c&0x40 != 0: // §6.2.1: a literal that enters the table
			b, ok = d.literal(b, 6, true, s)
		case c&0x20 != 0: // §6.3: only ahead of all lines
			var max int
			max, b, ok = section.Int(b, 5)
			if !ok || !s.Empty() || max > tableSize {
				return false
			}
			d.max = max
			d.changes++
			d.shrink(0)
		default: // §6.2.2, §6.2.3
			b, ok = d.literal(b, 4, false, s)
		}
		if !ok {
			return false
		}
	}
	return true
}

// line returns the line of an index; nil if there is none.
func (d *decoder) line(i int) *section.Line {
	switch {
	case i <= 0:
		return nil
	case i <= len(d.static):
		return &d.static[i-1]
	}
	at := len(d.lines) - (i - len(d.static))
	if at < d.first {
		return nil
	}
	return &d.lines[at]
}

func (d *decoder) indexed(b []byte, s *section.Section) ([]byte, bool) {
	i, rest, ok := section.Int(b, 7)
	if !ok {
		return nil, false
	}
	l := d.line(i)
	if l == nil {
		return nil, false
	}
	s.AddLine(l)
	return rest, true
}

func (d *decoder) literal(b []byte, bits uint, keep bool, s *section.Section) ([]byte, bool) {
	i, b, ok := section.Int(b, bits)
	if !ok {
		return nil, false
	}
	var name section.Name
	if i > 0 {
		l := d.line(i)
		if l == nil {
			return nil, false
		}
		name = l.Name
	} else {
		var raw []byte
		var huffman bool
		if raw, huffman, b, ok = section.String(b, 7); !ok {
			return nil, false
		}
		if name, ok = s.Name(raw, huffman); !ok {
			return nil, false
		}
	}
	raw, huffman, b, ok := section.String(b, 7)
	if !ok {
		return nil, false
	}
	value, ok := s.Text(raw, huffman)
	if !ok {
		return nil, false
	}
	if keep {
		d.insert(name, value)
	}
	s.Add(name, value)
	return b, true
}

// insert adds a line to the table; one that is larger than the table empties it
// (§4.4).
func (d *decoder) insert(name section.Name, value string) {
	l := section.Keep(name, value)
	d.changes++
	d.shrink(l.Size())
	if l.Size() > d.max {
		return
	}
	d.size += l.Size()
	d.lines = append(d.lines, l)
}

// shrink makes room for more bytes.
func (d *decoder) shrink(more int) {
	for d.size+more > d.max && d.first < len(d.lines) {
		d.size -= d.lines[d.first].Size()
		d.lines[d.first] = section.Line{}
		d.first++
	}
	if d.first > len(d.lines)/2 && d.first > 16 || d.first == len(d.lines) {
		n := copy(d.lines, d.lines[d.first:])
		clear(d.lines[n:])
		d.lines, d.first = d.lines[:n], 0
	}
}
