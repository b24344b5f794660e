package gossip

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Dot names one event: the Seq-th that the process Incarnation of Node issued.
// Dots are comparable and can be map keys.
type Dot struct {
	Node        string // the node's id, see ValidNode
	Incarnation uint64 // random for each process start
	Seq         uint64 // counts up within an incarnation
}

const (
	maxNode        = 64 // bytes in a node's id
	incarnationLen = 16 // hexadecimal digits
	maxDot         = maxNode + 1 + incarnationLen + 1 + len("18446744073709551615")
)

const dotRule = "must be node.incarnation.seq, as in tokyo-1.00000000075bcd15.42"

// ValidNode reports whether s can be a node's id: 1 to 64 ASCII letters,
// digits, ".", "_" and "-", the first a letter or digit.
func ValidNode(s string) bool {
	if s == "" || len(s) > maxNode {
		return false
	}
	for i := range len(s) {
		c := s[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return true
}

// IsZero reports whether d names nothing.
func (d Dot) IsZero() bool { return d == Dot{} }

// String returns the one text form of d, which fits into a URL's path as it is:
// the node, the incarnation in 16 hexadecimal digits, the number in decimal.
// It is "" for the zero Dot.
func (d Dot) String() string {
	if d.IsZero() {
		return ""
	}
	return string(d.append(nil))
}

func (d Dot) append(b []byte) []byte {
	b = append(b, d.Node...)
	b = append(b, '.')
	digits := strconv.FormatUint(d.Incarnation, 16)
	for range incarnationLen - len(digits) {
		b = append(b, '0')
	}
	b = append(b, digits...)
	b = append(b, '.')
	return strconv.AppendUint(b, d.Seq, 10)
}

// ParseDot is the inverse of String for all but the zero Dot. It accepts no
// other spelling, so that one event has one name.
func ParseDot(s string) (Dot, error) {
	if len(s) > maxDot {
		return Dot{}, errors.New("dot: " + dotRule)
	}
	// From the right, since a node's id may hold dots.
	head, seq, ok1 := cutLast(s)
	node, incarnation, ok2 := cutLast(head)
	if !ok1 || !ok2 || !ValidNode(node) || len(incarnation) != incarnationLen {
		return Dot{}, fmt.Errorf("dot %q: %s", s, dotRule)
	}
	i, err := strconv.ParseUint(incarnation, 16, 64)
	if err != nil {
		return Dot{}, fmt.Errorf("dot %q: incarnation: %s", s, dotRule)
	}
	n, err := strconv.ParseUint(seq, 10, 64)
	if err != nil {
		return Dot{}, fmt.Errorf("dot %q: seq: %s", s, dotRule)
	}
	d := Dot{Node: node, Incarnation: i, Seq: n}
	if d.String() != s {
		return Dot{}, fmt.Errorf("dot %q: %s", s, dotRule)
	}
	return d, nil
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, '.')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// MarshalText makes a dot a string in JSON, also as the key of an object.
func (d Dot) MarshalText() ([]byte, error) {
	if d.IsZero() {
		return []byte{}, nil
	}
	if !ValidNode(d.Node) {
		return nil, fmt.Errorf("dot: node %q must have 1 to %d letters, digits, . _ and -", d.Node, maxNode)
	}
	return d.append(nil), nil
}

// UnmarshalText is the inverse of MarshalText.
func (d *Dot) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = Dot{}
		return nil
	}
	parsed, err := ParseDot(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
