package edge

import (
	"io"

	"github.com/letteros/letteredge/quota"
)

// Field is one field line: a canonical name ("Cache-Control") and its value.
type Field struct{ Name, Value string }

// FieldList is the small list of field lines that are made for one answer
// (Age, Cache-Status, RateLimit…) over the exchange's scratch memory. It keeps its
// room from answer to answer, so that it allocates nothing.
type FieldList struct{ items []ExtraField }

// ExtraField is one line of a FieldList. Value is a view of the exchange's
// scratch and must not be kept.
type ExtraField struct {
	Name  string
	Value []byte
}

const maxExtra = 16

// Add appends a line. A line beyond maxExtra is dropped: the core adds at most a
// dozen, which a test holds.
func (l *FieldList) Add(name string, value []byte) {
	if l.items == nil {
		l.items = make([]ExtraField, 0, maxExtra)
	}
	if len(l.items) < maxExtra {
		l.items = append(l.items, ExtraField{name, value})
	}
}

// Lines returns the lines in order, as a view.
func (l *FieldList) Lines() []ExtraField { return l.items }

// Get returns the first line of that name, nil if there is none.
func (l *FieldList) Get(name string) []byte {
	for i := range l.items {
		if l.items[i].Name == name {
			return l.items[i].Value
		}
	}
	return nil
}

// Reply is a plan, not a writer: the transport puts it on the wire as Status,
// Art's fields, Extra's fields, a Content-Length and the content.
//
// Exactly one of Body and Stream may be set. For HEAD and 304 there is neither,
// but Length still says what GET would have sent (-1: say nothing).
type Reply struct {
	Status int
	// Art holds the stored, prerendered fields; nil for synthesised answers.
	Art *Artifact
	// Passed holds the field lines of an answer that is passed through without
	// being stored.
	Passed []Field
	// Skip are the fields of Art that this answer leaves out.
	Skip Skips
	// Body is the content: a view of Art's body, of a range of it, or a small
	// body of its own. Immutable.
	Body []byte
	// Stream is content that is not in memory, or not all of it yet, whether Art is
	// set or not; the transport closes it. Where it ends with an error but io.EOF,
	// the answer must not look whole.
	Stream io.ReadCloser
	// Length of the content in bytes; -1 if unknown.
	Length int64
	// Announced and Trailer are those of the Answer that Stream is of.
	Announced []string
	Trailer   func() []Field
	// Extra are the lines made for this answer.
	Extra FieldList
	Cache CacheStatus
	Quota quota.Decision
	// Degraded is the reason told in Edge-Degraded; "" if the answer is whole.
	Degraded string
}
