package serve

import (
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/serve/gate"
)

var _ edge.Fields = (*h1Fields)(nil)

// h1Fields are the field lines of an HTTP/1.1 request, found in its raw header
// section by one strict pass (h1gate.go). The section is the single truth:
// fasthttp's own header keeps some fields apart, loses repeated ones and
// re-serialises cookies.
//
// What the transport itself consumes is not among them, as in HTTP/2 and
// HTTP/3: Host, Content-Length, Transfer-Encoding, Trailer, Expect.
type h1Fields struct {
	raw   []byte
	lines []h1Line
	// lengths has a bit for each length of a name: a hit asks for a dozen fields,
	// most of which no request has.
	lengths uint64
	framing h1Framing
}

func lengthBit(n int) uint64 { return 1 << min(n, 63) }

// lacks reports whether surely no line has that name.
func (f *h1Fields) lacks(canonical string) bool { return f.lengths&lengthBit(len(canonical)) == 0 }

// h1Line is one field line as offsets into raw.
type h1Line struct{ name, nameEnd, value, valueEnd uint32 }

// maxKeptLines bounds what a pooled request keeps.
const maxKeptLines = 256

func (f *h1Fields) reset() {
	f.raw, f.lengths, f.framing = nil, 0, h1Framing{}
	if cap(f.lines) > maxKeptLines {
		f.lines = nil
	}
	f.lines = f.lines[:0]
}

func (f *h1Fields) name(i int) string {
	return gate.View(f.raw[f.lines[i].name:f.lines[i].nameEnd])
}

func (f *h1Fields) value(i int) string {
	return gate.View(f.raw[f.lines[i].value:f.lines[i].valueEnd])
}

// Get returns the first value of a field.
func (f *h1Fields) Get(canonical string) string {
	if f.lacks(canonical) {
		return ""
	}
	for i := range f.lines {
		if f.name(i) == canonical {
			return f.value(i)
		}
	}
	return ""
}

// Has reports whether the field is there, empty or not.
func (f *h1Fields) Has(canonical string) bool {
	if f.lacks(canonical) {
		return false
	}
	for i := range f.lines {
		if f.name(i) == canonical {
			return true
		}
	}
	return false
}

// Each yields every value of a field, in order.
func (f *h1Fields) Each(canonical string, yield func(string) bool) {
	if f.lacks(canonical) {
		return
	}
	for i := range f.lines {
		if f.name(i) == canonical && !yield(f.value(i)) {
			return
		}
	}
}

// Combined returns all values of a field as one.
func (f *h1Fields) Combined(canonical string) string {
	if f.lacks(canonical) {
		return ""
	}
	var all string
	found := false
	for i := range f.lines {
		if f.name(i) != canonical {
			continue
		}
		if found {
			all += ", " + f.value(i)
			continue
		}
		all, found = f.value(i), true
	}
	return all
}

// All yields every line in the order it came.
func (f *h1Fields) All(yield func(name, value string) bool) {
	for i := range f.lines {
		if !yield(f.name(i), f.value(i)) {
			return
		}
	}
}
