package section

import (
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/serve/gate"
)

var _ edge.Fields = (*Section)(nil)

// Section is one header section as its decoder finds it, and then the fields of
// the request. Whoever serves it owns it: a section that leaves its connection's
// goroutine is replaced there by another.
//
// Texts that the decoder makes live in the section's arena until Reset; those of
// a table live by themselves.
type Section struct {
	maxSize, maxLines int

	arena []byte
	lines []field // what the core may see
	head  Head
	seen  [Priority + 1]uint16 // how often each kind came; Other is not counted
	size  int
	count int
	fault string // why this is no request, "" if it may be one
}

// field is one line as the core sees it.
type field struct {
	name, value string
	kind        Kind
}

const (
	maxKeptArena = 8 << 10
	maxKeptLines = 128
)

// Limit bounds the section, by its size as its protocol counts it and by its number
// of lines.
func (s *Section) Limit(size, lines int) { s.maxSize, s.maxLines = size, lines }

// Reset makes the section empty, and keeps its memory unless that is large.
func (s *Section) Reset() {
	if cap(s.arena) > maxKeptArena {
		s.arena = nil
	}
	if cap(s.lines) > maxKeptLines {
		s.lines = nil
	}
	clear(s.lines)
	s.arena, s.lines = s.arena[:0], s.lines[:0]
	s.head = Head{Length: -1}
	s.seen = [len(s.seen)]uint16{}
	s.size, s.count, s.fault = 0, 0, ""
}

// Text decodes a string literal into the arena; false where its coding is broken.
func (s *Section) Text(raw []byte, huffman bool) (string, bool) {
	b, ok := s.put(raw, huffman)
	return gate.View(b), ok
}

// Name decodes a field name into the arena and judges it.
func (s *Section) Name(raw []byte, huffman bool) (Name, bool) {
	b, ok := s.put(raw, huffman)
	if !ok {
		return Name{}, false
	}
	kind, bad := judgeName(b)
	return Name{Text: gate.View(b), Kind: kind, Bad: bad}, true
}

// put appends to the arena. Where that moves, what was put there before keeps the
// old memory.
func (s *Section) put(raw []byte, huffman bool) ([]byte, bool) {
	from, ok := len(s.arena), true
	if huffman {
		s.arena, ok = appendHuffman(s.arena, raw)
	} else {
		s.arena = append(s.arena, raw...)
	}
	return s.arena[from:len(s.arena):len(s.arena)], ok
}

// Add adds a line of a decoded name and value.
func (s *Section) Add(n Name, value string) {
	s.add(n, value, badValue(value), len(n.Text)+len(value)+overhead)
}

// AddLine adds a line of a table.
func (s *Section) AddLine(l *Line) { s.add(l.Name, l.Value, l.bad, l.size) }

// Over reports whether the section is larger than allowed. What is over the limit
// is decoded, as the tables depend on it, but not kept.
func (s *Section) Over() bool { return s.size > s.maxSize || s.count > s.maxLines }

// Empty reports whether no line has come yet.
func (s *Section) Empty() bool { return s.count == 0 }

func (s *Section) add(n Name, value string, badValue bool, size int) {
	s.size += size
	s.count++
	switch {
	case s.Over() || s.fault != "":
		return
	case n.Bad:
		s.fault = "a field name is none"
		return
	case badValue:
		s.fault = "a field value holds what none may"
		return
	}
	if n.Kind == Other {
		s.lines = append(s.lines, field{n.Text, value, Other})
		return
	}
	s.seen[n.Kind]++
	if n.Kind.pseudo() {
		s.addPseudo(n.Kind, value)
		return
	}
	s.addKnown(n, value)
}

// Get returns the first value of a field.
func (s *Section) Get(canonical string) string {
	for i := range s.lines {
		if s.lines[i].name == canonical {
			return s.lines[i].value
		}
	}
	return ""
}

// Has reports whether the field is there, empty or not.
func (s *Section) Has(canonical string) bool {
	for i := range s.lines {
		if s.lines[i].name == canonical {
			return true
		}
	}
	return false
}

// Each yields every value of a field, in order.
func (s *Section) Each(canonical string, yield func(string) bool) {
	for i := range s.lines {
		if s.lines[i].name == canonical && !yield(s.lines[i].value) {
			return
		}
	}
}

// Combined returns all values of a field as one.
func (s *Section) Combined(canonical string) string {
	var all string
	found := false
	for i := range s.lines {
		if s.lines[i].name != canonical {
			continue
		}
		if found {
			all += ", " + s.lines[i].value
			continue
		}
		all, found = s.lines[i].value, true
	}
	return all
}

// All yields every line in the order it came.
func (s *Section) All(yield func(name, value string) bool) {
	for i := range s.lines {
		if !yield(s.lines[i].name, s.lines[i].value) {
			return
		}
	}
}
