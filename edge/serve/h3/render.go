package h3

import (
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/serve/gate"
	"github.com/letteros/letteredge/edge/serve/h3/qpack"
)

// headRoom is the type of a HEADERS frame and a length of two bytes, which hold all
// but the largest sections; those are moved.
const headRoom = 3

// beginHead begins a HEADERS frame in r.out.
func (r *request) beginHead(status int) {
	r.out = append(r.out[:0], frameHeaders, 0, 0)
	r.out = qpack.AppendStatus(qpack.AppendPrefix(r.out), status)
}

// endHead fills in its length.
func (r *request) endHead() {
	n := len(r.out) - headRoom
	if n < 1<<14 {
		binary.BigEndian.PutUint16(r.out[1:], uint16(n)|1<<14)
		return
	}
	r.out = slices.Insert(r.out, 1, 0, 0)
	binary.BigEndian.PutUint32(r.out[1:], uint32(n)|2<<30)
}

// appendHead writes the header section of the reply into r.out, with a Content-Length
// unless length is negative.
func (r *request) appendHead(length int64) {
	rep := &r.Rep
	r.beginHead(rep.Status)
	dated := false
	if rep.Art != nil {
		dated = r.appendArtifact()
	}
	for i := range rep.Passed {
		if f := &rep.Passed[i]; !gate.OwnLine(f.Name) {
			r.out = qpack.AppendLine(r.out, f.Name, gate.Bytes(f.Value))
			dated = dated || f.Name == "Date"
		}
	}
	for _, l := range rep.Extra.Lines() {
		r.out = qpack.AppendLine(r.out, l.Name, l.Value)
	}
	if length >= 0 {
		r.appendLength(length)
	}
	for _, name := range gate.Announced(&r.Exchange) {
		r.out = qpack.AppendShort(r.out, "Trailer", name)
	}
	if !dated {
		r.out = append(r.out, r.c.srv.date.Line(r.Now, encodeDate)...)
	}
	r.endHead()
}

func (r *request) appendLength(length int64) {
	var b [20]byte
	r.out = qpack.AppendLine(r.out, "Content-Length", strconv.AppendInt(b[:0], length, 10))
}

// appendArtifact writes the stored lines, and reports whether Date is among them.
func (r *request) appendArtifact() (dated bool) {
	rep := &r.Rep
	if rep.Skip == 0 {
		form := rep.Art.Form(edge.H3, encodeForm)
		r.out = append(r.out, form[1:]...)
		return form[0] == formDated
	}
	for name, value := range rep.Art.All {
		if !rep.Skip.Has(name) && !gate.OwnLine(name) {
			r.out = qpack.AppendShort(r.out, name, value)
			dated = dated || name == "Date"
		}
	}
	return dated
}

// formDated begins the form of an artifact that brings its Date.
const formDated = 1

// encodeForm writes an artifact's lines as field line representations, behind a byte
// that tells whether Date is among them. They refer to the static table alone, so
// that they are good for every connection.
func encodeForm(a *edge.Artifact) []byte {
	form := []byte{0}
	for name, value := range a.All {
		if gate.OwnLine(name) {
			continue
		}
		form = qpack.AppendShort(form, name, value)
		if name == "Date" {
			form[0] = formDated
		}
	}
	return slices.Clip(form)
}

// appendRefusal writes the header section of a problem.
func (r *request) appendRefusal(status, length int) {
	r.beginHead(status)
	r.out = qpack.AppendLine(r.out, "Content-Type", gate.Bytes("application/problem+json"))
	r.out = qpack.AppendShort(r.out, "Cache-Control", "no-store")
	r.appendLength(int64(length))
	r.out = append(r.out, r.c.srv.date.Line(r.Now, encodeDate)...)
	r.endHead()
}

// appendInterim writes an interim response.
func appendInterim(dst []byte, status int, fields []edge.Field) []byte {
	block := qpack.AppendStatus(qpack.AppendPrefix(nil), status)
	for _, f := range fields {
		if !gate.OwnLine(f.Name) {
			block = qpack.AppendShort(block, f.Name, f.Value)
		}
	}
	dst = appendVarint(append(dst, frameHeaders), uint64(len(block)))
	return append(dst, block...)
}

// encodeDate writes a Date line.
func encodeDate(value string) []byte { return qpack.AppendShort(nil, "Date", value) }
