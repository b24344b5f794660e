package gossip

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Source is one process start of a node: what numbers its dots.
type Source struct {
	Node        string
	Incarnation uint64
}

// Source returns who issued d.
func (d Dot) Source() Source { return Source{d.Node, d.Incarnation} }

// Compare orders sources by node and incarnation.
func (s Source) Compare(o Source) int {
	return cmp.Or(cmp.Compare(s.Node, o.Node), cmp.Compare(s.Incarnation, o.Incarnation))
}

// Vector says what a node has: of each source everything up to a number, without
// a gap. The nil Vector has nothing. Merging is commutative, associative and
// idempotent, so that it does not matter how often and in which order vectors
// arrive. A Vector is not safe for concurrent changes.
type Vector map[Source]uint64

// MaxSources bounds the sources of a vector that comes from outside. One is
// added by each process start that issues anything.
const MaxSources = 4096

// Covers reports whether what d names is among what v has.
func (v Vector) Covers(d Dot) bool { return d.Seq <= v[d.Source()] }

// CoversAll reports whether v has everything that w has.
func (v Vector) CoversAll(w Vector) bool {
	for s, n := range w {
		if v[s] < n {
			return false
		}
	}
	return true
}

// Merge adds to v what w has beyond it.
func (v Vector) Merge(w Vector) {
	for s, n := range w {
		if v[s] < n {
			v[s] = n
		}
	}
}

// Clone returns a copy; never nil.
func (v Vector) Clone() Vector {
	c := make(Vector, len(v))
	maps.Copy(c, v)
	return c
}

// Equal reports whether both have the same; a source at 0 is as good as none.
func (v Vector) Equal(w Vector) bool { return v.CoversAll(w) && w.CoversAll(v) }

// sources returns the sources of which there is anything, in order.
func (v Vector) sources() []Source {
	list := make([]Source, 0, len(v))
	for s, n := range v {
		if n > 0 {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, Source.Compare)
	return list
}

// AppendBinary appends the one binary form of v.
func (v Vector) AppendBinary(b []byte) ([]byte, error) {
	sources := v.sources()
	if len(sources) > MaxSources {
		return nil, fmt.Errorf("vector: has %d sources, at most %d are allowed", len(sources), MaxSources)
	}
	b = binary.AppendUvarint(b, uint64(len(sources)))
	for _, s := range sources {
		if !ValidNode(s.Node) {
			return nil, fmt.Errorf("vector: node %q is no node's id", s.Node)
		}
		b = appendBytes(b, s.Node)
		b = binary.BigEndian.AppendUint64(b, s.Incarnation)
		b = binary.AppendUvarint(b, v[s])
	}
	return b, nil
}

// UnmarshalBinary reads what AppendBinary wrote, and nothing else: sources out of
// order, twice, or at 0 are refused.
func (v *Vector) UnmarshalBinary(data []byte) error {
	r := reader{rest: data}
	read := r.vector()
	if err := r.end(); err != nil {
		return fmt.Errorf("vector: %w", err)
	}
	*v = read
	return nil
}

func (r *reader) vector() Vector {
	count := r.uvarint()
	if count > MaxSources {
		r.fail(fmt.Errorf("it has %d sources, at most %d are allowed", count, MaxSources))
	}
	v := Vector{}
	var last Source
	for i := uint64(0); i < count && r.err == nil; i++ {
		s := Source{Node: string(r.bytes("node", maxNode)), Incarnation: r.fixed64()}
		n := r.uvarint()
		switch {
		case r.err != nil:
		case !ValidNode(s.Node) || n == 0:
			r.fail(fmt.Errorf("source %d is none", i))
		case i > 0 && last.Compare(s) >= 0:
			r.fail(fmt.Errorf("source %d is out of order", i))
		default:
			v[s], last = n, s
		}
	}
	return v
}

// MarshalJSON writes a list of the newest dot of each source.
func (v Vector) MarshalJSON() ([]byte, error) {
	dots := make([]Dot, 0, len(v))
	for _, s := range v.sources() {
		dots = append(dots, Dot{s.Node, s.Incarnation, v[s]})
	}
	return json.Marshal(dots)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (v *Vector) UnmarshalJSON(data []byte) error {
	var dots []Dot
	if err := json.Unmarshal(data, &dots); err != nil {
		return fmt.Errorf("vector: %w", err)
	}
	if len(dots) > MaxSources {
		return fmt.Errorf("vector: has %d sources, at most %d are allowed", len(dots), MaxSources)
	}
	read := make(Vector, len(dots))
	for _, d := range dots {
		if _, twice := read[d.Source()]; twice || d.Seq == 0 {
			return fmt.Errorf("vector: %s stands twice or names nothing", d)
		}
		read[d.Source()] = d.Seq
	}
	*v = read
	return nil
}
