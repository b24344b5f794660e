package spread

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/letteros/letteredge/gossip"
)

// formReport begins the signed form of a report: a later form is told by it.
const formReport = 1

// The flags of a report.
const (
	flagReady byte = 1 << iota
	flagIsolated
)

// AppendBinary appends the form that is signed and sent. It is binary, as a node
// reads those of all others, most often of all that it reads.
func (r *Report) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, formReport)
	b, err := appendVector(b, r.Applied)
	if err != nil {
		return nil, err
	}
	b = binary.AppendUvarint(b, r.Index)
	var flags byte
	if r.Ready {
		flags |= flagReady
	}
	if r.Isolated {
		flags |= flagIsolated
	}
	b = append(b, flags)
	b = appendText(b, appendPeers(nil, r.Known))
	b = binary.AppendUvarint(b, uint64(len(r.Details)))
	for _, d := range r.Details {
		b = appendText(b, d.Dot.Node)
		b = binary.BigEndian.AppendUint64(b, d.Dot.Incarnation)
		b = binary.AppendUvarint(b, d.Dot.Seq)
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(d.AfterMS))
		counted := uint64(0) // none, or one more than they are
		if d.Entries != nil {
			counted = uint64(*d.Entries) + 1
		}
		b = binary.AppendUvarint(b, counted)
	}
	b = binary.AppendUvarint(b, uint64(len(r.Echo)))
	for _, node := range slices.Sorted(maps.Keys(r.Echo)) {
		b = appendText(b, node)
		b = binary.BigEndian.AppendUint64(b, r.Echo[node])
	}
	return b, nil
}

// unmarshal reads what AppendBinary wrote. former is an earlier report of the
// node, or nil: it mostly names the same nodes, which are then read once.
func (r *Report) unmarshal(data []byte, former *Report) error {
	p := parser{rest: data}
	if p.byte() != formReport {
		return errors.New("it is of another form")
	}
	r.Applied = p.vector()
	r.Index = p.uvarint()
	flags := p.byte()
	r.Ready, r.Isolated = flags&flagReady != 0, flags&flagIsolated != 0
	names := p.text()
	if former != nil && len(names) > 0 && string(former.names) == string(names) {
		r.Known, r.names = former.Known, former.names
	} else {
		r.Known, r.names = p.peers(names), slices.Clone(names)
	}
	for range p.count(maxDetails) {
		d := Detail{Dot: gossip.Dot{Node: p.node(), Incarnation: p.fixed64(), Seq: p.uvarint()}}
		d.AfterMS = math.Float64frombits(p.fixed64())
		if n := p.uvarint(); n > 0 {
			entries := int(min(n-1, math.MaxInt))
			d.Entries = &entries
		}
		if math.IsNaN(d.AfterMS) || math.IsInf(d.AfterMS, 0) {
			p.fail("a duration is none") // what is shown as JSON must be a number
		}
		r.Details = append(r.Details, d)
	}
	if n := p.count(maxKnown); n > 0 {
		r.Echo = make(map[string]uint64, min(n, 64))
		for range n {
			node := p.node()
			r.Echo[node] = p.fixed64()
		}
	}
	return p.end()
}

// AppendBinary appends the form that is sent.
func (d *digest) AppendBinary(b []byte) ([]byte, error) {
	want := byte(0)
	if d.Want {
		want = 1
	}
	b = binary.AppendUvarint(append(b, want), d.Index)
	b, err := appendVector(b, d.Vector)
	if err != nil {
		return nil, err
	}
	b = binary.AppendUvarint(b, uint64(len(d.Reports)))
	for s, seq := range d.Reports {
		b = binary.BigEndian.AppendUint64(appendText(b, s.Node), s.Incarnation)
		b = binary.AppendUvarint(b, seq)
	}
	return b, nil
}

// UnmarshalBinary reads what AppendBinary wrote.
func (d *digest) UnmarshalBinary(data []byte) error {
	p := parser{rest: data}
	*d = digest{Want: p.byte() == 1, Index: p.uvarint(), Vector: p.vector()}
	n := p.count(maxKnown * maxProcesses)
	d.Reports = make(map[gossip.Source]uint64, min(n, 256))
	for range n {
		s := gossip.Source{Node: p.node(), Incarnation: p.fixed64()}
		d.Reports[s] = p.uvarint()
	}
	return p.end()
}

func appendText[T string | []byte](b []byte, v T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(v))), v...)
}

func appendVector(b []byte, v gossip.Vector) ([]byte, error) {
	data, err := v.AppendBinary(nil)
	if err != nil {
		return nil, err
	}
	return appendText(b, data), nil
}

func appendPeers(b []byte, all []Peer) []byte {
	for _, p := range all {
		b = appendText(appendText(b, p.ID), p.Region)
	}
	return b
}

// parser takes values off the front; after the first failure there are none.
type parser struct {
	rest []byte
	err  error
}

func (p *parser) fail(why string) {
	if p.err == nil {
		p.err, p.rest = errors.New(why), nil
	}
}

func (p *parser) byte() byte {
	if len(p.rest) == 0 {
		p.fail("it ends too early")
		return 0
	}
	v := p.rest[0]
	p.rest = p.rest[1:]
	return v
}

func (p *parser) uvarint() uint64 {
	v, n := binary.Uvarint(p.rest)
	if n <= 0 {
		p.fail("a number is none")
		return 0
	}
	p.rest = p.rest[n:]
	return v
}

func (p *parser) fixed64() uint64 {
	if len(p.rest) < 8 {
		p.fail("it ends too early")
		return 0
	}
	v := binary.BigEndian.Uint64(p.rest)
	p.rest = p.rest[8:]
	return v
}

// count is of how many values follow: none after a failure, so that nothing is
// made room for that is not there.
func (p *parser) count(limit int) int {
	n := p.uvarint()
	if n > uint64(limit) || n > uint64(len(p.rest)) {
		p.fail("it is too long")
		return 0
	}
	return int(n)
}

// text is a view.
func (p *parser) text() []byte {
	n := p.uvarint()
	if n > uint64(len(p.rest)) {
		p.fail("it ends too early")
		return nil
	}
	v := p.rest[:n:n]
	p.rest = p.rest[n:]
	return v
}

func (p *parser) node() string {
	v := string(p.text())
	if p.err == nil && !gossip.ValidNode(v) {
		p.fail("a node's id is none")
	}
	return v
}

func (p *parser) vector() gossip.Vector {
	data := p.text()
	if p.err != nil {
		return nil
	}
	var v gossip.Vector
	if err := v.UnmarshalBinary(data); err != nil {
		p.fail(err.Error())
	}
	return v
}

func (p *parser) peers(data []byte) []Peer {
	var all []Peer
	list := parser{rest: data}
	for len(list.rest) > 0 && len(all) <= maxKnown {
		all = append(all, Peer{ID: list.node(), Region: string(list.text())})
	}
	if len(all) > maxKnown {
		list.fail("it is too long")
	}
	if list.err != nil {
		p.fail(list.err.Error())
		return nil
	}
	return all
}

func (p *parser) end() error {
	if p.err == nil && len(p.rest) > 0 {
		return fmt.Errorf("%d bytes follow its end", len(p.rest))
	}
	return p.err
}
