package edge

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"github.com/letteros/letteredge/edge/freshness"
)

// errPin says that bytes are no pin of this version, or a damaged one.
var errPin = errors.New("not a pin of this version, or a damaged one")

// A pin is the version, the parts of a slot in fixed order, and the first 16
// bytes of the SHA-256 of all that: what a disk has changed must not be shown.
// Numbers are varints; texts, and lists of them, have their length before them.
const (
	pinVersion  = 1
	pinSum      = 16
	maxPinItems = 4096 // of one list
)

const (
	pinSettled = 1 << iota
	pinNoTransform
	pinImmutable
	pinHeuristic
	pinValidator
	pinDate
)

// appendPin writes a slot, and the position of the purges that it is held against.
func appendPin(dst []byte, s *Slot, position []byte) []byte {
	from := len(dst)
	b := append(dst, pinVersion)
	text := func(t string) { b = append(binary.AppendUvarint(b, uint64(len(t))), t...) }
	list := func(l []string) {
		b = binary.AppendUvarint(b, uint64(len(l)))
		for _, t := range l {
			text(t)
		}
	}
	text(string(position))
	text(s.Vector)
	text(s.Variant())
	list(s.Vary())
	list(s.Tags())
	var flags uint64
	for _, f := range []struct {
		set bool
		bit uint64
	}{
		{s.Settled, pinSettled}, {s.Rules.NoTransform, pinNoTransform}, {s.Rules.Immutable, pinImmutable},
		{s.Rules.Heuristic, pinHeuristic}, {s.Rules.HasValidator, pinValidator}, {s.Rules.HasDate, pinDate},
	} {
		if f.set {
			flags |= f.bit
		}
	}
	b = binary.AppendUvarint(b, flags)
	for _, d := range []time.Duration{s.Rules.Lifetime, s.Rules.InitialAge, s.Rules.SWR, s.Rules.SIE} {
		b = binary.AppendVarint(b, int64(d))
	}
	b = binary.AppendVarint(b, s.ReceivedAt.UnixNano())
	art := s.Art.unpack()
	b = binary.AppendUvarint(b, uint64(art.Status))
	b = binary.AppendUvarint(b, uint64(len(art.Fields)))
	for _, f := range art.Fields {
		text(f.Name)
		text(f.Value)
	}
	for _, t := range []string{art.ETag, art.LastModified, art.upstreamETag, art.control} {
		text(t)
	}
	b = append(binary.AppendUvarint(b, uint64(len(art.Body))), art.Body...)
	return append(b[:from], sealPin(b[from:])...)
}

// sealPin puts the sum behind a pin.
func sealPin(b []byte) []byte {
	sum := sha256.Sum256(b)
	return append(b, sum[:pinSum]...)
}

// decodePin reads what appendPin has written. The slot has no stamp, and shares
// no memory with data.
func decodePin(data []byte) (*Slot, []byte, error) {
	if len(data) < 1+pinSum || data[0] != pinVersion {
		return nil, nil, errPin
	}
	end := len(data) - pinSum
	sum := sha256.Sum256(data[:end])
	if !bytes.Equal(sum[:pinSum], data[end:]) {
		return nil, nil, errPin
	}
	r := pinReader{b: data[1:end]}
	position := r.bytes()
	s := &Slot{Vector: r.text()}
	names := &beside{variant: r.text(), vary: r.list(), tags: r.list()}
	flags := r.uint()
	s.Settled = flags&pinSettled != 0
	s.Rules = freshness.Terms{
		Storable: true, NoTransform: flags&pinNoTransform != 0, Immutable: flags&pinImmutable != 0, Heuristic: flags&pinHeuristic != 0,
		HasValidator: flags&pinValidator != 0, HasDate: flags&pinDate != 0,
		Lifetime: time.Duration(r.int()), InitialAge: time.Duration(r.int()), SWR: time.Duration(r.int()), SIE: time.Duration(r.int()),
	}
	s.ReceivedAt = time.Unix(0, r.int())
	var a draft
	a.Status = int(r.uint())
	for range r.count() {
		a.Fields = append(a.Fields, Field{r.text(), r.text()})
	}
	a.ETag, a.LastModified, a.upstreamETag, a.control = r.text(), r.text(), r.text(), r.text()
	a.Body = r.bytes()
	if r.bad || len(r.b) != 0 || a.Status < 200 || a.Status > 599 {
		return nil, nil, errPin
	}
	s.Art = a.pack()
	if names.variant != "" || names.vary != nil || names.tags != nil {
		s.beside = names
	}
	return s, position, nil
}

// pinReader reads the parts of a pin; bad once something was not there.
type pinReader struct {
	b   []byte
	bad bool
}

func (r *pinReader) fail() {
	r.b, r.bad = nil, true
}

func (r *pinReader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *pinReader) int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *pinReader) count() uint64 {
	n := r.uint()
	if n > maxPinItems || n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return n
}

func (r *pinReader) bytes() []byte {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	b := bytes.Clone(r.b[:n:n])
	r.b = r.b[n:]
	return b
}

func (r *pinReader) text() string { return string(r.bytes()) }

func (r *pinReader) list() []string {
	n := r.count()
	if n == 0 {
		return nil
	}
	list := make([]string, 0, n)
	for range n {
		list = append(list, r.text())
	}
	return list
}
